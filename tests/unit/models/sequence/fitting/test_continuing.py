import copy
import dataclasses

import numpy as np
import pytest

from nextact.models.recommender import GoesOn
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.sequences.histories import Histories

from ..conftest import holdout_of, small, training_of

# up to day 5 item n is followed by n + 1; then by n + 2
BEFORE = [[1 + (start + step) % 8 for step in range(6)] for start in range(8)]
AFTER = [user + [1 + (user[-1] + 1 + 2 * step) % 8 for step in range(6)] for user in BEFORE]
NOBODY = holdout_of(Histories.from_lists([]), [])
MORE = {"dimensions": 16, "learning_rate": 0.02, "dropout": 0.0, "max_steps": 12, "epochs": 20}


def with_optimiser(options, **changes):
    return dataclasses.replace(options, optimiser=dataclasses.replace(options.optimiser, **changes))


def training(items, **more):
    return training_of(Histories.from_lists(items), 8, NOBODY, **more)


@pytest.fixture(scope="module")
def first():
    model = SequenceRecommender(with_optimiser(small(**MORE), newer_epochs=25, newer_rate=1.0))
    model.fit(training(BEFORE))
    return model


def chance(model, histories, targets):
    scores = model.score(Histories.from_lists(histories)).astype(float)[:, 1:]
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True))[np.arange(len(targets)), np.array(targets) - 1]


def go_on(first, items=AFTER, learnt=BEFORE, **changes):
    model = copy.deepcopy(first)
    model.options = with_optimiser(model.options, **changes)
    return model, model.go_on(training(items, learnt=Histories.from_lists(learnt)))


def test_what_is_new_is_learnt_from_where_the_weights_stand(first):
    following = [1 + (user[-1] + 1) % 8 for user in AFTER]
    model, report = go_on(first)
    assert isinstance(model, GoesOn)
    assert chance(first, AFTER, following).mean() < 0.5 < 0.9 < chance(model, AFTER, following).mean()
    assert report["epochs"] == 25
    assert not model.network.training


def test_the_same_newer_steps_give_the_same_weights(first):
    one, other = go_on(first, newer_epochs=2)[0], go_on(first, newer_epochs=2)[0]
    histories = Histories.from_lists(AFTER)
    np.testing.assert_array_equal(one.score(histories), other.score(histories))


def test_without_a_newer_step_the_weights_stay(first):
    model, report = go_on(first, items=BEFORE)
    assert report["epochs"] == 0
    histories = Histories.from_lists(BEFORE)
    np.testing.assert_array_equal(model.score(histories), first.score(histories))


def test_an_item_that_had_no_event_becomes_warm(first):
    cold = SequenceRecommender(first.options)
    cold.fit(training([[item for item in user if item != 8] for user in BEFORE]))
    assert not cold.network.is_warm_V[8]
    learnt = [[item for item in user if item != 8] for user in BEFORE]
    model, _ = go_on(cold, items=[[*user, 8, 8, 8] for user in learnt], learnt=learnt)
    assert model.network.is_warm_V[8]
    assert chance(model, [[*user, 8] for user in learnt], [8] * 8).mean() > 0.8
