"""How sure a rate is when users are the unit that is drawn.

Every figure of this room is a ratio of two sums over users (responses per shown item, reward per request), which is not
the mean of the users' own ratios: a user who was shown more counts more. Means over users are in
:mod:`nextact.metrics.comparison`, whose :class:`~nextact.metrics.comparison.Interval` is given here too.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from nextact.metrics.comparison import Interval
from nextact.metrics.errors import MetricsError, refuse

PerUser = NDArray[np.float64]

BLOCK_VALUES = 2**22  # float64 in one block of draws, 32 MiB
USERS_PER_KIND = 20  # from here on drawing kinds by their counts is quicker than drawing users


def ratio_interval(
    numerators: PerUser, denominators: PerUser, draws: int = 1_000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Percentile bootstrap interval of ``sum(numerators) / sum(denominators)`` over users.

    Users with the same two numbers are one kind and may be drawn together, which changes no probability: a million
    users have few distinct pairs of shown and answered.

    Args:
        numerators: float64[users].
        denominators: float64[users], not below 0; their sum above 0. Resamples in which it is 0 are left out.
        draws: Resamples, each of as many users as there are, drawn with replacement.
        level: Share of resampled ratios inside the interval, in (0, 1).
        seed: Of the resamples.

    Returns:
        ``mean`` is the ratio itself.

    Raises:
        MetricsError: If there are no users, lengths differ, a value is not finite, or nothing is to be divided by.

    Source:
        Efron & Tibshirani 1993, chapters 13 and 10.3 (ratios).

    Example:
        One answer in four shown, all of one user; the other user was shown nothing that was answered.

        >>> ratio_interval(np.array([1.0, 0.0]), np.array([2.0, 2.0]), draws=200)
        Interval(mean=0.25, low=0.0, high=0.5, level=0.95, n_users=2)
    """
    if draws < 1 or not 0 < level < 1:
        raise MetricsError("draws, level", "not at least 1 and inside (0, 1)", 1, (draws, level), "pair")
    table = _pairs(numerators, denominators)
    pairs, counts = np.unique(table, axis=0, return_counts=True)
    sums = np.concatenate([drawn @ pairs for drawn in _resample_counts(counts, draws, seed)])
    sums = sums[sums[:, 1] > 0]
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [(1 - level) / 2, (1 + level) / 2])
    total = table.sum(axis=0)
    return Interval(float(total[0] / total[1]), float(low), float(high), level, len(table))


def response_interval(
    responses: PerUser, shown: PerUser, draws: int = 1_000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Interval of a response rate over users.

    Where no shown item was answered, or each was, resampling can only repeat that; the interval is then Wilson's for as
    many trials as there are users, since what one user does twice is no independent trial.

    Args:
        responses: float64[users], answered items.
        shown: float64[users], shown items, at least as many.
        draws: Bootstrap resamples.
        level: In (0, 1).
        seed: Of the resamples.

    Returns:
        An interval within [0, 1].

    Example:
        >>> found = response_interval(np.zeros(20), np.full(20, 5.0))
        >>> found.mean, found.low, round(found.high, 3)
        (0.0, 0.0, 0.161)
    """
    found = ratio_interval(responses, shown, draws, level, seed)
    if found.mean not in (0.0, 1.0):
        return found
    low, high = wilson(found.mean * found.n_users, found.n_users, level)
    return Interval(found.mean, low, high, level, found.n_users)


def wilson(successes: float, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a probability.

    Args:
        successes: In [0, ``trials``].
        trials: Independent trials, at least 1.
        level: In (0, 1).

    Source:
        Wilson, Journal of the American Statistical Association 1927.

    Example:
        >>> [round(end, 4) for end in wilson(2, 10)]
        [0.0567, 0.5098]
    """
    z = float(ndtri((1 + level) / 2))
    rate, spread = successes / trials, z * z / trials
    centre = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * np.sqrt(rate * (1 - rate) / trials + spread / (4 * trials))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _pairs(numerators: PerUser, denominators: PerUser) -> PerUser:
    """float64[users, 2], checked."""
    if len(numerators) != len(denominators) or not len(numerators):
        lengths = (len(numerators), len(denominators))
        raise MetricsError("numerators, denominators", "no users or not the same users", 2, lengths, "column")
    table = np.column_stack([numerators, denominators]).astype(np.float64)
    refuse(np.any(~np.isfinite(table), axis=1, keepdims=True), "numerators, denominators", "not finite", "user")
    refuse(table[:, 1:] < 0, "denominators", "below 0", "user")
    if table[:, 1].sum() == 0:
        raise MetricsError("denominators", "nothing to divide by", len(table), 0.0, "user")
    return table


def _resample_counts(counts: NDArray[np.int64], draws: int, seed: int) -> Iterator[PerUser]:
    """Blocks float64[draws of the block, kinds of users]: how often each kind is in each resample.

    Few kinds are drawn by their counts at once, which takes no time per user; many kinds user by user, which is quicker
    than a binomial draw for each kind.
    """
    rng = np.random.default_rng(seed)
    n_users, n_kinds = int(counts.sum()), len(counts)
    kind_of_user = np.repeat(np.arange(n_kinds), counts)
    size = max(1, min(draws, BLOCK_VALUES // n_kinds))
    for start in range(0, draws, size):
        n_drawn = min(size, draws - start)
        if n_kinds * USERS_PER_KIND <= n_users:
            yield rng.multinomial(n_users, counts / n_users, size=n_drawn).astype(np.float64)
        else:
            drawn = np.empty((n_drawn, n_kinds))
            for row in drawn:
                row[:] = np.bincount(kind_of_user[rng.integers(n_users, size=n_users)], minlength=n_kinds)
            yield drawn
