"""Metrics of predicted event types, and of item probabilities.

Probabilities are float[users, types], each row summing to 1. What was observed is either
a class per user, int[users], or a distribution per user, float[users, types].

To add a metric, write a function of both and register it in :data:`TYPE_METRICS`. What it returns says how it is told:
a value per user as a mean with its interval, :class:`PerClass` by event type, one number as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.errors import MetricsError, refuse

Probabilities = NDArray[np.floating]
Observed = NDArray[np.integer] | NDArray[np.floating]
PerUser = NDArray[np.float64]

PROBABILITY_FLOOR = 1e-12  # a type predicted impossible costs 27.6 nats, not infinity
SUM_TOLERANCE = 1e-3  # of a row of probabilities, roomy enough for float16


@dataclass(frozen=True, eq=False)
class PerClass:
    """One value per event type.

    Attributes:
        values: float64[types], NaN where undefined.
        undefined: Types that were never, or always, observed.
    """

    values: NDArray[np.float64]
    undefined: tuple[int, ...]


def accuracy(probabilities: Probabilities, observed: Observed) -> PerUser:
    """Probability that the most likely type is the observed one.

    Args:
        probabilities: float[users, types].
        observed: int[users] or float[users, types]. A distribution counts as a draw from it.

    Returns:
        float64[users] in [0, 1]. Types tied for the most likely share the credit by
        expectation. No users gives no values.

    Example:
        The second user has two types tied for the most likely, one of them observed.

        >>> accuracy(np.array([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]]), np.array([0, 1])).tolist()
        [1.0, 0.5]
    """
    predicted, truth = _checked(probabilities, observed)
    likeliest = predicted == predicted.max(axis=1, keepdims=True)
    return np.asarray((truth * likeliest).sum(axis=1) / likeliest.sum(axis=1), dtype=np.float64)


def log_loss(probabilities: Probabilities, observed: Observed) -> PerUser:
    """Cross-entropy of the predicted types against the observed ones, in nats.

    Args:
        probabilities: float[users, types], raised to at least ``PROBABILITY_FLOOR`` here.
        observed: int[users] or float[users, types].

    Returns:
        float64[users] in [0, -log(PROBABILITY_FLOOR)], lower is better. No users gives no values.

    Source:
        Good, 1952 (logarithmic score).

    Example:
        >>> log_loss(np.array([[0.5, 0.5]]), np.array([0])).round(4).tolist()
        [0.6931]
    """
    predicted, truth = _checked(probabilities, observed)
    loss = -(truth * np.log(np.clip(predicted, PROBABILITY_FLOOR, 1.0))).sum(axis=1)
    return np.asarray(loss, dtype=np.float64)


def roc_auc(probabilities: Probabilities, observed: Observed) -> PerClass:
    """Area under the ROC curve of each type against the rest.

    The probability that a user with the type is given more of it than a user without;
    a tie counts one half.

    Args:
        probabilities: float[users, types].
        observed: int[users] or float[users, types]; a distribution weights each user as
            both a positive and a negative.

    Returns:
        Values in [0, 1], 0.5 for a constant prediction.

    Source:
        Fawcett 2006; scikit-learn.

    Example:
        Type 0: its one user gets 0.4, the others 0.6 and 0.1. Type 2 never happens.

        >>> predicted = np.array([[0.4, 0.6, 0.0], [0.6, 0.4, 0.0], [0.1, 0.9, 0.0]])
        >>> area = roc_auc(predicted, np.array([0, 1, 1]))
        >>> area.values.tolist(), area.undefined
        ([0.5, 0.5, nan], (2,))
    """
    from sklearn.metrics import roc_auc_score

    return _one_vs_rest(roc_auc_score, probabilities, observed)


def average_precision(probabilities: Probabilities, observed: Observed) -> PerClass:
    """Average precision of each type against the rest.

    ``sum((R_n - R_(n-1)) P_n)`` over the distinct thresholds, so tied users enter together.

    Args:
        probabilities: float[users, types].
        observed: int[users] or float[users, types], as in ``roc_auc``.

    Returns:
        Values in [0, 1]; a constant prediction gets the share of the type.

    Source:
        Davis & Goadrich, ICML 2006; scikit-learn.

    Example:
        Type 0: its one user is second of three, precision 1/2 there.

        >>> predicted = np.array([[0.4, 0.6], [0.6, 0.4], [0.1, 0.9]])
        >>> average_precision(predicted, np.array([0, 1, 1])).values.round(4).tolist()
        [0.5, 0.8333]
    """
    from sklearn.metrics import average_precision_score

    return _one_vs_rest(average_precision_score, probabilities, observed)


def expected_calibration_error(probabilities: Probabilities, observed: Observed, n_bins: int = 15) -> float:
    """Gap between the confidence in the most likely type and how often it is right.

    ``sum(|bin| / n * |mean accuracy - mean confidence|)`` over bins of equal width.

    Args:
        probabilities: float[users, types].
        observed: int[users] or float[users, types].
        n_bins: Bins over (0, 1], each closed on the right. The result depends on it.

    Returns:
        A value in [0, 1]; 0 when confidence equals accuracy in every bin. Empty bins weigh
        nothing; types tied for the most likely count as in ``accuracy``.

    Raises:
        MetricsError: If there are no users or no bins.

    Source:
        Guo et al., ICML 2017.

    Example:
        Two bins: (0.9, 0.7) right once, gap 0.3; (0.5) right, gap 0.5.

        >>> predicted = np.array([[0.9, 0.1, 0.0], [0.7, 0.2, 0.1], [0.5, 0.25, 0.25]])
        >>> round(expected_calibration_error(predicted, np.array([0, 1, 0]), n_bins=2), 4)
        0.3667
    """
    right = accuracy(probabilities, observed)
    if n_bins < 1 or not len(right):
        raise MetricsError("expected_calibration_error", "no users or no bins", 1, (len(right), n_bins), "argument")
    confidence = probabilities.max(axis=1).astype(np.float64)
    bins = np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(right))


TypeMetric = Callable[[Probabilities, Observed], PerUser | PerClass | float]

TYPE_METRICS: Mapping[str, TypeMetric] = {
    "accuracy": accuracy,
    "log_loss": log_loss,
    "calibration_error": expected_calibration_error,
    "roc_auc": roc_auc,
    "average_precision": average_precision,
}


def _one_vs_rest(score: Callable[..., float], probabilities: Probabilities, observed: Observed) -> PerClass:
    """Score each type with every user as a positive and a negative, weighted by what was observed."""
    predicted, truth = _checked(probabilities, observed)
    share = truth.mean(axis=0) if len(truth) else np.zeros(truth.shape[1])
    defined = (share > 0) & (share < 1)
    values = np.full(len(share), np.nan)
    labels = np.repeat([True, False], len(truth))
    for kind in np.flatnonzero(defined):
        weights = np.concatenate((truth[:, kind], 1 - truth[:, kind]))
        values[kind] = score(labels, np.tile(predicted[:, kind], 2), sample_weight=weights)
    return PerClass(values, tuple(np.flatnonzero(~defined).tolist()))


def _checked(probabilities: Probabilities, observed: Observed) -> tuple[Probabilities, PerUser]:
    """The probabilities, and what was observed as float64[users, types]."""
    _check_distribution(probabilities, "probabilities")
    n_users, n_types = probabilities.shape
    if observed.dtype.kind in "iu" and observed.shape == (n_users,):
        refuse((observed < 0) | (observed >= n_types), "observed", f"a class outside 0..{n_types - 1}", "user")
        return probabilities, np.eye(n_types)[observed]
    if observed.shape != probabilities.shape:
        raise MetricsError("observed", f"neither int[{n_users}] nor {list(probabilities.shape)}", 1, observed, "array")
    _check_distribution(observed, "observed")
    return probabilities, observed.astype(np.float64)


def _check_distribution(rows: NDArray[np.number], place: str) -> None:
    if rows.ndim != 2:
        raise MetricsError(place, "not [users, types]", 1, rows.shape, "array")
    total_is_one = np.abs(rows.sum(axis=1) - 1) <= SUM_TOLERANCE
    refuse(~(total_is_one & (rows >= 0).all(axis=1)), place, "not a distribution", "user")
