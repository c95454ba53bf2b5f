import dataclasses
import itertools
import json

import numpy as np
import pytest

from nextact.errors import CannotFit, NextactError
from nextact.models.hybrid.candidates import Candidates, Choice, candidates_of
from nextact.models.hybrid.features import (
    OF_ITEM,
    OF_USER,
    OWN,
    FeatureGroups,
    feature_names,
    features,
    of_items,
    of_users,
    of_views,
    own_past,
    ranks,
)
from nextact.models.hybrid.hybrid_options import StackedOptions
from nextact.models.hybrid.item_facts import FACTS, item_facts
from nextact.models.hybrid.stacked import StackedRanker
from nextact.models.hybrid.trees import _settings, grow_so_many
from nextact.options import OptionsError
from nextact.sequences.histories import Histories
from nextact.stored import StoredError

NAMES = ("popularity", "transition", "personal_popularity")
DAY = 86_400_000_000


def options(**changes):
    return StackedOptions(
        **{"members": NAMES, "candidates_per_member": 3, "min_leaf": 5, "max_trees": 15, "leaves": 4, "boosters": 2}
        | changes
    )


@pytest.fixture(scope="module")
def ranker(folders, training):
    model = StackedRanker(options(), folders)
    model.report = model.fit(training)
    return model


def column(name):
    return OWN.index(name)


def texts(boosters):
    return [booster.model_to_string() for booster in boosters.each]


def test_the_trees_learn_that_what_follows_matters(ranker, training):
    from nextact.metrics.ranking import ranking_metrics

    def ndcg(model):
        scores = np.array(model.score(training.histories))
        scores[:, 0] = -np.inf
        return ranking_metrics(scores, training.validation.targets, (10,))["ndcg@10"].mean()

    assert ndcg(ranker) > 1.2 * ndcg(ranker.members.models["popularity"])
    shares = ranker.report["gain_share"]
    assert shares["transition_score"] + shares["transition_rank"] == max(
        shares[f"{name}_score"] + shares[f"{name}_rank"] for name in NAMES
    )


def test_trees_by_log_loss_order_what_they_have_learnt_too(folders, training):
    ranker = StackedRanker(options(objective="binary"), folders)
    ranker.fit(training)
    target = training.validation.targets.item_index
    scores = ranker.score(training.histories)
    better = (scores[:, 1:] > scores[np.arange(len(target)), target][:, None]).sum(axis=1)
    assert (better == 0).mean() > 0.9
    assert all("objective=binary" in text for text in texts(ranker.boosters))


def test_every_candidate_comes_before_every_other_item(ranker, training):
    histories = training.histories
    scores = ranker.score(histories)
    said = ranker.members.scores(histories)
    logits = ranker.fusion.logits(said)
    found = candidates_of(ranker.members, said, histories, Choice(False, 3, 100), logits).item_index
    for user in range(histories.n_users):
        inside = found[user][found[user] > 0]
        outside = np.setdiff1d(np.arange(1, scores.shape[1]), inside)
        assert scores[user, inside].min() > scores[user, outside].max(initial=-np.inf)
    assert np.isfinite(scores).all()


def test_a_loaded_ranker_scores_the_same(ranker, training, tmp_path):
    ranker.save(tmp_path)
    again = StackedRanker.load(tmp_path)
    np.testing.assert_array_equal(again.score(training.histories), ranker.score(training.histories))


def test_a_ranker_whose_trees_read_other_features_is_refused(ranker, tmp_path):
    ranker.save(tmp_path)
    trees = (tmp_path / "trees_0.txt").read_text()
    (tmp_path / "trees_0.txt").write_text(trees.replace(" repeat_share", " another"))
    with pytest.raises(NextactError, match="2 differ, as 'another'; fit the stacked ranker again"):
        StackedRanker.load(tmp_path)


def test_over_members_of_more_events_the_facts_are_new_and_the_same_examples_give_the_same_trees(
    ranker, folders, training
):
    twice = dataclasses.replace(training, histories=Histories.from_lists(2 * [[1, 2, 3]] + [[4]]))
    again, _ = ranker.with_refitted(folders, twice, training)
    same, _ = ranker.with_refitted(folders, training, training)
    assert texts(again.boosters) == texts(same.boosters)
    np.testing.assert_array_equal(again.facts, item_facts(twice.histories, training.n_items))
    again.facts = same.facts
    np.testing.assert_array_equal(again.score(training.histories), same.score(training.histories))


def test_over_refitted_members_as_many_trees_are_grown_from_all_users_by_what_the_first_members_say(
    ranker, folders, training
):
    some = dataclasses.replace(training, validation=training.validation.take(np.arange(25)))
    half = StackedRanker(ranker.options, folders)
    half.fit(some)
    swapped = dict(zip(folders, reversed(folders.values()), strict=True))
    again, report = half.with_refitted(swapped, training, training)
    lists = ranker._lists(training)[0]
    expected = grow_so_many(lists, half.boosters.n_trees, ranker.options, training.context.seed)
    assert texts(again.boosters) == texts(expected)
    assert again.boosters.n_trees == half.boosters.n_trees
    assert texts(again.boosters) != texts(half.boosters)
    assert again.members.folders == swapped
    assert report["fusion"] == again._fusion_in_words() != half._fusion_in_words()
    assert report["users"] == len(np.unique(lists.users))


def test_over_other_members_without_examples_the_trees_stay(ranker, folders, training):
    twice = dataclasses.replace(training, histories=Histories.from_lists(2 * [[1, 2, 3]] + [[4]]))
    swapped = dict(zip(folders, reversed(folders.values()), strict=True))
    again = ranker.with_members(swapped, twice)
    assert again.boosters is ranker.boosters
    assert again.members.folders == swapped
    np.testing.assert_array_equal(again.facts, item_facts(twice.histories, training.n_items))
    same = ranker.with_members(folders, training)
    np.testing.assert_array_equal(same.score(training.histories), ranker.score(training.histories))


def test_the_same_seed_grows_the_same_trees(ranker, folders, training):
    again = StackedRanker(options(), folders)
    again.fit(training)
    np.testing.assert_array_equal(again.score(training.histories), ranker.score(training.histories))


def test_boosters_differ_and_their_scores_are_averaged(ranker, training):
    lists = ranker._lists(training)[0]
    assert len(set(texts(ranker.boosters))) == ranker.report["boosters"] == 2
    each = [booster.predict(lists.features[lists.real], raw_score=True) for booster in ranker.boosters.each]
    assert not np.allclose(*each)
    found = ranker.boosters.predict(lists.features, lists.real)
    np.testing.assert_allclose(found[lists.real], np.mean(each, axis=0), rtol=1e-6)
    assert (found[~lists.real] == -np.inf).all()


def test_shares_of_the_gain_are_of_all_boosters(ranker):
    gains = sum(booster.feature_importance("gain") for booster in ranker.boosters.each)
    shares = ranker.boosters.gain_share()
    assert sum(shares.values()) == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(list(shares.values()), gains / gains.sum(), atol=1e-4)


def test_trees_of_an_earlier_version_are_refused(ranker, tmp_path):
    ranker.save(tmp_path)
    described = json.loads((tmp_path / "stacked.json").read_text())
    del described["boosters"]
    (tmp_path / "stacked.json").write_text(json.dumps(described))
    with pytest.raises(NextactError, match="an earlier version wrote these trees; fit the stacked ranker again"):
        StackedRanker.load(tmp_path)


def test_a_broken_tree_file_is_named(ranker, tmp_path):
    ranker.save(tmp_path)
    whole = (tmp_path / "trees_1.txt").read_text()
    for broken in ("nonsense", whole[: len(whole) // 2], whole[: whole.index("end of parameters")]):
        (tmp_path / "trees_1.txt").write_text(broken)
        with pytest.raises(StoredError, match=r"trees_1\.txt cannot be read: it is no whole text of trees"):
            StackedRanker.load(tmp_path)


def test_too_few_users_with_a_reachable_target_are_refused(folders, training):
    few = dataclasses.replace(training, validation=training.validation.take(np.arange(5)))
    with pytest.raises(CannotFit, match=r"it needs 10 fitting users .* got 5; hold out more users"):
        StackedRanker(options(), folders).fit(few)
    nobody = dataclasses.replace(training, validation=training.validation.take(np.arange(0)))
    with pytest.raises(CannotFit, match=r"it needs 10 fitting users .* got 0"):
        StackedRanker(options(), folders).fit(nobody)


def test_many_examples_of_few_users_are_not_enough(folders, training):
    """A part of the users is left out in turn: with fewer than the parts LightGBM breaks down."""
    three = dataclasses.replace(training, validation=training.validation.take(np.repeat(np.arange(3), 20)))
    with pytest.raises(CannotFit, match="got 3"):
        StackedRanker(options(), folders).fit(three)


def test_seen_items_are_no_candidates_where_the_policy_excludes_them(folders, training):
    model = StackedRanker(options(), folders)
    model.fit(dataclasses.replace(training, exclude_seen=True))
    history = Histories.from_lists([[1, 2, 3]])
    assert set(model.score(history)[0].argsort()[::-1][:3].tolist()).isdisjoint({1, 2, 3})


def test_a_user_without_a_history_gets_a_finite_score_of_everything(ranker):
    assert np.isfinite(ranker.score(Histories.from_lists([[]]))).all()


def test_evidence_is_the_item_before_what_follows(ranker):
    assert ranker.explain(Histories.from_lists([[5, 1]]), np.array([[2]], np.int32)).item_index.tolist() == [[1]]


@pytest.mark.parametrize(
    "wrong", [{"leaves": 1}, {"learning_rate": 0.0}, {"max_trees": 0}, {"views": -1}, {"members": ("ease",)}]
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(OptionsError):
        StackedOptions(**wrong)


def test_own_past_by_hand():
    # item 7 bought on days 0, 10 and 16, item 8 on day 16; the newest event is on day 20
    histories = Histories.from_lists([[7, 7, 8, 7, 9]], timestamps=[[0, 10 * DAY, 16 * DAY, 16 * DAY, 20 * DAY]])
    found = own_past(np.array([[7, 8, 5, 0]], np.int32), histories)[0]
    np.testing.assert_allclose(found[0], [3, 3 / 5, 4, 1, 8, 0.5, 1, 1, 0, 3, 3])
    np.testing.assert_allclose(found[1], [1, 1 / 5, 4, 1, np.nan, np.nan, np.nan, np.nan, 0, 1, 1])
    np.testing.assert_allclose(found[2], [0, 0, *[np.nan] * 6, 0, 0, 0])
    np.testing.assert_array_equal(found[2], found[3])


def test_own_past_of_events_at_one_moment_has_no_gap():
    found = own_past(np.array([[4]], np.int32), Histories.from_lists([[4, 4]], timestamps=[[DAY, DAY]]))[0, 0]
    assert found[column("own_events")] == 2
    assert np.isnan(found[column("gap_days")])
    assert np.isnan(found[column("age_in_gaps")])


def test_own_past_without_any_event_is_unknown():
    found = own_past(np.array([[4]], np.int32), Histories.from_lists([[]]))[0, 0]
    assert found[:2].tolist() == [0, 0]
    assert np.isnan(found[2:-3]).all()
    assert found[-3:].tolist() == [0, 0, 0]


def test_own_events_are_counted_in_the_newest_steps_as_a_loop_does():
    random = np.random.default_rng(3)
    lists = [random.integers(1, 4, 30).tolist() for _ in range(3)]
    times = [sorted(random.integers(0, 25, 30).tolist()) for _ in range(3)]
    found = own_past(np.array([[1, 2, 3]] * 3, np.int32), Histories.from_lists(lists, timestamps=times))
    for user in range(3):
        moments = sorted(set(times[user]))
        for n_steps in (1, 5, 20):
            kept = [item for item, time in zip(lists[user], times[user], strict=True) if time in moments[-n_steps:]]
            expected = [kept.count(item) for item in (1, 2, 3)]
            assert found[user, :, column(f"own_last_{n_steps}")].tolist() == expected


def test_features_of_users_by_hand():
    histories = Histories.from_lists([[3, 3, 4], []], timestamps=[[0, 1, 1], []])
    found = dict(zip(OF_USER, of_users(histories).T.tolist(), strict=True))
    assert found["user_events"] == [3, 0]
    assert found["user_steps"] == [2, 0]
    assert found["user_items"] == [2, 0]
    assert found["user_repeat_share"] == pytest.approx([1 / 3, 0])
    days = Histories.from_lists([[3, 4, 5], [6], []], timestamps=[[0, 4 * DAY, 7 * DAY], [DAY], []])
    spans = of_users(days)[:, -2:]
    np.testing.assert_allclose(spans, [[7, 3], [0, np.nan], [np.nan, np.nan]])


def test_item_facts_by_hand():
    histories = Histories.from_lists([[1, 2], [2], []], timestamps=[[0, 60 * DAY], [120 * DAY], []])
    found = dict(zip(FACTS, item_facts(histories, 3).T, strict=True))
    np.testing.assert_allclose(found["log_popularity"][1:], np.log1p([1, 2, 0]))
    np.testing.assert_allclose(found["log_recent_popularity"][1:], np.log1p([0.25, 1.5, 0]), rtol=1e-6)
    np.testing.assert_allclose(found["newest_share"][1:], [0, 1, np.nan])
    np.testing.assert_allclose(found["last_day"][1:], [0, 120, np.nan])
    np.testing.assert_allclose(found["first_day"][1:], [0, 60, np.nan])


def test_repeats_of_items_by_hand():
    times = [[0, 4 * DAY, 10 * DAY], [2 * DAY, 40 * DAY], [36 * DAY], [3 * DAY, 39 * DAY]]
    histories = Histories.from_lists([[1, 1, 1], [1, 2], [2], [1, 1]], timestamps=times)
    found = dict(zip(FACTS, item_facts(histories, 3).T, strict=True))
    np.testing.assert_allclose(found["repeat_share"][1:], [3 / 6, 0, np.nan])
    np.testing.assert_allclose(found["repeat_gap_days"][1:], [(4 + 6 + 36) / 3, np.nan, np.nan], rtol=1e-6)


def test_newest_weeks_of_items_by_hand():
    ages = [[40, 28, 27.9, 20, 7, 6.9, 0], [50]]  # days before the newest event of the log
    times = [[round((60 - age) * DAY) for age in of_user] for of_user in ages]
    found = dict(zip(FACTS, item_facts(Histories.from_lists([[1] * 7, [2]], timestamps=times), 2).T, strict=True))
    np.testing.assert_allclose(found["week_in_month"][1:], [2 / 5, np.nan], rtol=1e-6)
    np.testing.assert_allclose(found["month_share"][1:], [5 / 7, 0], rtol=1e-6)


@pytest.mark.parametrize(("n_lists", "fewest"), [(40, 2), (100_000, 5)])
def test_leaves_hold_a_hundredth_of_few_candidates(n_lists, fewest):
    assert _settings(options(), 0, 5 * n_lists)["min_data_in_leaf"] == fewest


def test_ages_of_items_run_to_the_users_newest_event():
    facts = item_facts(Histories.from_lists([[1, 2]], timestamps=[[0, 10 * DAY]]), 2)
    user = Histories.from_lists([[2], []], timestamps=[[15 * DAY], []])
    found = of_items(np.array([[1, 2]] * 2, np.int32), user, facts)
    ages = OF_ITEM.index("item_days_since")
    np.testing.assert_allclose(found[0, :, ages : ages + 2], [[15, 15], [5, 5]])
    np.testing.assert_allclose(found[0, :, -1], np.log(2), rtol=1e-6)
    assert np.isnan(found[1, :, [ages, ages + 1, -1]]).all()


def test_views_are_followed_by_their_largest_and_their_mean():
    views = np.array([[[[1.0, 5.0], [3.0, 1.0]]]], np.float32)  # one candidate, two steps, two members
    assert of_views(views)[0, 0].tolist() == [1, 5, 3, 1, 3, 5, 2, 3]


def test_ranks_order_candidates_by_each_member_with_empty_places_last():
    scores = np.array([[[0.5, -1.0], [2.0, -3.0], [9.0, 9.0]]], np.float32)
    views = np.zeros((1, 3, 0, 0), np.float32)
    wanted = np.zeros(1, np.int64)
    candidates = Candidates(np.array([[4, 5, 0]], np.int32), scores, views, np.zeros((1, 3), bool), wanted)
    assert ranks(candidates)[0].tolist() == [[2, 1], [1, 2], [3, 3]]


@pytest.mark.parametrize("asked", [FeatureGroups(*flags) for flags in itertools.product([True, False], repeat=3)])
@pytest.mark.parametrize("views", [0, 2])
def test_there_is_a_name_for_every_feature(asked, views):
    shape = (1, 2)
    candidates = Candidates(
        np.array([[1, 2]], np.int32),
        np.zeros((*shape, 3), np.float32),
        np.zeros((*shape, views, 1), np.float32),
        np.zeros(shape, bool),
        np.zeros(1, np.int64),
    )
    history = Histories.from_lists([[1, 1, 2]])
    table = features(candidates, history, item_facts(history, 2), asked)
    names = feature_names(list(NAMES), ["transition"], views, asked)
    assert table.shape[2] == len(names) == len(set(names))
    assert table[0, :, names.index("own_events")].tolist() == [2, 1]
    assert table[0, :, names.index("transition_rank")].tolist() == [1, 2]
    assert ("popularity_score" in names, "user_events" in names) == (asked.member_scores, asked.users)
    if asked.users:
        assert table[0, :, names.index("user_events")].tolist() == [3, 3]
    if asked.items:
        np.testing.assert_allclose(table[0, :, names.index("log_popularity")], np.log1p([2, 1]))
