from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from nextact.metrics.behaviour import (
    PROBABILITY_FLOOR,
    PerClass,
    accuracy,
    average_precision,
    expected_calibration_error,
    log_loss,
    roc_auc,
)
from nextact.metrics.errors import MetricsError

PerUserMetric = Callable[[NDArray[np.floating], NDArray[np.int64]], NDArray[np.float64]]


def random_case(n_users: int = 200, n_types: int = 4) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(3)
    # Coarse values, so that users tie.
    predicted = rng.integers(1, 5, size=(n_users, n_types)).astype(float)
    return predicted / predicted.sum(axis=1, keepdims=True), rng.integers(0, n_types, n_users)


@pytest.mark.parametrize("metric", [accuracy, log_loss])
def test_a_class_counts_as_a_certain_distribution(metric: PerUserMetric) -> None:
    predicted, observed = random_case()
    np.testing.assert_allclose(metric(predicted, observed), metric(predicted, np.eye(4)[observed]))


def test_log_loss_agrees_with_scikit_learn() -> None:
    predicted, observed = random_case()
    assert log_loss(predicted, observed).mean() == pytest.approx(sklearn_metrics.log_loss(observed, predicted))


def test_log_loss_of_an_impossible_type_stops_at_the_floor() -> None:
    assert log_loss(np.array([[1.0, 0.0]]), np.array([1]))[0] == pytest.approx(-np.log(PROBABILITY_FLOOR))


def test_log_loss_of_a_distribution_is_least_at_the_distribution() -> None:
    observed = np.array([[0.7, 0.3]])
    right, wrong = log_loss(observed, observed)[0], log_loss(np.array([[0.6, 0.4]]), observed)[0]
    assert right == pytest.approx(-(0.7 * np.log(0.7) + 0.3 * np.log(0.3)))
    assert wrong > right


def test_accuracy_of_a_distribution_is_the_share_of_the_likeliest_type() -> None:
    assert accuracy(np.array([[0.6, 0.4]]), np.array([[0.2, 0.8]])).tolist() == [0.2]


def test_accuracy_does_not_favour_the_first_of_tied_types() -> None:
    predicted = np.full((4, 4), 0.25)
    assert accuracy(predicted, np.arange(4)).tolist() == [0.25] * 4


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (roc_auc, sklearn_metrics.roc_auc_score),
        (average_precision, sklearn_metrics.average_precision_score),
    ],
)
def test_areas_of_classes_agree_with_scikit_learn(ours: Callable[..., PerClass], theirs: Callable[..., float]) -> None:
    predicted, observed = random_case()
    expected = [theirs(observed == kind, predicted[:, kind]) for kind in range(4)]
    np.testing.assert_allclose(ours(predicted, observed).values, expected)


def test_a_distribution_of_counts_equals_its_users_one_by_one() -> None:
    predicted = np.array([[0.8, 0.2], [0.5, 0.5], [0.3, 0.7]])
    shares = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    each = roc_auc(np.repeat(predicted, 2, axis=0), np.array([0, 0, 0, 1, 1, 1]))
    np.testing.assert_allclose(roc_auc(predicted, shares).values, each.values)


def test_types_never_or_always_observed_are_nan_and_listed() -> None:
    never = roc_auc(np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3]]), np.array([0, 1]))
    assert never.undefined == (2,)
    assert np.isnan(never.values).tolist() == [False, False, True]
    always = average_precision(np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([1, 1]))
    assert always.undefined == (0, 1)
    assert np.isnan(always.values).all()


def test_no_users_leave_every_type_undefined() -> None:
    assert roc_auc(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)).undefined == (0, 1, 2)


def test_a_confident_and_right_prediction_is_calibrated() -> None:
    assert expected_calibration_error(np.array([[1.0, 0.0]]), np.array([0])) == 0


def test_a_confident_and_wrong_prediction_is_all_error() -> None:
    assert expected_calibration_error(np.array([[1.0, 0.0]]), np.array([1])) == 1


def test_errors_in_one_bin_cancel_and_in_two_do_not() -> None:
    predicted, observed = np.array([[0.6, 0.4], [0.8, 0.2]]), np.array([0, 1])
    assert expected_calibration_error(predicted, observed, n_bins=1) == pytest.approx(0.2)
    assert expected_calibration_error(predicted, observed, n_bins=10) == pytest.approx((0.4 + 0.8) / 2)


def test_calibration_of_no_users_raises() -> None:
    with pytest.raises(MetricsError, match="no users or no bins"):
        expected_calibration_error(np.zeros((0, 2)), np.zeros(0, dtype=np.int64))


@pytest.mark.parametrize("row", [[0.5, 0.6], [1.5, -0.5], [np.nan, 1.0]])
def test_rows_that_are_not_distributions_raise(row: list[float]) -> None:
    with pytest.raises(MetricsError, match=r"probabilities: not a distribution in 1 user\(s\)"):
        accuracy(np.array([[0.5, 0.5], row]), np.array([0, 1]))


def test_a_class_beyond_the_types_raises() -> None:
    with pytest.raises(MetricsError, match=r"a class outside 0\.\.1 in 1 user"):
        accuracy(np.array([[0.5, 0.5]]), np.array([2]))


def test_observations_of_other_users_raise() -> None:
    with pytest.raises(MetricsError, match=r"neither int\[1\] nor \[1, 2\]"):
        accuracy(np.array([[0.5, 0.5]]), np.array([0, 1]))
