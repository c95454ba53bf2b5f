import numpy as np
import pytest

from nextact.feedback import intervals
from nextact.feedback.intervals import ratio_interval, response_interval, wilson
from nextact.metrics.comparison import bootstrap_interval
from nextact.metrics.errors import MetricsError


def test_the_ratio_is_of_sums_not_the_mean_of_ratios():
    found = ratio_interval(np.array([1.0, 0.0]), np.array([1.0, 9.0]))
    assert found.mean == pytest.approx(0.1)


def test_with_one_row_a_user_it_is_the_interval_of_the_mean():
    values = np.random.default_rng(0).normal(size=300)
    ratio, mean = ratio_interval(values, np.ones(300), draws=4000), bootstrap_interval(values, draws=4000)
    assert ratio.mean == pytest.approx(mean.mean)
    assert (ratio.low, ratio.high) == pytest.approx((mean.low, mean.high), abs=0.01)


def test_the_interval_is_close_to_the_linearised_one():
    rng = np.random.default_rng(1)
    shown = rng.integers(1, 30, size=500).astype(float)
    answered = rng.binomial(shown.astype(int), rng.beta(1, 9, size=500)).astype(float)
    found = ratio_interval(answered, shown, draws=4000)
    spread = (answered - found.mean * shown).std() / shown.mean() / np.sqrt(500)
    assert found.low == pytest.approx(found.mean - 1.96 * spread, rel=0.03)
    assert found.high == pytest.approx(found.mean + 1.96 * spread, rel=0.03)


def test_users_who_differ_widen_the_interval():
    shown = np.full(40, 100.0)
    alike, apart = np.tile([45.0, 55.0], 20), np.tile([5.0, 95.0], 20)
    widths = [np.ptp(ends(response_interval(answered, shown))) for answered in (alike, apart)]
    assert widths[1] > 5 * widths[0] > 0


def ends(interval):
    return [interval.low, interval.high]


def test_the_interval_covers_the_rate_about_as_often_as_it_says():
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        shown = rng.integers(1, 20, size=80)
        answered = rng.binomial(shown, rng.beta(2, 8, size=80))
        found = response_interval(answered.astype(float), shown.astype(float), draws=400, level=0.9, seed=seed)
        covered += found.low <= 0.2 <= found.high
    assert 0.84 < covered / 200 < 0.95


def test_distinct_users_and_their_counts_draw_what_single_users_do(monkeypatch):
    answered, shown = np.array([0.0, 1.0, 1.0, 3.0] * 25), np.array([2.0, 2.0, 4.0, 5.0] * 25)
    whole = ratio_interval(answered, shown, draws=4000)
    kinds = np.random.default_rng(0).integers(100, size=(4000, 100))
    by_hand = np.quantile(answered[kinds].sum(axis=1) / shown[kinds].sum(axis=1), [0.025, 0.975])
    assert ends(whole) == pytest.approx(by_hand, abs=0.01)
    monkeypatch.setattr(intervals, "BLOCK_VALUES", 4 * 7)
    assert ratio_interval(answered, shown, draws=4000) == whole


@pytest.mark.parametrize("answered", [0.0, 4.0])
def test_where_nothing_or_all_was_answered_the_interval_still_has_a_width(answered):
    found = response_interval(np.full(30, answered), np.full(30, 4.0))
    assert found.mean == answered / 4
    assert found.high - found.low == pytest.approx(0.1135, abs=1e-3)  # Wilson with 30 trials, not 120


def test_wilson_solves_its_equation():
    low, high = wilson(3, 20, level=0.9)
    for end in (low, high):
        assert abs(3 / 20 - end) == pytest.approx(1.6448536 * np.sqrt(end * (1 - end) / 20))


def test_resamples_in_which_nothing_was_shown_are_left_out():
    found = ratio_interval(np.array([1.0, 0.0]), np.array([2.0, 0.0]), draws=200)
    assert (found.low, found.mean, found.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("numerators", "denominators", "problem"),
    [
        ([], [], "no users"),
        ([1.0], [1.0, 2.0], "not the same users"),
        ([np.nan], [1.0], "not finite"),
        ([1.0], [0.0], "nothing to divide by"),
        ([1.0], [-1.0], "below 0"),
    ],
)
def test_what_cannot_be_divided_is_refused(numerators, denominators, problem):
    with pytest.raises(MetricsError, match=problem):
        ratio_interval(np.array(numerators), np.array(denominators))


def test_no_draws_or_an_impossible_level_are_refused():
    for wrong in ({"draws": 0}, {"level": 1.0}):
        with pytest.raises(MetricsError, match="draws, level"):
            ratio_interval(np.ones(2), np.ones(2), **wrong)
