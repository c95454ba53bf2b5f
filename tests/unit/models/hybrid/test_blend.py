import dataclasses
import shutil

import numpy as np
import pytest

from nextact.errors import CannotFit
from nextact.metrics.ranking import ranking_metrics
from nextact.metrics.targets import Targets
from nextact.models.grounds import Ground
from nextact.models.hybrid.blend import Blend
from nextact.models.hybrid.candidates import Candidates, Choice, _best, find_candidates, single_step
from nextact.models.hybrid.hybrid_options import BlendOptions
from nextact.models.hybrid.members import Members, standardise
from nextact.models.hybrid.weights import conditional_logit, coordinate_ascent, fit_weights, ndcg
from nextact.options import OptionsError
from nextact.sequences.histories import Histories

NAMES = ("popularity", "transition", "personal_popularity")


@pytest.fixture(scope="module")
def blend(folders, training):
    model = Blend(BlendOptions(members=NAMES, candidates_per_member=4), folders)
    model.report = model.fit(training)
    return model


def test_the_weights_sum_to_one_and_favour_the_member_that_knows_the_order(blend):
    assert blend.weights.sum() == pytest.approx(1)
    assert (blend.weights >= 0).all()
    assert max(blend.report["weights"], key=blend.report["weights"].get) == "transition"


def test_the_blend_is_at_least_as_good_as_its_best_member_where_it_was_fitted(blend):
    assert blend.report["fit_ndcg@10"] >= max(blend.report["members_fit_ndcg@10"].values())


def test_scores_are_the_weighted_sum_of_standardised_scores(blend, training):
    histories = training.histories.take(np.arange(5))
    members = [model.score(histories)[:, 1:] for model in blend.members.models.values()]
    expected = sum(
        weight * (scores - scores.mean(1, keepdims=True)) / scores.std(1, keepdims=True)
        for weight, scores in zip(blend.weights, members, strict=True)
    )
    np.testing.assert_allclose(blend.score(histories)[:, 1:], expected, atol=1e-5)


def test_a_loaded_blend_scores_the_same_without_its_members_folders(blend, training, folders, tmp_path):
    blend.save(tmp_path)
    moved = tmp_path.with_name("moved")
    shutil.move(tmp_path, moved)
    again = Blend.load(moved)
    assert again.options == blend.options
    np.testing.assert_array_equal(again.score(training.histories), blend.score(training.histories))


def test_over_refitted_members_the_weights_come_from_all_users_by_what_the_first_members_say(blend, folders, training):
    some = dataclasses.replace(training, validation=training.validation.take(np.arange(5)))
    half = Blend(blend.options, folders)
    half.fit(some)
    swapped = dict(zip(folders, reversed(folders.values()), strict=True))
    again, report = half.with_refitted(swapped, training, training)
    np.testing.assert_array_equal(again.weights, blend.weights)
    assert (again.weights != half.weights).any()
    assert list(report["weights"].values()) == again.weights.round(4).tolist()
    members = again.members.scores(training.histories)
    expected = sum(weight * scores for weight, scores in zip(blend.weights, members, strict=True))
    np.testing.assert_allclose(again.score(training.histories), expected, atol=1e-5)
    kept = half.with_members(swapped, training)
    np.testing.assert_array_equal(kept.weights, half.weights)
    assert kept.members.folders == swapped


def test_a_user_without_a_history_is_scored_by_what_the_members_say_of_nobody(blend):
    nobody = Histories.from_lists([[]])
    by_hand = Blend(blend.options, blend.members)
    by_hand.weights = np.array([0.3, 0.6, 0.1])  # the transition table says nothing of nobody
    scores, popular = by_hand.score(nobody), by_hand.members.models["popularity"].score(nobody)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(np.argsort(-scores[0, 1:], kind="stable"), np.argsort(-popular[0, 1:], kind="stable"))


def test_evidence_comes_from_the_member_that_adds_most(blend):
    histories = Histories.from_lists([[5, 1]])
    item = np.array([[2]], np.int32)
    assert blend.explain(histories, item).item_index.tolist() == [[1]]  # the transition table's: 2 follows 1


def test_grounds_are_those_of_the_member_that_is_quoted(blend):
    by_hand = Blend(blend.options, blend.members)
    by_hand.weights = np.array([{"popularity": 1.0, "transition": 0.01}.get(name, 0.0) for name in blend.members.names])
    items, nobody = np.array([[2]], np.int32), Histories.from_lists([[]])
    assert by_hand.explain(Histories.from_lists([[5, 1]]), items).ground.tolist() == [[Ground.FOLLOWS]]
    best = by_hand.members.models["popularity"].score(nobody).argmax(axis=1)[:, None].astype(np.int32)
    assert by_hand.explain(nobody, best).ground.tolist() == [[Ground.POPULAR]]
    by_hand.weights = np.zeros(len(blend.members.names))
    assert by_hand.explain(nobody, best).ground.tolist() == [[Ground.NOTHING]]


def test_evidence_of_an_empty_place_is_nothing(blend):
    assert blend.explain(Histories.from_lists([[5, 1]]), np.zeros((1, 2), np.int32)).item_index.tolist() == [[0, 0]]


def test_an_empty_fitting_half_is_refused(folders, training):
    nobody = dataclasses.replace(training, validation=training.validation.take(np.arange(0)))
    with pytest.raises(CannotFit, match="fitting half of the validation users is empty"):
        Blend(BlendOptions(members=NAMES), folders).fit(nobody)


@pytest.mark.parametrize("members", [("gpt2",), ("ease", "ease")])
def test_a_blend_of_less_than_two_different_members_is_refused(members):
    with pytest.raises(OptionsError, match="two different names"):
        BlendOptions(members=members)


def test_the_scores_of_the_last_block_are_kept_for_its_reasons_and_no_others(folders, training, monkeypatch):
    members, asked = Members(folders), []
    score = members.models["transition"].score
    monkeypatch.setattr(members.models["transition"], "score", lambda histories: asked.append(1) or score(histories))
    one, same, other = (training.histories.take(np.array(users)) for users in ([3, 4], [3, 4], [3, 5]))
    first = [scores.copy() for scores in members.scores(one)]
    np.testing.assert_array_equal(members.scores(same), first)
    assert len(asked) == 1
    np.testing.assert_array_equal(members.scores(other), list(members.each_scores(other)))
    np.testing.assert_array_equal(members.scores(one), first)
    assert len(asked) == 4


def test_equal_scores_of_any_size_are_standardised_to_zero():
    np.testing.assert_array_equal(standardise(np.full((2, 1_001), 0.1, np.float32)), np.zeros((2, 1_001)))


def test_scores_that_differ_little_from_their_mean_keep_their_digits():
    scores = np.random.default_rng(0).integers(0, 1_000, (3, 401)).astype(np.float32) + np.float32(2**23)
    wide = scores[:, 1:].astype(np.float64)
    expected = (wide - wide.mean(axis=1, keepdims=True)) / wide.std(axis=1, keepdims=True)
    np.testing.assert_allclose(standardise(scores)[:, 1:], expected, atol=1e-5)


def test_standardise_ignores_the_padding_column():
    found = standardise(np.array([[1e9, 2, 4, 6]], np.float32))
    np.testing.assert_allclose(found, [[0, -np.sqrt(1.5), 0, np.sqrt(1.5)]], rtol=1e-6)


def test_candidates_are_the_best_allowed_items_of_every_member(folders, training):
    members = Members(folders)
    found = find_candidates(members, training.validation, Choice(True, 2, 99))
    for user in range(6):
        one = training.validation.take(np.array([user]))
        expected = set()
        for scores in members.scores(one.histories):
            scores[0, 0] = -np.inf
            scores[0, one.histories.item_index] = -np.inf
            expected |= {int(scores[0].argmax())}
        candidates = set(found.item_index[user].tolist())
        assert expected <= candidates
        assert not candidates & set(one.histories.item_index.tolist())


def test_where_there_are_too_many_candidates_those_with_the_most_points_stay():
    random = np.random.default_rng(4)
    scores = [random.permutation(np.arange(21.0, dtype=np.float32))[None] for _ in range(3)]
    points = {
        item: sum(1 / (10 + rank) for rank in (int((one[0, 1:] > one[0, item]).sum()) for one in scores) if rank < 8)
        for item in range(1, 21)
    }
    chosen = _best(scores, Histories.from_lists([[5]]), Choice(False, 8, 6))
    expected = sorted(points, key=lambda item: -points[item])[:6]
    assert np.flatnonzero(chosen[0]).tolist() == sorted(expected)


def test_points_of_rank_by_hand():
    scores = [np.array([[0, 9, 8, 7, 1, 0]], np.float32), np.array([[0, 1, 2, 0, 9, 8]], np.float32)]
    # the best three of each: 1, 2, 3 and 4, 5, 2; item 2 has 1/11 + 1/12, items 1 and 4 have 1/10
    chosen = _best(scores, Histories.from_lists([[5]]), Choice(False, 3, 3))
    assert np.flatnonzero(chosen[0]).tolist() == [1, 2, 4]
    tied = _best(scores, Histories.from_lists([[5]]), Choice(False, 3, 2))
    assert np.flatnonzero(tied[0]).tolist() == [1, 2]  # of 1 and 4, which tie, the lower index
    unseen = _best(scores, Histories.from_lists([[2]]), Choice(True, 3, 9))
    assert np.flatnonzero(unseen[0]).tolist() == [1, 3, 4, 5]


def test_a_single_step_is_a_whole_basket_and_nothing_where_there_is_none():
    histories = Histories.from_lists([[7, 8, 9], [], [4]], timestamps=[[0, 1, 1], [], [5]])
    newest, before = (single_step(histories, back) for back in (0, 1))
    assert (newest.item_index.tolist(), newest.offsets.tolist()) == ([8, 9, 4], [0, 2, 2, 3])
    assert (before.item_index.tolist(), before.offsets.tolist()) == ([7], [0, 1, 1, 1])
    assert single_step(histories, 2).n_events == 0


def test_views_are_what_a_member_says_of_one_step(folders, training):
    members = Members(folders)
    assert members.adding == ["transition"]
    found = find_candidates(members, training.validation, Choice(False, 9, 99, views=2))
    table = members.models["transition"].weights.toarray()
    for user in range(5):
        items = training.histories.take(np.array([user])).item_index
        for back in (0, 1):
            expected = table[items[-1 - back]][found.item_index[user]]
            np.testing.assert_allclose(found.views[user, :, back, 0], expected, rtol=1e-5)


def test_a_target_that_is_no_candidate_counts_as_missed(folders, training):
    found = find_candidates(Members(folders), training.validation, Choice(False, 1, 99))
    assert found.targets.n_relevant.tolist() == training.validation.targets.n_relevant.tolist()
    assert 0 < found.recall < 1


def test_ndcg_over_all_items_as_candidates_equals_the_metric(folders, training):
    members = Members(folders)
    found = find_candidates(members, training.validation, Choice(False, 9, 99))
    weights = np.array([0.2, 0.7, 0.1])
    dense = sum(w * s for w, s in zip(weights.astype(np.float32), members.scores(training.histories), strict=True))
    dense[:, 0] = -np.inf
    expected = ranking_metrics(dense, training.validation.targets, (10,))["ndcg@10"].mean()
    assert ndcg(found, weights, 10) == pytest.approx(expected, abs=1e-6)


def one_list(scores, is_target, n_relevant=None):
    scores = np.array(scores, np.float32)
    items = np.broadcast_to(np.arange(1, scores.shape[1] + 1, dtype=np.int32), scores.shape[:2]).copy()
    views = np.zeros((*scores.shape[:2], 0, 0), np.float32)
    wanted = np.array(is_target).sum(axis=1) if n_relevant is None else n_relevant
    return Candidates(items, scores, views, np.array(is_target), wanted)


def test_the_conditional_logit_finds_the_weight_at_which_expected_equals_observed():
    # two candidates with scores 1 and 0; the first is taken by 3 of 4 users: sigmoid(w) = .75 without a penalty
    candidates = one_list([[[1.0], [0.0]]] * 4, [[True, False]] * 3 + [[False, True]])
    assert conditional_logit(candidates, l2=0)[0] == pytest.approx(np.log(3), abs=1e-3)


def test_the_conditional_logit_gives_nothing_to_a_member_that_is_wrong():
    candidates = one_list([[[1.0, -1.0], [0.0, 0.0]]] * 4, [[True, False]] * 4)
    assert conditional_logit(candidates)[1] == pytest.approx(0, abs=1e-6)


def test_climbing_never_lowers_ndcg():
    random = np.random.default_rng(1)
    candidates = one_list(random.normal(size=(30, 8, 3)), random.random((30, 8)) < 0.2, np.full(30, 8))
    start = np.ones(3) / 3
    assert ndcg(candidates, coordinate_ascent(candidates, start, 3, 5), 5) >= ndcg(candidates, start, 5)


def test_without_a_target_among_the_candidates_all_members_weigh_the_same():
    candidates = one_list(np.ones((2, 3, 2)), np.zeros((2, 3), bool), np.array([1, 1]))
    np.testing.assert_allclose(fit_weights(candidates, 2, 10), [0.5, 0.5])


def test_targets_of_candidates_are_places_in_the_row():
    candidates = one_list(np.zeros((1, 3, 1)), [[False, True, True]])
    expected = Targets.from_lists([[2, 3]])
    assert candidates.targets.item_index.tolist() == expected.item_index.tolist()
