from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from nextact.metrics import comparison
from nextact.metrics.comparison import (
    bootstrap_interval,
    bootstrap_intervals,
    holm,
    paired_comparison,
    summarise_seeds,
)
from nextact.metrics.errors import MetricsError


def normal(n_users: int = 400, mean: float = 0.0, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(mean, 1.0, n_users)


def test_the_interval_is_close_to_the_textbook_one() -> None:
    values = normal()
    interval = bootstrap_interval(values, draws=4000)
    half_width = 1.96 * values.std() / np.sqrt(len(values))
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half_width, abs=0.01)
    assert interval.high == pytest.approx(values.mean() + half_width, abs=0.01)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    intervals = [bootstrap_interval(normal(100, seed=seed), draws=300, level=0.8, seed=seed) for seed in range(200)]
    covered = np.mean([interval.low <= 0 <= interval.high for interval in intervals])
    assert 0.72 < covered < 0.88


def test_a_higher_level_widens_the_interval() -> None:
    narrow, wide = (bootstrap_interval(normal(), level=level) for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = normal()
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_an_interval_does_not_depend_on_the_metrics_beside_it() -> None:
    a, b = normal(seed=1), normal(seed=2)
    together = bootstrap_intervals({"a": a, "b": b})["b"]
    alone = bootstrap_interval(b)
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high))


def test_results_do_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = normal(64, 0.2, seed=1), normal(64, seed=2)
    whole = bootstrap_interval(a, draws=50), paired_comparison(a, b, draws=50, permutations=500)
    monkeypatch.setattr(comparison, "BLOCK_VALUES", 64 * 7)
    parts = bootstrap_interval(a, draws=50), paired_comparison(a, b, draws=50, permutations=500)
    assert parts[0].low == pytest.approx(whole[0].low)
    assert parts[1].p_value == whole[1].p_value


def test_one_user_gives_a_point() -> None:
    interval = bootstrap_interval(np.array([0.3]))
    assert (interval.low, interval.high, interval.n_users) == (0.3, 0.3, 1)


def test_no_metrics_give_no_intervals() -> None:
    assert bootstrap_intervals({}) == {}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_raise(bad: float) -> None:
    with pytest.raises(MetricsError, match=r"values: not finite in 1 user\(s\), e.g. 'user at position 1"):
        bootstrap_interval(np.array([0.0, bad]))


def test_no_users_raise() -> None:
    with pytest.raises(MetricsError, match="no users"):
        bootstrap_interval(np.array([]))


@pytest.mark.parametrize(("draws", "level"), [(0, 0.95), (10, 0.0), (10, 1.0)])
def test_settings_out_of_range_raise(draws: int, level: float) -> None:
    with pytest.raises(MetricsError, match="draws, level"):
        bootstrap_interval(np.ones(3), draws, level)


def test_a_comparison_is_paired() -> None:
    baseline = normal(400)
    # Far less than the spread between users, yet the same for each of them.
    better = paired_comparison(baseline + 0.01, baseline)
    assert better.difference == pytest.approx(0.01)
    assert better.low == pytest.approx(0.01)
    assert better.p_value == pytest.approx(1 / 10_001)


def test_swapping_the_models_negates_the_difference_and_keeps_the_p_value() -> None:
    a, b = normal(50, 0.3, seed=1), normal(50, seed=2)
    forth, back = paired_comparison(a, b), paired_comparison(b, a)
    assert forth.difference == pytest.approx(-back.difference)
    assert forth.p_value == back.p_value


def test_the_p_value_is_near_the_one_of_all_sign_flips() -> None:
    difference = np.array([0.5, -0.2, 0.9, 0.4, 0.0, 0.3, -0.1, 0.8])
    flipped = np.array([np.dot(signs, difference) for signs in product((-1, 1), repeat=len(difference))])
    exact = np.mean(np.abs(flipped) >= difference.sum() - 1e-12)
    estimate = paired_comparison(difference, np.zeros(8), permutations=40_000).p_value
    assert estimate == pytest.approx(exact, abs=0.01)


def test_p_values_of_equal_models_are_uniform() -> None:
    p_values = [
        paired_comparison(normal(40, seed=2 * s), normal(40, seed=2 * s + 1), draws=1, permutations=400).p_value
        for s in range(200)
    ]
    assert np.mean(np.array(p_values) < 0.1) == pytest.approx(0.1, abs=0.06)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.08)


def test_different_users_cannot_be_compared() -> None:
    with pytest.raises(MetricsError, match="not the same users"):
        paired_comparison(np.ones(3), np.ones(4))


def test_holm_of_one_comparison_changes_nothing() -> None:
    assert holm({"a": 0.04}) == {"a": 0.04}


def test_holm_stops_at_one_and_of_nothing_is_nothing() -> None:
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_holm_refuses_what_is_no_p_value(p: float) -> None:
    with pytest.raises(MetricsError, match=r"outside \[0, 1\] in 1 value"):
        holm({"a": 0.5, "b": p})


def test_the_spread_of_training_is_apart_from_the_spread_of_users() -> None:
    users = normal(300)
    summary = summarise_seeds([users - 1, users, users + 1])
    assert summary.training_std == pytest.approx(1)
    assert summary.n_seeds == 3
    alone = bootstrap_interval(users)
    assert (summary.interval.low, summary.interval.high) == pytest.approx((alone.low, alone.high))


def test_one_seed_has_no_spread_of_training() -> None:
    assert np.isnan(summarise_seeds([normal(5)]).training_std)


def test_no_seeds_raise() -> None:
    with pytest.raises(MetricsError, match="no seeds"):
        summarise_seeds([])


def test_seeds_of_different_users_raise() -> None:
    with pytest.raises(MetricsError, match="not the same users"):
        summarise_seeds([np.ones(3), np.ones(2)])


@pytest.mark.parametrize("at_once", [1, 40, 10_000])
def test_resamples_are_the_same_however_many_are_drawn_in_one_call(monkeypatch, at_once: int) -> None:
    values = normal(40, seed=1)
    expected = bootstrap_interval(values, draws=70)
    monkeypatch.setattr("nextact.metrics.comparison.DRAWN_AT_ONCE", at_once)
    assert bootstrap_interval(values, draws=70) == expected
