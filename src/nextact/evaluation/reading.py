"""One pass of a model over the held-out users, kept small, of which everything else is worked out.

Scores take ``users * items`` floats and are gone after their block; what stays is where each relevant item stands, the
best items of each user, and a few probabilities.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.ranking import metrics_of_ranks
from nextact.metrics.targets import Targets
from nextact.metrics.tie_groups import TargetRanks, check_scores, rank_targets
from nextact.models.recommender import PredictsEventType, Recommender, Scores
from nextact.models.top_items import top_k
from nextact.retrieval.scoring import masked_scores, user_blocks
from nextact.sequences.holdout import Holdout

ROWS_AT_ONCE = 32  # of scores, so that what is worked out on the way stays in the cache


@dataclass(frozen=True, eq=False)
class ModelReading:
    """What one model said of the users of a holdout.

    Attributes:
        ranks: Where each relevant item stands, entry for entry as in the holdout's targets.
        log_probability: float32 [targets]; log of the softmax of masked scores, -inf for a masked item.
        shuffled: Where each relevant item of ``shuffled_targets`` stands.
        lists: int32 [users, depth]; the best items, best first, 0 for an empty place.
        probability: float32 [users, depth]; of the listed items, 0 for an empty place.
        event_types: float64 [users, event types] of a model that predicts them.
        seconds: Wall time of the pass.
    """

    ranks: TargetRanks
    log_probability: NDArray[np.float32]
    shuffled: TargetRanks
    lists: NDArray[np.int32]
    probability: NDArray[np.float32]
    event_types: NDArray[np.float64] | None
    seconds: float


def read_model(
    model: Recommender,
    holdout: Holdout,
    shuffled_targets: Targets,
    exclude_seen: bool,
    depth: int,
    temperature: float,
) -> ModelReading:
    """Score each held-out user once.

    Args:
        model: A fitted model.
        holdout: Users and what they did next.
        shuffled_targets: Relevant items of as many users, which say nothing of these.
        exclude_seen: The run's policy.
        depth: Ranks that are kept.
        temperature: Of the softmax over what may be recommended.
    """
    started = time.perf_counter()
    parts = [
        _read_block(model, holdout.take(which), shuffled_targets.take(which), exclude_seen, depth, temperature)
        for which in user_blocks(len(holdout.users))
    ]
    return join_readings(parts, time.perf_counter() - started)


def join_readings(parts: list[ModelReading], seconds: float) -> ModelReading:
    """The reading of all users from those of consecutive users."""
    types = [part.event_types for part in parts if part.event_types is not None]
    return ModelReading(
        _join_ranks([part.ranks for part in parts]),
        np.concatenate([part.log_probability for part in parts]),
        _join_ranks([part.shuffled for part in parts]),
        np.concatenate([part.lists for part in parts]),
        np.concatenate([part.probability for part in parts]),
        np.concatenate(types) if types else None,
        round(seconds, 2),
    )


def shuffle_targets(targets: Targets, seed: int) -> Targets:
    """The relevant items of a random other user for each user; with two users or more nobody keeps their own.

    Example:
        >>> shuffle_targets(Targets.from_lists([[1], [2], [3]]), seed=0).item_index.tolist()
        [2, 3, 1]
    """
    order = np.random.default_rng(seed).permutation(targets.n_users)
    giver = np.empty_like(order)
    giver[order] = np.roll(order, -1)
    return targets.take(giver)


def log_normaliser(scores: Scores, best: Scores, temperature: float) -> NDArray[np.float64]:
    """Log of the sum of ``exp(score / temperature)`` over each user's allowed items, float64 [users].

    A score divided by the temperature, less this, is the log probability that ``log_softmax`` gives. The exponentials
    are float32: a fifth of the time, and right to about 1e-6.

    Args:
        scores: float32 [users, n_items + 1], -inf for what may not be recommended.
        best: float32 [users], the largest score of each.
        temperature: Above 0.

    Example:
        >>> scores = np.array([[-np.inf, 0.0, 0.0]], np.float32)
        >>> log_normaliser(scores, scores.max(axis=1), temperature=1.0).round(4).tolist()
        [0.6931]
    """
    best = np.where(np.isfinite(best), best, np.float32(0))
    total = np.empty(len(scores), np.float32)
    for start in range(0, len(scores), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        scaled = scores[rows] - best[rows, None]
        scaled *= np.float32(1 / temperature)
        np.exp(scaled, out=scaled)
        scaled.sum(axis=1, out=total[rows])
    with np.errstate(divide="ignore"):  # nothing may be recommended: minus infinity
        normaliser: NDArray[np.float64] = best.astype(np.float64) / temperature + np.log(total, dtype=np.float64)
    return normaliser


def metrics_of_part(
    ranks: TargetRanks, targets: Targets, kept: NDArray[np.bool_], ks: tuple[int, ...]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Ranking metrics by some of the relevant items.

    Args:
        ranks: Of the targets' items.
        targets: All relevant items.
        kept: bool [targets], those that count; the others fill their ranks and are neither hit nor missed.
        ks: Cut-offs.

    Returns:
        ``(users, metrics)``: positions of the users with an item that counts, and their values in that order.
    """
    of_users = targets.keep(kept)
    users = np.flatnonzero(of_users.n_relevant)
    return users, metrics_of_ranks(ranks.keep(kept), of_users.take(users), ks)


def _read_block(
    model: Recommender, block: Holdout, shuffled: Targets, exclude_seen: bool, depth: int, temperature: float
) -> ModelReading:
    scores = masked_scores(model, block.histories, exclude_seen)
    best = check_scores(scores, block.targets)
    normaliser, lists = log_normaliser(scores, best, temperature), top_k(scores, depth)
    rows, own = np.arange(len(lists))[:, None], block.targets.users_of_items
    cut = np.where(lists[:, -1] > 0, scores[rows[:, 0], lists[:, -1]], np.float32(-np.inf))
    listed = np.exp(scores[rows, lists] / temperature - normaliser[:, None])
    relevant = scores[own, block.targets.item_index] / temperature - normaliser[own]
    types = model.event_type_probabilities(block.histories) if isinstance(model, PredictsEventType) else None
    return ModelReading(
        rank_targets(scores, block.targets, depth, cut),
        relevant.astype(np.float32),
        rank_targets(scores, shuffled, depth, cut),
        lists,
        np.where(lists > 0, listed, 0.0).astype(np.float32),
        types,
        0.0,
    )


def _join_ranks(parts: list[TargetRanks]) -> TargetRanks:
    return TargetRanks(
        np.concatenate([part.n_greater for part in parts]),
        np.concatenate([part.n_equal for part in parts]),
        np.concatenate([part.allowed for part in parts]),
        parts[0].depth,
    )
