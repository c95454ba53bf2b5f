import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize

from nextact.metrics.targets import Targets
from nextact.models.hybrid import fusion as module
from nextact.models.hybrid.candidates import Choice, candidates_of
from nextact.models.hybrid.fusion import RIDGE, ScoreFusion, fit_fusion, readings
from nextact.models.hybrid.hybrid_options import StackedOptions
from nextact.models.hybrid.members import Members
from nextact.models.hybrid.stacked import StackedRanker
from nextact.sequences.histories import Histories

NAMES = ("popularity", "transition", "personal_popularity")


@pytest.fixture(scope="module")
def members(folders):
    return Members(folders)


def dense_reference(members, holdout):
    """The same logit over all items, written down user by user."""
    read, targets = [], holdout.targets.item_index
    for user in range(len(holdout.users)):
        scores = members.scores(holdout.take(np.array([user])).histories)
        pairs = [readings(of_member[0, 1:]) for of_member in scores]
        read.append(np.stack([one for one, _ in pairs] + [other for _, other in pairs], axis=1).astype(float))

    def loss(weights):
        total = 0.0
        for of_user, target in zip(read, targets, strict=True):
            logits = of_user @ weights
            total -= logits[target - 1] - np.log(np.exp(logits).sum())
        return total / len(read) + RIDGE * weights @ weights

    return minimize(loss, np.zeros(6), method="BFGS").x


def test_the_weights_are_those_of_a_dense_logit_over_all_items(members, training):
    some = training.validation.take(np.arange(20))
    found = fit_fusion(members, some, False, 0).weights
    np.testing.assert_allclose(found.ravel(), dense_reference(members, some), atol=0.02)


def test_drawn_alternatives_fit_about_the_weights_of_all_items(members, training, monkeypatch):
    several = training.validation.take(np.tile(np.arange(40), 12))
    everything = fit_fusion(members, several, False, 0).logits(members.scores(several.histories))
    monkeypatch.setattr(module, "DRAWN", 7)
    drawn = fit_fusion(members, several, False, 0).logits(members.scores(several.histories))
    assert np.corrcoef(drawn[:, 1:].ravel(), everything[:, 1:].ravel())[0, 1] > 0.97


def test_what_follows_decides_and_the_fusion_is_better_than_each_member(members, training):
    holdout = training.validation
    scores = members.scores(holdout.histories)
    mixed = fit_fusion(members, holdout, False, 0).logits(scores)

    def rank(of_model):
        own = of_model[np.arange(len(of_model)), holdout.targets.item_index]
        return (of_model[:, 1:] > own[:, None]).sum(axis=1).mean()

    assert rank(mixed) <= min(rank(of_member) for of_member in scores)


def test_a_target_that_may_not_be_recommended_is_no_example(members, training):
    seen = Histories.from_lists([[1, 2, 3]] * 3)
    examples = dataclasses.replace(
        training.validation.take(np.arange(3)), histories=seen, targets=Targets.from_lists([[2], [3], [1]])
    )
    np.testing.assert_array_equal(fit_fusion(members, examples, True, 0).weights, np.ones((2, 3)))
    assert (fit_fusion(members, examples, False, 0).weights != 1).any()


def test_other_targets_of_a_basket_are_no_alternatives(members, training):
    one = training.validation.take(np.arange(1))
    everything = Targets.from_lists([list(range(1, 10))])
    examples = dataclasses.replace(one, targets=everything)
    weights = fit_fusion(members, examples, False, 0).weights
    np.testing.assert_allclose(weights, 0, atol=1e-3)  # nothing to compare with, so that the ridge alone speaks


def test_the_best_items_of_the_fusion_are_the_candidates_and_it_speaks_like_a_member(members, training):
    histories = Histories.from_lists([[1, 2], [5]])
    scores = members.scores(histories)
    only_transition = ScoreFusion(np.array([[0, 1.0, 0], [0, 0, 0]]))
    found = candidates_of(members, scores, histories, Choice(True, 1, 4), only_transition.logits(scores))
    for user, seen in enumerate([[1, 2], [5]]):
        wanted = only_transition.logits(scores)[user]
        wanted[[0, *seen]] = -np.inf
        best = np.argsort(-wanted, kind="stable")[:4]
        assert sorted(best.tolist()) == found.item_index[user].tolist()
    assert found.scores.shape == (2, 4, 4)
    order = np.argsort(-found.scores[..., -1], axis=1)
    logits = np.take_along_axis(only_transition.logits(scores), found.item_index, axis=1)
    assert (np.diff(np.take_along_axis(logits, order, axis=1), axis=1) <= 0).all()


@pytest.mark.parametrize("by", ["fusion", "ranks"])
def test_a_ranker_finds_its_candidates_as_asked_and_a_loaded_one_too(by, folders, training, tmp_path):
    options = StackedOptions(members=NAMES, candidates_by=by, candidates=4, min_leaf=5, max_trees=10, leaves=4)
    ranker = StackedRanker(options, folders)
    report = ranker.fit(training)
    scores = ranker.score(training.histories)
    ranker.save(tmp_path)
    np.testing.assert_array_equal(StackedRanker.load(tmp_path).score(training.histories), scores)
    assert ("fusion_rank" in report["gain_share"]) == (by == "fusion")
    assert list(report["fusion"]) == (list(NAMES) if by == "fusion" else [])
    said = ranker.members.scores(training.histories)
    logits = ranker.fusion.logits(said) if by == "fusion" else None
    found = candidates_of(ranker.members, said, training.histories, ranker._choice(), logits)
    assert (found.item_index > 0).sum(axis=1).max() == 4
    for user, items in enumerate(found.item_index):
        outside = np.setdiff1d(np.arange(1, scores.shape[1]), items)
        assert scores[user, items[items > 0]].min() > scores[user, outside].max()


def test_without_popularity_members_that_say_the_same_to_everybody_are_left_out(folders, training, tmp_path):
    options = StackedOptions(members=NAMES, popularity=False, min_leaf=5, max_trees=5, leaves=4)
    ranker = StackedRanker(options, folders)
    names = ranker.fit(training)["gain_share"]
    assert ranker.members.names == ["transition", "personal_popularity"]
    assert not [name for name in names if name.startswith("popularity")]
    ranker.save(tmp_path)
    again = StackedRanker.load(tmp_path)
    np.testing.assert_array_equal(again.score(training.histories), ranker.score(training.histories))
