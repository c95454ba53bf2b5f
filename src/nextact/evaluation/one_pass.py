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
from nextact.models.recommender import PredictsEventType, Recommender
from nextact.processes.threads import in_threads
from nextact.retrieval.scoring import rank
from nextact.sequences.holdout import Holdout
from nextact.sequences.user_blocks import score_bytes, user_blocks


@dataclass(frozen=True, eq=False)
class ModelReading:
    """What one model said of the users of a holdout.

    Attributes:
        ranks: Where each relevant item stands, entry for entry as in the holdout's targets.
        log_probability: float32 [targets]; log of the softmax of masked scores, -inf for a masked item.
        shuffled: Where each relevant item of ``shuffled_targets`` stands.
        lists: int32 [users, depth]; the best items as they are recommended, best first, 0 for an empty place.
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
    tie_order: NDArray[np.int64],
    alike: NDArray[np.int32] | None,
    depth: int,
    temperature: float,
) -> ModelReading:
    """Score each held-out user once, a block of users in each thread.

    Args:
        model: A fitted model.
        holdout: Users and what they did next.
        shuffled_targets: Relevant items of as many users, which say nothing of these.
        exclude_seen: The run's policy.
        tie_order: int64 [n_items + 1]; see :func:`~nextact.retrieval.scoring.popular_first`.
        alike: int32 [n_items + 1]; see :func:`~nextact.retrieval.alike.alike_by_text`. It changes lists, never ranks.
        depth: Ranks that are kept.
        temperature: Of the softmax over what may be recommended.
    """
    started = time.perf_counter()

    def read(which: NDArray[np.int64]) -> ModelReading:
        block, shuffled = holdout.take(which), shuffled_targets.take(which)
        return _read_block(model, block, shuffled, exclude_seen, tie_order, alike, depth, temperature)

    parts = in_threads(read, list(user_blocks(len(holdout.users), score_bytes(len(tie_order) - 1))))
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
    model: Recommender,
    block: Holdout,
    shuffled: Targets,
    exclude_seen: bool,
    tie_order: NDArray[np.int64],
    alike: NDArray[np.int32] | None,
    depth: int,
    temperature: float,
) -> ModelReading:
    ranking = rank(model, block.histories, exclude_seen, tie_order, alike, depth, temperature)
    check_scores(ranking.scores, block.targets)
    types = model.event_type_probabilities(block.histories) if isinstance(model, PredictsEventType) else None
    return ModelReading(
        rank_targets(ranking.scores, block.targets, depth, ranking.bound),
        ranking.log_probability(block.targets.users_of_items, block.targets.item_index).astype(np.float32),
        rank_targets(ranking.scores, shuffled, depth, ranking.bound),
        ranking.lists,
        ranking.listed_probability.astype(np.float32),
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
