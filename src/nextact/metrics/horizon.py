"""Metrics of "will they, within so many days": users whose window is cut off say nothing and are left out.

To add a metric, write a function of :class:`HorizonValues` and register it in :data:`HORIZON_METRICS`. What it returns
says how its interval is made: a value per user is averaged, a :data:`Statistic` is worked out in each resample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.behaviour import PROBABILITY_FLOOR
from nextact.metrics.comparison import Interval, bootstrap_interval, resample_counts
from nextact.metrics.errors import MetricsError, refuse

PerUser = NDArray[np.float64]
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""How often each user counts, float64[draws, users], to the value of each draw, float64[draws]; NaN where undefined."""


@dataclass(frozen=True, eq=False)
class HorizonValues:
    """Values of the users whose window was observed to its end.

    Attributes:
        users: int64[scored], their positions.
        happened: bool[scored], whether the event came within the horizon.
        probability: float64[scored], in [0, 1].
        without_past: float64[scored], what the same model says of somebody without a past: one probability for all.
        n_censored: Users left out.
    """

    users: NDArray[np.int64]
    happened: NDArray[np.bool_]
    probability: PerUser
    without_past: PerUser
    n_censored: int

    @property
    def beside(self) -> HorizonValues:
        """The same users, all with the probability of somebody without a past."""
        return replace(self, probability=self.without_past)


def horizon_values(
    probability: NDArray[np.floating],
    days_to_event: NDArray[np.floating],
    days_observed: NDArray[np.floating],
    horizon_days: float,
    without_past: float = 0.5,
) -> HorizonValues:
    """Hold the probability that an event comes within a horizon against what happened.

    A user whose observation ends before the horizon is left out, event or not: to keep those who had one early would
    count events and lose the users without.

    Args:
        probability: float[users], each in [0, 1].
        days_to_event: float[users], from the moment of prediction to the first event; inf where none was observed.
        days_observed: float[users], from the moment of prediction to the end of observation.
        horizon_days: Length of the window, above 0. An event at its very end counts.
        without_past: What the same model says of somebody without a past, in [0, 1].

    Returns:
        Values of the users observed for the whole window; perhaps none.

    Raises:
        MetricsError: If lengths differ, a probability is outside [0, 1], a time is negative or NaN, or an event lies
            after the end of observation.

    Source:
        Brier 1950; leaving out censored users: the complete-case rule of Graf et al., Statistics in Medicine 1999.

    Example:
        The first user's event came after the window, the second was observed for one day only.

        >>> found = horizon_values(np.array([0.25, 0.9]), np.array([9.0, 0.5]), np.array([30.0, 1.0]), horizon_days=7)
        >>> found.users.tolist(), found.happened.tolist(), brier(found).tolist(), found.n_censored
        ([0], [False], [0.0625], 1)
    """
    if not len(probability) == len(days_to_event) == len(days_observed) or horizon_days <= 0:
        lengths = (len(probability), len(days_to_event), len(days_observed), horizon_days)
        raise MetricsError("horizon", "lengths that differ or a window of no days", 1, lengths, "argument")
    refuse(~((probability >= 0) & (probability <= 1)), "probability", "outside [0, 1]", "user")
    refuse(~(days_observed >= 0), "days_observed", "negative or NaN", "user")
    refuse(~(days_to_event >= 0), "days_to_event", "negative or NaN", "user")
    refuse(np.isfinite(days_to_event) & (days_to_event > days_observed), "days_to_event", "unobserved", "user")
    users = np.flatnonzero(days_observed >= horizon_days)
    happened = days_to_event[users] <= horizon_days
    predicted = probability[users].astype(np.float64)
    for_all = np.full(len(users), without_past)
    return HorizonValues(users, happened, predicted, for_all, len(probability) - len(users))


def log_loss(values: HorizonValues) -> PerUser:
    """Cross-entropy with what happened, float64[scored] in nats; at most ``-log(PROBABILITY_FLOOR)``."""
    of_outcome = np.where(values.happened, values.probability, 1 - values.probability)
    return np.asarray(-np.log(np.clip(of_outcome, PROBABILITY_FLOOR, 1.0)), np.float64)


def brier(values: HorizonValues) -> PerUser:
    """Squared distance of the probability from what happened, float64[scored] in [0, 1]."""
    return np.asarray(np.square(values.probability - values.happened), np.float64)


def roc_auc(values: HorizonValues) -> Statistic | None:
    """Area under the ROC curve over users; None where all have the same outcome.

    The chance that a user with the event has a higher probability than one without; a tie counts one half.
    """
    if values.happened.all() or not values.happened.any():
        return None
    return _Ranked(values.probability, values.happened).areas


HorizonMetric = Callable[[HorizonValues], PerUser | Statistic | None]

HORIZON_METRICS: Mapping[str, HorizonMetric] = {"log_loss": log_loss, "brier": brier, "roc_auc": roc_auc}


def horizon_intervals(
    values: HorizonValues, draws: int, level: float = 0.95, seed: int = 0
) -> dict[str, Interval | None]:
    """Every registered metric with its percentile bootstrap interval over users; None where it is undefined for them.

    Args:
        values: Of at least one user.
        draws: Resamples of users, the same for all metrics.
        level: Share of resamples inside the interval, in (0, 1).
        seed: Of the resamples.
    """
    found = {name: metric(values) for name, metric in HORIZON_METRICS.items()}
    return {name: _interval(one, len(values.users), draws, level, seed) for name, one in found.items()}


def _interval(found: PerUser | Statistic | None, n_users: int, draws: int, level: float, seed: int) -> Interval | None:
    if found is None:
        return None
    return (
        resampled(found, n_users, draws, level, seed)
        if callable(found)
        else bootstrap_interval(found, draws, level, seed)
    )


def resampled(statistic: Statistic, n_users: int, draws: int, level: float = 0.95, seed: int = 0) -> Interval | None:
    """A statistic over all users with its percentile bootstrap interval.

    Args:
        statistic: Worked out anew in each resample; resamples in which it is undefined are passed over.
        n_users: Users.
        draws: Resamples of as many users.
        level: Share of resamples inside the interval, in (0, 1).
        seed: Of the resamples.

    Returns:
        None where it is undefined over all users.

    Source:
        Efron & Tibshirani 1993, chapter 13.

    Example:
        >>> resampled(lambda counts: counts @ np.array([0.0, 1.0]) / counts.sum(axis=1), n_users=2, draws=50).mean
        0.5
    """
    blocks = [np.ones((1, n_users)), *resample_counts(n_users, draws, seed)]
    values = np.concatenate([statistic(counts) for counts in blocks])
    if not np.isfinite(values[0]):
        return None
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]) if len(drawn) else (values[0], values[0])
    return Interval(float(values[0]), float(low), float(high), level, n_users)


def auc_interval(
    probability: NDArray[np.floating],
    happened: NDArray[np.bool_],
    minus: NDArray[np.floating] | None = None,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval | None:
    """Area under the ROC curve with its percentile bootstrap interval, or how it differs between two models.

    Args:
        probability: float[users].
        happened: bool[users].
        minus: float[users] of another model, whose area in the same resamples is taken away: the paired difference.
        draws: Resamples of users; those without both outcomes say nothing and are passed over.
        level: Share of resamples inside the interval, in (0, 1).
        seed: Of the resamples.

    Returns:
        ``mean`` is the area, or the difference, over all users; None where all users have the same outcome.

    Raises:
        MetricsError: If lengths differ.

    Source:
        Hanley & McNeil, Radiology 1982.

    Example:
        >>> auc_interval(np.array([0.9, 0.4, 0.1]), np.array([True, False, True]), draws=50).mean
        0.5
    """
    scores = [np.asarray(probability)] if minus is None else [np.asarray(probability), np.asarray(minus)]
    if any(len(one) != len(happened) for one in scores):
        lengths = (*map(len, scores), len(happened))
        raise MetricsError("auc_interval", "lengths that differ", 1, lengths, "argument")
    if happened.all() or not happened.any():
        return None
    first, *others = (_Ranked(one, happened) for one in scores)

    def area(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the first model, less that of the other."""
        return np.asarray(first.areas(counts) - sum(one.areas(counts) for one in others), np.float64)

    return resampled(area, len(happened), draws, level, seed)


class _Ranked:
    """Users by rising probability, sorted once for all resamples."""

    def __init__(self, probability: NDArray[np.floating], happened: NDArray[np.bool_]) -> None:
        self.order = np.argsort(probability, kind="stable")
        ordered = probability[self.order]
        self.starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))  # of users with one probability
        self.happened = happened[self.order]

    def areas(self, counts: PerUser) -> PerUser:
        """The area where each user counts so often, one for each row of float64[draws, users]."""
        counts = counts[:, self.order]
        events = np.add.reduceat(counts * self.happened, self.starts, axis=1)
        others = np.add.reduceat(counts * ~self.happened, self.starts, axis=1)
        below = np.cumsum(others, axis=1) - others / 2
        with np.errstate(invalid="ignore"):  # a resample without both outcomes has no area
            found: PerUser = (events * below).sum(axis=1) / (events.sum(axis=1) * others.sum(axis=1))
        return found
