"""The best items of each user by their scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextact.models.recommender import Scores

MOST_IN_GROUP = 32  # items of a group of which the best one bounds the others


def top_k(scores: Scores, k: int, tie_order: NDArray[np.integer] | None = None) -> NDArray[np.int32]:
    """The k best items a user, int32 [users, k], best first; 0 fills places that no allowed item takes.

    Args:
        scores: float [users, n_items + 1], -inf for what may not be taken.
        k: At least 1.
        tie_order: int [n_items + 1], all columns in the order in which equal scores are listed; by item index, if left
            out. Either way the same scores always give the same list.

    Example:
        >>> scores = np.array([[-np.inf, 1, 3, 1]], dtype=np.float32)
        >>> top_k(scores, k=4).tolist()
        [[2, 1, 3, 0]]
        >>> top_k(scores, k=4, tie_order=np.array([0, 3, 1, 2])).tolist()
        [[2, 3, 1, 0]]
    """
    reached = scores >= np.fmax(_bound(scores, k), np.finfo(scores.dtype).min)[:, None]
    if tie_order is not None:  # the marks are put in order, a quarter of the bytes of the scores
        reached = np.take(reached, tie_order, axis=1)
    users, items = np.divmod(np.flatnonzero(reached), scores.shape[1])
    if tie_order is not None:
        items = tie_order[items]
    order = np.lexsort((-scores[users, items], users))
    users, items = users[order], items[order]
    starts = np.searchsorted(users, np.arange(len(scores)))
    places = np.arange(len(users)) - starts[users]
    best = np.zeros((len(scores), k), np.int32)
    kept = places < k
    best[users[kept], places[kept]] = items[kept]
    return best


def _bound(scores: Scores, k: int) -> Scores:
    """A score that at least k items of each user reach, close to the k-th best, [users].

    The k-th best of the best of each of some groups of items: a selection among all items would take its time over
    the many that score the same.
    """
    size = min(max(scores.shape[1] // (5 * k), 1), MOST_IN_GROUP)
    n_groups = scores.shape[1] // size
    if n_groups < k:
        return np.full(len(scores), -np.inf, scores.dtype)
    best_of_group = scores[:, : n_groups * size].reshape(len(scores), size, n_groups).max(axis=1)
    bound: Scores = np.partition(best_of_group, n_groups - k, axis=1)[:, n_groups - k]
    return bound
