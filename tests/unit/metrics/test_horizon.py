import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from nextact.metrics import horizon
from nextact.metrics.comparison import bootstrap_interval
from nextact.metrics.errors import MetricsError
from nextact.metrics.horizon import auc_interval, brier, horizon_intervals, horizon_values, resampled
from nextact.metrics.horizon import log_loss as log_loss_of

pytestmark = pytest.mark.slow


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
    assert brier(found).mean() == pytest.approx(brier_score_loss(happened, probability[whole]))
    assert log_loss_of(found).mean() == pytest.approx(log_loss(happened, probability[whole]))


def test_an_early_event_does_not_save_a_censored_user() -> None:
    found = horizon_values(np.array([0.9]), np.array([0.5]), np.array([1.0]), horizon_days=7)
    assert len(found.users) == 0
    assert found.n_censored == 1


def test_an_event_at_the_end_of_the_window_counts() -> None:
    found = horizon_values(np.array([1.0]), np.array([7.0]), np.array([7.0]), horizon_days=7)
    assert found.happened.tolist() == [True]
    assert brier(found).tolist() == [0.0]


def test_a_certain_mistake_costs_a_finite_amount() -> None:
    found = horizon_values(np.array([0.0]), np.array([1.0]), np.array([9.0]), horizon_days=7)
    assert brier(found).tolist() == [1.0]
    assert np.isfinite(log_loss_of(found)).all()


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


def brier_skill(values):
    own, of_all = brier(values), brier(values.beside)
    return lambda counts: 1 - counts @ own / (counts @ of_all)


def test_what_is_registered_has_an_interval_of_the_resamples_that_the_others_have(monkeypatch):
    random = np.random.default_rng(0)
    event = np.where(random.random(80) < 0.4, random.uniform(0, 7, 80), np.inf)
    found = horizon_values(random.random(80), event, np.full(80, 9.0), horizon_days=7, without_past=0.4)
    others = horizon_intervals(found, draws=60)
    monkeypatch.setattr(horizon, "HORIZON_METRICS", {**horizon.HORIZON_METRICS, "brier_skill": brier_skill})
    skill = horizon_intervals(found, draws=60)
    assert skill["brier_skill"].mean == pytest.approx(1 - brier(found).mean() / np.square(0.4 - found.happened).mean())
    assert skill["brier_skill"].low < skill["brier_skill"].mean < skill["brier_skill"].high
    assert {name: skill[name] for name in others} == others


def test_a_statistic_agrees_with_the_interval_of_a_mean():
    values = np.random.default_rng(1).random(30)
    found = resampled(lambda counts: counts @ values / counts.sum(axis=1), 30, draws=200)
    mean = bootstrap_interval(values, draws=200)
    assert (found.mean, found.low, found.high) == pytest.approx((mean.mean, mean.low, mean.high))


def test_a_metric_that_is_undefined_for_all_users_has_no_interval():
    found = horizon_values(np.array([0.5]), np.array([np.inf]), np.array([9.0]), horizon_days=7)
    assert horizon_intervals(found, draws=5)["roc_auc"] is None
    assert resampled(lambda counts: np.full(len(counts), np.nan), 3, draws=5) is None
