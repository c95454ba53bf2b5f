"""A fusion of all members over the whole catalogue, by which a stacked ranker finds its candidates.

Shapes: B users, I items, M members, L examples, N drawn items.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from nextact.models.hybrid.members import Members
from nextact.models.hybrid.ranking_examples import RankingExamples
from nextact.models.hybrid.users_at_once import AtOnce
from nextact.models.masking import mask
from nextact.models.recommender import Scores
from nextact.sequences.holdout import Holdout

Weights = NDArray[np.float64]
DRAWN_TOGETHER = 256  # examples; apart from the blocks that are scored, on which nothing may depend
MOST_EXAMPLES, DRAWN = 2_500, 1_000
RIDGE = 1e-3
LINEAR_LIMIT = 10.0  # deviations above which a standardised score says no more by its linear part


@dataclass(frozen=True, eq=False)
class ScoreFusion:
    """Weights of two readings of each member's standardised scores, of which the sum is a logit of every item.

    Attributes:
        weights: float64 [2, M]: of ``log(1 + score)`` above the mean, which suits members with few and high scores, and
            of the score itself (in units of five deviations), which suits those that judge every item.
    """

    weights: Weights

    def logits(self, scores: list[Scores]) -> Scores:
        """How likely each item is to be next, float32 [B, I + 1], up to a constant a user."""
        total: Scores = np.zeros(scores[0].shape, np.float32)
        for of_member, weights in zip(scores, self.weights.T.astype(np.float32), strict=True):
            for weight, reading in zip(weights, readings(of_member), strict=True):
                total += weight * reading
        return total


def readings(scores: Scores) -> tuple[Scores, Scores]:
    """The two readings of standardised scores.

    Example:
        >>> [reading.astype(float).round(2).tolist() for reading in readings(np.float32([[-1, 0, 20]]))]
        [[[0.0, 0.0, 3.04]], [[-0.2, 0.0, 2.0]]]
    """
    linear = np.clip(scores, -LINEAR_LIMIT, LINEAR_LIMIT) / np.float32(LINEAR_LIMIT / 2)
    return np.log1p(np.maximum(scores, 0)), linear


def fit_fusion(
    members: Members, examples: RankingExamples | Holdout, exclude_seen: bool, seed: int, at_once: AtOnce | None = None
) -> ScoreFusion:
    """Weights under which an example's target is most likely, by a conditional logit over the whole catalogue.

    Instead of all items each example shows its target among items drawn uniformly, which fits the same weights. Of
    several targets one is drawn. A ridge keeps members that say the same apart.

    Args:
        members: M models.
        examples: Users with targets; of the first 2,500 with a target in the catalogue those are learnt from whose
            drawn one may be recommended.
        exclude_seen: Whether items of the history may be recommended.
        seed: Of what is drawn.
        at_once: How large a block may be that is scored.

    Source:
        McFadden, 1978, "Modelling the choice of residential location" (uniformly drawn alternatives).
    """
    random, at_once, examples = np.random.default_rng(seed), at_once or AtOnce(), RankingExamples.of(examples)
    some = examples.only(np.flatnonzero(examples.in_catalogue)[:MOST_EXAMPLES])
    shown = []
    for start in range(0, len(some.rows), DRAWN_TOGETHER):
        together = some.only(np.arange(start, min(start + DRAWN_TOGETHER, len(some.rows))))
        shown += _shown(members, together, exclude_seen, random, at_once)
    n_members = len(members.names)
    if not sum(len(allowed) for _, allowed in shown):
        return ScoreFusion(np.ones((2, n_members)))
    read, allowed = (np.concatenate(parts) for parts in zip(*shown, strict=True))
    return ScoreFusion(_logit(read, allowed).reshape(2, n_members))


def bytes_of_examples(n_examples: int, n_items: int, n_members: int) -> int:
    """Memory of all readings of a fit, while they are joined and in a step of the fit."""
    return min(n_examples, MOST_EXAMPLES) * (1 + min(n_items, DRAWN)) * (2 * 2 * n_members * 4 + 40)


def _shown(
    members: Members, examples: RankingExamples, exclude_seen: bool, random: np.random.Generator, at_once: AtOnce
) -> list[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Blocks of all readings of a target and of N drawn items, and which of these may be compared."""
    targets = examples.targets
    places = targets.offsets[:-1] + random.integers(targets.n_in_catalogue)
    target = targets.item_index[places]
    drawn, distinct = _draw(len(target), members.width - 1, random)
    items = np.concatenate([target[:, None], drawn], axis=1)
    blocks = examples.blocks(at_once.users, at_once.events)
    return [_read(members, examples.take(which), items[which], distinct[which], exclude_seen) for which in blocks]


def _read(
    members: Members, examples: Holdout, items: NDArray[np.int64], distinct: NDArray[np.bool_], exclude_seen: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """All readings of the items, [L, 1 + N, 2M], and which of these may be compared, [L, 1 + N].

    The target is at place 0. Examples whose drawn target may not be recommended are left out.
    """
    users, target = np.arange(len(items)), items[:, 0]
    allowed = mask(np.zeros((len(items), members.width), np.float32), examples.histories, exclude_seen) == 0
    usable = allowed[users, target]
    allowed[examples.targets.users_of_items, examples.targets.item_index] = False  # no target is an alternative
    open_ = np.take_along_axis(allowed, items, axis=1)
    open_[:, 1:] &= distinct
    open_[:, 0] = usable
    each = members.each_scores(examples.histories)
    here = [np.take_along_axis(of_member, items, axis=1)[usable] for of_member in each]
    both = [readings(of_member) for of_member in here]
    read = np.stack([reading for kind in zip(*both, strict=True) for reading in kind], axis=2)
    return read, open_[usable]


def _draw(n_users: int, n_items: int, random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Items for each user, [users, N], and which are not drawn a second time; the whole of a small catalogue."""
    if n_items <= DRAWN:
        everything = np.tile(np.arange(1, n_items + 1), (n_users, 1))
        return everything, np.ones(everything.shape, bool)
    drawn = np.sort(random.integers(1, n_items + 1, (n_users, DRAWN)), axis=1)
    distinct = np.ones(drawn.shape, bool)
    distinct[:, 1:] = drawn[:, 1:] != drawn[:, :-1]
    return drawn, distinct


def _logit(read: NDArray[np.float32], allowed: NDArray[np.bool_]) -> Weights:
    """Weights under which the items at place 0 are most likely among the allowed ones, by least regularised loss."""

    def loss(weights: Weights) -> tuple[float, Weights]:
        logits = np.where(allowed, read @ weights.astype(np.float32), np.float32(-np.inf))
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        totals = odds.sum(axis=1, keepdims=True, dtype=np.float64)
        expected = ((odds / totals.astype(np.float32))[:, None] @ read)[:, 0]
        value = float((np.log(totals[:, 0]) - logits[:, 0]).mean() + RIDGE * weights @ weights)
        gradient = (expected - read[:, 0]).mean(axis=0, dtype=np.float64) + 2 * RIDGE * weights
        return value, gradient

    start = np.full(read.shape[2], 1 / read.shape[2])
    weights: Weights = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100}).x
    return weights
