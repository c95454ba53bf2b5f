import dataclasses

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from nextact.evaluation import behaviour
from nextact.evaluation.behaviour import OWN_FREQUENCIES, TRAINING_FREQUENCIES, evaluate_behaviour
from nextact.sequences.histories import Histories

from .conftest import FactorsAndTypes

NAMES = ("view", "cart", "purchase")


def evaluate(holdout, **predictions):
    return evaluate_behaviour(predictions, holdout, holdout.histories, NAMES, NAMES, draws=50)


def with_types(holdout, types):
    return dataclasses.replace(holdout, next_types=np.eye(3)[types])


def test_numbers_are_those_of_scikit_learn(holdout):
    types = np.random.default_rng(0).integers(0, 3, len(holdout.users))
    predicted = FactorsAndTypes().event_type_probabilities(holdout.histories)
    found = evaluate(with_types(holdout, types), net=predicted).models["net"]
    assert found.means["log_loss"].mean == pytest.approx(log_loss(types, predicted))
    assert found.means["accuracy"].mean == pytest.approx((predicted.argmax(axis=1) == types).mean())
    for code, name in enumerate(NAMES):
        assert found.by_type["roc_auc"][name] == pytest.approx(roc_auc_score(types == code, predicted[:, code]))
        assert found.by_type["average_precision"][name] == pytest.approx(
            average_precision_score(types == code, predicted[:, code])
        )


def test_training_frequencies_predict_the_same_for_everybody(holdout):
    found = evaluate(holdout).models[TRAINING_FREQUENCIES]
    counts = np.bincount(holdout.histories.event_type, minlength=3) + 1
    shares = counts / counts.sum()
    expected = -(holdout.next_types * np.log(shares)).sum(axis=1).mean()
    assert found.means["log_loss"].mean == pytest.approx(expected)
    assert set(found.by_type["roc_auc"].values()) == {0.5}


def test_own_frequencies_win_where_users_keep_to_their_habits(holdout):
    types = np.random.default_rng(0).integers(0, 3, len(holdout.users))
    histories = holdout.histories
    habit = dataclasses.replace(histories, event_type=types[histories.users_of_events].astype(np.int8))
    found = evaluate(dataclasses.replace(with_types(holdout, types), histories=habit)).models
    assert found[OWN_FREQUENCIES].means["log_loss"].high < found[TRAINING_FREQUENCIES].means["log_loss"].low
    assert found[OWN_FREQUENCIES].means["accuracy"].mean > 0.9


def test_users_without_a_catalogue_target_are_left_out_and_counted(holdout):
    shares = holdout.next_types.copy()
    shares[:4] = 0
    found = evaluate(dataclasses.replace(holdout, next_types=shares))
    assert found.users == len(holdout.users) - 4
    assert found.users_left_out == {"no catalogue item in the target": 4}


def test_a_type_that_never_happens_has_no_area(holdout):
    found = evaluate(with_types(holdout, np.arange(len(holdout.users)) % 2)).models[OWN_FREQUENCIES]
    assert found.by_type["roc_auc"]["purchase"] is None
    assert found.by_type["average_precision"]["purchase"] is None


def test_a_model_is_compared_with_both_baselines_and_they_with_nothing(holdout):
    found = evaluate(holdout, net=FactorsAndTypes().event_type_probabilities(holdout.histories)).models
    assert set(found["net"].log_loss_against) == {TRAINING_FREQUENCIES, OWN_FREQUENCIES}
    assert found[OWN_FREQUENCIES].log_loss_against == {}
    difference = found["net"].means["log_loss"].mean - found[OWN_FREQUENCIES].means["log_loss"].mean
    assert found["net"].log_loss_against[OWN_FREQUENCIES].difference == pytest.approx(difference)


def test_what_is_given_to_types_that_are_no_targets_costs_nobody_anything(holdout):
    asked = with_types(holdout, np.arange(len(holdout.users)) % 2)
    shy = np.tile([0.2, 0.2, 0.6], (len(holdout.users), 1))  # says nothing of view or cart
    found = evaluate_behaviour({"net": shy}, asked, holdout.histories, NAMES, ("view", "cart"), draws=50).models
    assert found["net"].means["log_loss"].mean == pytest.approx(np.log(2))
    counts = np.bincount(holdout.histories.event_type, minlength=3)[:2] + 1
    expected = -np.log(counts / counts.sum()).mean()
    assert found[TRAINING_FREQUENCIES].means["log_loss"].mean == pytest.approx(expected)
    assert evaluate_behaviour({"net": shy}, asked, holdout.histories, NAMES, ("view",), draws=50) is None


def test_one_event_type_leaves_nothing_to_predict(holdout):
    assert evaluate_behaviour({}, holdout, holdout.histories, ("purchase",), ("purchase",), draws=10) is None


def test_a_training_log_without_events_still_predicts_every_type(holdout):
    nothing = Histories.from_lists([[]])
    found = evaluate_behaviour({}, holdout, nothing, NAMES, NAMES, draws=10)
    assert found.models[TRAINING_FREQUENCIES].means["log_loss"].mean == pytest.approx(np.log(3))


def test_what_a_registered_metric_returns_says_how_it_is_told(holdout, monkeypatch):
    own = {
        "brier": lambda predicted, observed: np.square(predicted - observed).sum(axis=1),
        "largest": lambda predicted, observed: float(predicted.max()),
    }
    monkeypatch.setattr(behaviour, "TYPE_METRICS", {**behaviour.TYPE_METRICS, **own})
    types = np.random.default_rng(0).integers(0, 3, len(holdout.users))
    predicted = FactorsAndTypes().event_type_probabilities(holdout.histories)
    found = evaluate(with_types(holdout, types), net=predicted).models["net"]
    assert found.means["brier"].mean == pytest.approx(np.square(predicted - np.eye(3)[types]).sum(axis=1).mean())
    assert found.numbers["largest"] == predicted.max()
    assert set(found.by_type) == {"roc_auc", "average_precision"}
