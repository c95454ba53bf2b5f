"""Policies that explore: which items are shown, and with what probability, so that the log can be learnt from.

A policy fills the places of a list one after the other. With probability ``1 - epsilon`` a place is filled by softmax
of ``score / temperature`` over the items not yet shown (Plackett-Luce; the best item at temperature 0), otherwise by
any of them alike. The propensity of an item is the probability of this step, given the items above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError
from nextact.options import NotNegative, Share, options

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]

NOTHING = -1  # a place of the list that no allowed item is left for

# B lists to fill, N items to choose from (best first, say), K places of a list.


@options
class SamplingPolicyOptions:
    """How far a policy strays from the ranking.

    Attributes:
        temperature: Of the softmax over scores; 0 shows the best items. Log probabilities at 1 draw in proportion to
            the probabilities.
        epsilon: Share of places that any remaining item may take, in [0, 1]; above 0 every item has a chance.
    """

    temperature: NotNegative = 1.0
    epsilon: Share = 0.0


@dataclass(frozen=True)
class Slates:
    """Lists that were drawn.

    Attributes:
        positions: int64[B, K], columns of the scores in the order shown; :data:`NOTHING` where none was left.
        propensity: float64[B, K] in (0, 1], of each item at its place given the items above it; NaN at such places.
    """

    positions: Positions
    propensity: Floats


def sample_slates(scores_BN: Floats, n_places: int, policy: SamplingPolicyOptions, seed: int) -> Slates:
    """Draw one list a row, with its propensities.

    Scores disturbed by Gumbel noise and sorted are a Plackett-Luce draw without replacement (Gumbel top-k); taking an
    item out for a random place leaves the order of the others such a draw.

    Args:
        scores_BN: float64[B, N], higher is better; -inf may not be shown.
        n_places: K, at least 1; more than N leaves places empty.
        policy: Temperature and epsilon. At temperature 0 equal scores are taken in the order of their columns.
        seed: The same seed draws the same lists.

    Returns:
        Lists without repeats and their propensities.

    Raises:
        NextactError: If a score is NaN or +inf, or there is no place.

    Source:
        Plackett 1975; Yellott 1977 and Kool, van Hoof & Welling, ICML 2019 (Gumbel top-k).

    Example:
        >>> drawn = sample_slates(np.log([[0.5, 0.3, 0.2]]), 2, SamplingPolicyOptions(temperature=0), seed=0)
        >>> drawn.positions.tolist(), drawn.propensity.tolist()
        ([[0, 1]], [[1.0, 1.0]])
    """
    _check_scores(scores_BN, n_places)
    rng = np.random.default_rng(seed)
    noise = rng.gumbel(size=scores_BN.shape)
    order_BN = scores_BN / policy.temperature + noise if policy.temperature > 0 else scores_BN.copy()
    left_BN = np.isfinite(scores_BN)
    positions = np.full((len(scores_BN), n_places), NOTHING, np.int64)
    for place in range(min(n_places, scores_BN.shape[1])):
        best = np.where(left_BN, order_BN, -np.inf).argmax(axis=1)
        anyone = np.where(left_BN, rng.random(scores_BN.shape), -1.0).argmax(axis=1)
        chosen = np.where(rng.random(len(best)) < policy.epsilon, anyone, best)
        rows = np.flatnonzero(left_BN.any(axis=1))
        positions[rows, place] = chosen[rows]
        left_BN[rows, chosen[rows]] = False
    return Slates(positions, slate_probabilities(scores_BN, positions, policy))


def slate_probabilities(scores_BN: Floats, positions_BK: Positions, policy: SamplingPolicyOptions) -> Floats:
    """Probability with which a policy shows each item of given lists at its place, given the items above it.

    Args:
        scores_BN: float64[B, N], higher is better; -inf may not be shown.
        positions_BK: int64[B, K]: columns of the scores, none twice in a row; :data:`NOTHING` for no item, or one that
            the scores do not know.
        policy: Temperature and epsilon.

    Returns:
        float64[B, K] in [0, 1]; 0 where the policy would never show the item there, NaN at :data:`NOTHING`. The product
        of a row is the probability of the list.

    Raises:
        NextactError: If a score is NaN or +inf, or a list names an item twice.

    Example:
        Of 0.5, 0.3 and 0.2 the second comes first with 0.3, then the first with 0.5 / (0.5 + 0.2).

        >>> scores, drawn = np.log([[0.5, 0.3, 0.2]]), np.array([[1, 0]])
        >>> slate_probabilities(scores, drawn, SamplingPolicyOptions()).round(4).tolist()
        [[0.3, 0.7143]]
    """
    _check_scores(scores_BN, positions_BK.shape[1])
    _check_repeats(positions_BK)
    left_BN = np.isfinite(scores_BN)
    probability_BK = np.full(positions_BK.shape, np.nan)
    for place, chosen in enumerate(positions_BK.T):
        rows = np.flatnonzero(chosen != NOTHING)
        steps = next_probabilities(scores_BN[rows], left_BN[rows], policy)
        probability_BK[rows, place] = steps[np.arange(len(rows)), chosen[rows]]
        left_BN[rows, chosen[rows]] = False
    return probability_BK


def next_probabilities(scores_BN: Floats, left_BN: NDArray[np.bool_], policy: SamplingPolicyOptions) -> Floats:
    """Probability of each item for the next place, float64[B, N]; rows sum to 1, or to 0 where nothing is left.

    Args:
        scores_BN: float64[B, N].
        left_BN: bool[B, N], items that may still be shown; their scores are finite.
        policy: Temperature and epsilon.
    """
    n_left = left_BN.sum(axis=1, keepdims=True)
    masked = np.where(left_BN, scores_BN, -np.inf)
    if policy.temperature > 0:
        best = np.where(n_left > 0, masked.max(axis=1, keepdims=True), 0.0)
        weights = np.exp((masked - best) / policy.temperature)
        ranked = weights / np.where(n_left > 0, weights.sum(axis=1, keepdims=True), 1.0)
    else:
        ranked = (np.arange(masked.shape[1]) == masked.argmax(axis=1)[:, None]) & left_BN
    alike = left_BN / np.maximum(n_left, 1)
    result: Floats = (1 - policy.epsilon) * ranked + policy.epsilon * alike
    return result


def _check_scores(scores_BN: Floats, n_places: int) -> None:
    if n_places < 1 or scores_BN.shape[1] < 1:
        raise NextactError(f"a list needs places and items, got {n_places} places and {scores_BN.shape[1]} items")
    bad = np.isnan(scores_BN) | np.isposinf(scores_BN)
    if bad.any():
        row, column = (int(axis[0]) for axis in np.nonzero(bad))
        n_bad = int(bad.any(axis=1).sum())
        raise NextactError(f"scores: NaN or +inf in {n_bad:,} row(s), e.g. row {row}, column {column}")


def _check_repeats(positions_BK: Positions) -> None:
    ordered = np.sort(positions_BK, axis=1)
    repeats = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NOTHING)).any(axis=1)
    if repeats.any():
        row = int(repeats.argmax())
        example = f"{positions_BK[row].tolist()} in row {row}"
        raise NextactError(f"positions: an item twice in {int(repeats.sum()):,} list(s), e.g. {example}")
