"""How sure a mean over users is, and whether one model beats another.

Users are the unit that is drawn: per-user values go in, as ``ranking_metrics`` returns them.
Every result is the same for the same seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.errors import MetricsError, refuse

PerUser = NDArray[np.float64]

BLOCK_VALUES = 2**22  # float64 in one block of draws, 32 MiB
DRAWN_AT_ONCE = 2**14  # users drawn in one call


@dataclass(frozen=True)
class Interval:
    """A mean over users and where it would fall with other users of the same kind.

    Attributes:
        mean: Mean over the users.
        low: Lower end.
        high: Upper end.
        level: Share of resamples between the two, for example 0.95.
        n_users: Users averaged.
    """

    mean: float
    low: float
    high: float
    level: float
    n_users: int


@dataclass(frozen=True)
class Comparison:
    """A mean difference in the same users.

    Attributes:
        difference: Mean of model minus baseline; positive when the model is higher.
        low: Lower end of the paired bootstrap interval.
        high: Upper end.
        p_value: Two-sided, from flipped signs; in (0, 1].
        n_users: Users compared.
    """

    difference: float
    low: float
    high: float
    p_value: float
    n_users: int


@dataclass(frozen=True)
class CorrectedComparison(Comparison):
    """One of several comparisons; ``p_value_holm`` is corrected for their number."""

    p_value_holm: float


@dataclass(frozen=True)
class SeedSummary:
    """One model trained from several seeds.

    Attributes:
        interval: Over users, of each user's mean over the seeds.
        training_std: Standard deviation (n - 1) of the seeds' means; NaN for one seed.
        n_seeds: Trainings.
    """

    interval: Interval
    training_std: float
    n_seeds: int


def bootstrap_interval(values: PerUser, draws: int = 1000, level: float = 0.95, seed: int = 0) -> Interval:
    """Percentile bootstrap interval of a mean over users; see ``bootstrap_intervals``.

    Example:
        >>> bootstrap_interval(np.array([0.5, 0.5]))
        Interval(mean=0.5, low=0.5, high=0.5, level=0.95, n_users=2)
    """
    return bootstrap_intervals({"values": values}, draws, level, seed)["values"]


def bootstrap_intervals(
    values: Mapping[str, PerUser], draws: int = 1000, level: float = 0.95, seed: int = 0
) -> dict[str, Interval]:
    """Percentile bootstrap intervals of several metrics, from the same resamples of users.

    Args:
        values: float64[users] per metric, all of the same users.
        draws: Resamples, each of as many users as there are, drawn with replacement.
        level: Share of resampled means inside the interval, in (0, 1).
        seed: Of the resamples.

    Returns:
        One interval per metric; ``low <= high``, both within the range of the values. With
        one user the interval is a point.

    Raises:
        MetricsError: If there are no users, lengths differ or a value is not finite.

    Source:
        Efron & Tibshirani 1993, chapter 13.

    Example:
        One user in two hits: a quarter of resamples have no hit and a quarter only hits.

        >>> intervals = bootstrap_intervals({"hit_rate@1": np.array([0.0, 1.0])}, draws=200)
        >>> intervals["hit_rate@1"].low, intervals["hit_rate@1"].high
        (0.0, 1.0)
    """
    _check_draws(draws, level)
    if not values:
        return {}
    table = _table(values)
    means = np.concatenate([counts @ table for counts in resample_counts(len(table), draws, seed)]) / len(table)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    observed = table.mean(axis=0)
    ends = zip(observed.tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Interval(*end, level, len(table)) for name, end in zip(values, ends, strict=True)}


def paired_comparison(
    values: PerUser,
    baseline_values: PerUser,
    *,
    draws: int = 1000,
    permutations: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare a model with a baseline in the same users.

    Args:
        values: float64[users] of the model.
        baseline_values: float64[users] of the baseline, same users in the same order.
        draws: Bootstrap resamples of the per-user differences.
        permutations: Random sign flips; the p-value is at least ``1 / (permutations + 1)``.
        level: Of the interval, in (0, 1).
        seed: Of resamples and flips.

    Returns:
        The mean difference, its percentile interval, and the p-value
        ``(1 + flips at least as far from 0) / (permutations + 1)``; 1 without any difference.

    Raises:
        MetricsError: If lengths differ, there are no users or a value is not finite.

    Source:
        Smucker, Allan & Carterette, CIKM 2007; Phipson & Smyth 2010 (the added one).

    Example:
        >>> paired_comparison(np.array([0.5, 1.0]), np.array([0.5, 1.0]))
        Comparison(difference=0.0, low=0.0, high=0.0, p_value=1.0, n_users=2)
    """
    _check_draws(permutations, level)
    table = _table({"values": values, "baseline_values": baseline_values})
    difference = table[:, 0] - table[:, 1]
    interval = bootstrap_interval(difference, draws, level, seed)
    p_value = _sign_flip_p_value(difference, permutations, seed)
    return Comparison(interval.mean, interval.low, interval.high, p_value, len(table))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values for having made several comparisons.

    The i-th smallest of n is multiplied by ``n - i + 1``, made non-falling, and cut at 1.

    Args:
        p_values: In [0, 1], by comparison.

    Returns:
        Adjusted p-values, in the order given; none for none.

    Raises:
        MetricsError: If a p-value is outside [0, 1] or NaN.

    Source:
        Holm, Scandinavian Journal of Statistics 1979.

    Example:
        3 * 0.01, then 2 * 0.02, then 1 * 0.03 raised to the one before.

        >>> {name: round(p, 4) for name, p in holm({"a": 0.03, "b": 0.01, "c": 0.02}).items()}
        {'a': 0.04, 'b': 0.03, 'c': 0.04}
    """
    bad = {name: p for name, p in p_values.items() if not 0 <= p <= 1}
    if bad:
        raise MetricsError("p_values", "outside [0, 1]", len(bad), next(iter(bad.items())))
    ordered = sorted(p_values, key=lambda name: p_values[name])
    scaled = [min(1.0, (len(ordered) - place) * p_values[name]) for place, name in enumerate(ordered)]
    adjusted = dict(zip(ordered, np.maximum.accumulate([0.0, *scaled])[1:].tolist(), strict=True))
    return {name: adjusted[name] for name in p_values}


def corrected(comparisons: Mapping[str, Comparison]) -> dict[str, CorrectedComparison]:
    """Comparisons with p-values by Holm's correction for their number; none for none."""
    adjusted = holm({name: one.p_value for name, one in comparisons.items()})
    return {
        name: CorrectedComparison(**dataclasses.asdict(one), p_value_holm=adjusted[name])
        for name, one in comparisons.items()
    }


def summarise_seeds(
    values_per_seed: Sequence[PerUser], draws: int = 1000, level: float = 0.95, seed: int = 0
) -> SeedSummary:
    """Mean over trainings, with the spread from training beside the spread from users.

    Args:
        values_per_seed: float64[users] of each training seed, the same users in the same order.
        draws: Bootstrap resamples of users.
        level: Of the interval, in (0, 1).
        seed: Of the resamples.

    Returns:
        The two spreads, not added: the interval keeps these trainings and varies the users.

    Raises:
        MetricsError: If there are no seeds or users, lengths differ or a value is not finite.

    Source:
        Bouthillier et al., MLSys 2021 (report the variance of training).

    Example:
        The seeds average 0.4 and 0.6, so they are 0.1414 apart in standard deviation.

        >>> summary = summarise_seeds([np.array([0.2, 0.6]), np.array([0.4, 0.8])])
        >>> round(summary.interval.mean, 4), round(summary.training_std, 4), summary.n_seeds
        (0.5, 0.1414, 2)
    """
    if not len(values_per_seed):
        raise MetricsError("values_per_seed", "no seeds", 1, values_per_seed, "argument")
    table = _table({f"seed {place}": values for place, values in enumerate(values_per_seed)})
    n_seeds = table.shape[1]
    training_std = float(table.mean(axis=0).std(ddof=1)) if n_seeds > 1 else float("nan")
    return SeedSummary(bootstrap_interval(table.mean(axis=1), draws, level, seed), training_std, n_seeds)


def resample_counts(n_users: int, draws: int, seed: int) -> Iterator[PerUser]:
    """Blocks float64[draws of the block, users]: how often each user is in each resample."""
    rng = np.random.default_rng(seed)
    at_once = max(1, DRAWN_AT_ONCE // n_users)  # many small resamples cost more in calls than in draws
    for size in _block_sizes(n_users, draws):
        counts = np.empty((size, n_users))
        for start in range(0, size, at_once):
            rows = counts[start : start + at_once]
            drawn = rng.integers(n_users, size=rows.shape, dtype=np.int64) + np.arange(len(rows))[:, None] * n_users
            rows[:] = np.bincount(drawn.ravel(), minlength=rows.size).reshape(rows.shape)
        yield counts


def _sign_flip_p_value(difference: PerUser, permutations: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    moved = difference[difference != 0]  # flipping a zero changes nothing
    total = moved.sum()
    n_as_far = 0
    for size in _block_sizes(len(moved), permutations):
        bits = np.frombuffer(rng.bytes(size * -(-len(moved) // 8)), dtype=np.uint8).reshape(size, -1)
        kept = np.unpackbits(bits, axis=1, count=len(moved)).astype(np.float64)
        # A tolerance, so that a flip that gives the same total is not lost to rounding.
        n_as_far += int(np.count_nonzero(np.abs(2 * (kept @ moved) - total) >= abs(total) - 1e-9 * np.abs(moved).sum()))
    return (1 + n_as_far) / (permutations + 1)


def _block_sizes(n_users: int, draws: int) -> list[int]:
    size = max(1, min(draws, BLOCK_VALUES // max(n_users, 1)))
    return [min(size, draws - start) for start in range(0, draws, size)]


def _table(values: Mapping[str, PerUser]) -> PerUser:
    """float64[users, columns], checked."""
    lengths = {name: len(column) for name, column in values.items()}
    if len(set(lengths.values())) != 1 or not min(lengths.values()):
        raise MetricsError("values", "no users or not the same users", len(lengths), lengths, "column")
    table = np.column_stack([np.asarray(column, dtype=np.float64) for column in values.values()])
    refuse(np.any(~np.isfinite(table), axis=1, keepdims=True), "values", "not finite", "user")
    return table


def _check_draws(draws: int, level: float) -> None:
    if draws < 1 or not 0 < level < 1:
        raise MetricsError("draws, level", "not at least 1 and inside (0, 1)", 1, (draws, level), "pair")
