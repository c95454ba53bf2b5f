import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from nextact.metrics.errors import MetricsError
from nextact.metrics.horizon import horizon_values


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
