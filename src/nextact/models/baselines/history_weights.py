"""How much each item of a history counts: the input of every model that is one matrix product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.sequences.histories import Histories

MICROSECONDS_PER_DAY = 86_400_000_000


def history_matrix(histories: Histories, n_items: int, weights: NDArray[np.float64] | None = None) -> csr_matrix:
    """Sparse users x items sum of event weights, float32 [users, n_items + 1].

    Example:
        >>> history_matrix(Histories.from_lists([[2, 1, 2]]), n_items=2).toarray().tolist()
        [[0.0, 1.0, 2.0]]
    """
    values = np.ones(histories.n_events) if weights is None else weights
    coordinates = (histories.users_of_events, histories.item_index.astype(np.int64))
    return csr_matrix((values.astype(np.float32), coordinates), shape=(histories.n_users, n_items + 1))


def recency_weights(histories: Histories, half_life_days: float) -> NDArray[np.float64]:
    """0.5 to the power of (age / half-life), where age runs from the event to its user's newest one.

    Ages are subtracted as int64: float32 seconds since 1970 would step by 128 s.
    """
    newest = np.zeros(histories.n_users, np.int64)
    has_events = histories.lengths > 0
    newest[has_events] = histories.timestamp[histories.offsets[1:][has_events] - 1]
    age = np.repeat(newest, histories.lengths) - histories.timestamp
    weights: NDArray[np.float64] = np.exp2(-age / (half_life_days * MICROSECONDS_PER_DAY))
    return weights


def step_decay_weights(histories: Histories, decay: float) -> NDArray[np.float64]:
    """``decay`` to the power of how many steps lie between an event and its user's newest step."""
    steps = histories.steps_of_events()
    last = np.zeros(histories.n_users, np.int64)
    has_events = histories.lengths > 0
    last[has_events] = steps[histories.offsets[1:][has_events] - 1]
    weights: NDArray[np.float64] = np.power(float(decay), np.repeat(last, histories.lengths) - steps)
    return weights
