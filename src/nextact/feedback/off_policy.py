"""What another policy would have earned, from what the policy that was live showed and earned.

A row of the log is a context ``x`` (user and moment), the item ``a`` shown, its propensity ``p`` and the reward ``r``
that followed. Under a target policy that shows the item with probability ``t`` the row counts ``w = t / p`` times.
Every estimate is a ratio of two sums over rows, so that one bootstrap over users serves all; see :class:`Terms`.

Source:
    Horvitz & Thompson 1952 (inverse propensities); Swaminathan & Joachims, NeurIPS 2015 (self-normalised); Ionides 2008
    (clipped); Dudik, Langford & Li, ICML 2011 (doubly robust); Kong 1992 (effective sample size).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError
from nextact.feedback.intervals import ratio_interval
from nextact.metrics.comparison import Interval
from nextact.metrics.errors import refuse

Floats = NDArray[np.float64]


class SupportError(NextactError):
    """The target policy shows what the log cannot speak of."""


@dataclass(frozen=True)
class Terms:
    """An estimate ``sum(numerator) / sum(denominator)`` over the rows of a log.

    Attributes:
        numerator: float64[rows].
        denominator: float64[rows].
    """

    numerator: Floats
    denominator: Floats

    @property
    def value(self) -> float:
        """The estimate; NaN where the denominators sum to 0."""
        below = self.denominator.sum()
        return float(self.numerator.sum() / below) if below else float("nan")

    def interval(self, user: NDArray[Any], draws: int = 1_000, level: float = 0.95, seed: int = 0) -> Interval:
        """The estimate with its bootstrap interval over users, all rows of a user drawn together.

        Args:
            user: [rows], whose row it is.
            draws: Resamples.
            level: In (0, 1).
            seed: Of the resamples.
        """
        _, code = np.unique(user, return_inverse=True)
        above: Floats = np.bincount(code, weights=self.numerator).astype(np.float64)
        below: Floats = np.bincount(code, weights=self.denominator).astype(np.float64)
        return ratio_interval(above, below, draws, level, seed)


def importance_weights(target: Floats, propensity: Floats) -> Floats:
    """``target / propensity``, float64[rows], at least 0.

    Args:
        target: Probability with which the target policy shows the logged item, in [0, 1].
        propensity: The same of the policy that was live, in (0, 1].

    Raises:
        MetricsError: If either is outside its range.

    Example:
        >>> importance_weights(np.array([0.5, 0.0]), np.array([0.25, 0.5])).tolist()
        [2.0, 0.0]
    """
    refuse(~((propensity > 0) & (propensity <= 1)), "propensity", "outside (0, 1]", "row")
    refuse(~((target >= 0) & (target <= 1 + 1e-9)), "target", "outside [0, 1]", "row")
    return target / propensity


def ips(weights: Floats, reward: Floats) -> Terms:
    """Inverse propensity scoring: the mean of ``w r``.

    Unbiased where the target shows only what the log could show; its variance grows with the weights.

    Args:
        weights: float64[rows].
        reward: float64[rows].

    Example:
        >>> ips(np.array([2.0, 0.0]), np.array([1.0, 1.0])).value
        1.0
    """
    return Terms(weights * reward, np.ones(len(reward)))


def snips(weights: Floats, reward: Floats) -> Terms:
    """Self-normalised: ``sum(w r) / sum(w)``, always within the range of the rewards.

    Biased by about one part in the effective sample size, in exchange for less variance.

    Example:
        >>> snips(np.array([2.0, 1.0]), np.array([1.0, 0.0])).value
        0.6666666666666666
    """
    return Terms(weights * reward, weights)


def clipped_ips(weights: Floats, reward: Floats, max_weight: float) -> Terms:
    """The mean of ``min(w, max_weight) r``: at most ``ips`` where rewards are at least 0, with bounded variance.

    Example:
        >>> clipped_ips(np.array([20.0, 0.0]), np.array([1.0, 1.0]), max_weight=10).value
        5.0
    """
    return ips(np.minimum(weights, max_weight), reward)


def doubly_robust(
    weights: Floats, reward: Floats, predicted: Floats, predicted_target: Floats, before: Floats | None = None
) -> Terms:
    """The mean of ``before * q(x, target) + w (r - q(x, a))``: a model of the reward, corrected where the log speaks.

    Unbiased when the propensities are right whatever the model says, and when the model is right whatever the
    propensities; the better the model, the smaller the variance. The model must not have been fitted on the rows it is
    used for.

    Args:
        weights: float64[rows].
        reward: float64[rows].
        predicted: float64[rows], the model's reward of the logged item.
        predicted_target: float64[rows], its expected reward under the target policy in the row's context.
        before: float64[rows], weight of the places above in the same list, contained in ``weights`` as a factor; 1 for
            a first place.

    Example:
        An exact model leaves nothing to correct.

        >>> reward = np.array([1.0, 0.0])
        >>> doubly_robust(np.array([2.0, 0.5]), reward, reward, np.array([0.3, 0.5])).value
        0.4
    """
    share = np.ones(len(reward)) if before is None else before
    return Terms(share * predicted_target + weights * (reward - predicted), np.ones(len(reward)))


def effective_sample_size(weights: Floats) -> float:
    """``sum(w)^2 / sum(w^2)``: how many rows of weight 1 would tell as much, in [0, rows]; 0 without any weight.

    Example:
        >>> effective_sample_size(np.array([1.0, 1.0, 0.0, 0.0])), effective_sample_size(np.array([3.0, 1.0]))
        (2.0, 1.6)
    """
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def require_support(
    weights: Floats, user: NDArray[Any], covered: Floats | None = None, min_support: float = 0.95, seed: int = 0
) -> Interval:
    """Refuse to estimate a policy that shows what the log never could.

    Weights average 1 when the log could show all that the target shows; what is missing from 1 is the target's
    probability on items without a chance in the log, or on chances so small that none came up. Neither can be
    estimated.

    Args:
        weights: float64[rows].
        user: [rows].
        covered: float64[rows], share of the target's probability in the row's context that falls on items which the
            log could show, where that is known.
        min_support: Least share of the target's probability that the log must speak of, in [0, 1].
        seed: Of the bootstrap over users.

    Returns:
        The mean weight with its interval.

    Raises:
        SupportError: If ``covered`` averages less than ``min_support``, or the interval of the mean weight ends below.

    Example:
        >>> require_support(np.array([0.0, 0.5]), np.array([1, 2]), covered=np.array([0.0, 1.0]))
        Traceback (most recent call last):
        nextact.feedback.off_policy.SupportError: the target policy shows items the log never could: 50.0% of its ...
    """
    if covered is not None and covered.mean() < min_support:
        worst = int(covered.argmin())
        raise SupportError(
            f"the target policy shows items the log never could: {1 - covered.mean():.1%} of its probability is on "
            f"them, more than the {1 - min_support:.1%} allowed (min_support), in {int((covered < 1).sum()):,} of "
            f"{len(covered):,} row(s), e.g. {1 - covered[worst]:.1%} in row {worst}; no estimate is given"
        )
    found = Terms(weights, np.ones(len(weights))).interval(user, seed=seed)
    if found.high < min_support:
        raise SupportError(
            f"the target policy shows what the log hardly could: the weights average {found.mean:.3f} "
            f"[{found.low:.3f}, {found.high:.3f}] instead of 1, so the log speaks of that share of the target's "
            f"probability only, less than {min_support:.2f} (min_support); no estimate is given"
        )
    return found
