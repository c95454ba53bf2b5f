import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from nextact.metrics.errors import MetricsError
from nextact.metrics.horizon import auc_interval, horizon_values


def users(n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    observed = rng.uniform(0, 60, n)
    event = rng.exponential(10, n)
    return rng.random(n), np.where(event <= observed, event, np.inf), observed


@pytest.mark.parametrize("horizon", [1, 7, 30])
def test_values_are_those_of_scikit_learn_over_users_observed_to_the_end(horizon: int) -> None:
    probability, event, observed = users()
    found = horizon_values(probability, event, observed, horizon)
    whole = observed >= horizon
    happened = event[whole] <= horizon
    assert found.users.tolist() == np.flatnonzero(whole).tolist()
    assert found.n_censored == (~whole).sum()
    assert found.brier.mean() == pytest.approx(brier_score_loss(happened, probability[whole]))
    assert found.log_loss.mean() == pytest.approx(log_loss(happened, probability[whole]))


def test_an_early_event_does_not_save_a_censored_user() -> None:
    found = horizon_values(np.array([0.9]), np.array([0.5]), np.array([1.0]), horizon_days=7)
    assert len(found.users) == 0
    assert found.n_censored == 1


def test_an_event_at_the_end_of_the_window_counts() -> None:
    found = horizon_values(np.array([1.0]), np.array([7.0]), np.array([7.0]), horizon_days=7)
    assert found.happened.tolist() == [True]
    assert found.brier.tolist() == [0.0]


def test_a_certain_mistake_costs_a_finite_amount() -> None:
    found = horizon_values(np.array([0.0]), np.array([1.0]), np.array([9.0]), horizon_days=7)
    assert found.brier.tolist() == [1.0]
    assert np.isfinite(found.log_loss).all()


@pytest.mark.parametrize(
    ("probability", "event", "observed", "horizon", "message"),
    [
        ([1.2], [1.0], [9.0], 7, "probability: outside"),
        ([np.nan], [1.0], [9.0], 7, "probability: outside"),
        ([0.5], [-1.0], [9.0], 7, "days_to_event: negative"),
        ([0.5], [np.inf], [np.nan], 7, "days_observed: negative or NaN"),
        ([0.5], [9.5], [9.0], 7, "days_to_event: unobserved"),
        ([0.5], [1.0], [9.0], 0, "a window of no days"),
        ([0.5, 0.5], [1.0], [9.0], 7, "lengths that differ"),
    ],
)
def test_impossible_input_is_refused(
    probability: list[float], event: list[float], observed: list[float], horizon: float, message: str
) -> None:
    with pytest.raises(MetricsError, match=message):
        horizon_values(np.array(probability), np.array(event), np.array(observed), horizon)


def outcomes(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    happened = rng.random(n) < 0.3
    return np.round(np.clip(rng.normal(0.3 + 0.2 * happened, 0.2), 0, 1), 1), happened  # rounded: many ties


def test_the_area_is_that_of_scikit_learn_ties_included() -> None:
    probability, happened = outcomes()
    found = auc_interval(probability, happened, draws=50)
    assert found is not None
    assert found.mean == pytest.approx(roc_auc_score(happened, probability))
    assert found.low < found.mean < found.high
    assert found.n_users == 200


def test_the_interval_is_that_of_resampled_users() -> None:
    probability, happened = outcomes()
    found = auc_interval(probability, happened, draws=4000)
    rng = np.random.default_rng(9)
    drawn = [rng.integers(200, size=200) for _ in range(4000)]
    areas = [roc_auc_score(happened[users], probability[users]) for users in drawn]
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(areas, [0.025, 0.975])), abs=0.006)


def test_the_difference_of_two_areas_is_paired() -> None:
    probability, happened = outcomes()
    other = np.clip(probability + np.random.default_rng(1).normal(0, 0.05, 200), 0, 1)
    found = auc_interval(probability, happened, other, draws=500)
    alone = auc_interval(probability, happened, draws=500)
    assert found is not None
    assert alone is not None
    assert found.mean == pytest.approx(roc_auc_score(happened, probability) - roc_auc_score(happened, other))
    assert found.high - found.low < 0.5 * (alone.high - alone.low)
    same = auc_interval(probability, happened, probability, draws=50)
    assert same is not None
    assert (same.mean, same.low, same.high) == (0, 0, 0)


def test_one_outcome_has_no_area_and_lengths_must_agree() -> None:
    assert auc_interval(np.array([0.1, 0.2]), np.array([True, True])) is None
    with pytest.raises(MetricsError, match="lengths that differ"):
        auc_interval(np.array([0.1, 0.2]), np.array([True]))
