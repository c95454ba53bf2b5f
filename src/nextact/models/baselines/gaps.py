"""How long people go without an item before they choose it again, in steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.models.baselines.history_weights import steps_back
from nextact.sequences.histories import Histories

Gaps = NDArray[np.float64]


@dataclass(frozen=True)
class _Pairs:
    """Distinct (user, item) pairs: when the item was chosen first and last, and in how many steps."""

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    first_back: NDArray[np.int64]  # steps before the user's newest step
    last_back: NDArray[np.int64]
    n_steps: NDArray[np.int64]


def item_gaps(histories: Histories, n_items: int) -> Gaps:
    """Mean number of steps between two choices of an item by one user, float64 [n_items + 1]; 0 where none chose twice.

    Example:
        >>> item_gaps(Histories.from_lists([[1, 2, 2, 1], [2, 1, 2]]), n_items=2).tolist()
        [0.0, 3.0, 1.5]
    """
    pairs = _pairs(histories, n_items)
    spans = np.bincount(pairs.item, weights=pairs.first_back - pairs.last_back, minlength=n_items + 1)
    n_gaps = np.bincount(pairs.item, weights=pairs.n_steps - 1, minlength=n_items + 1)
    gaps: Gaps = np.divide(spans, n_gaps, out=np.zeros(n_items + 1), where=n_gaps > 0)
    return gaps


def due_factors(histories: Histories, gaps: Gaps, power: float) -> csr_matrix:
    """How due each item of a history is in the next step, float32 [users, n_items + 1], in (0, 1].

    ``min(1, elapsed / gap) ** power``: ``elapsed`` counts steps from the last choice to the next step, and ``gap`` is
    the mean of the user's own gaps and, once, of the item's mean gap. Items whose gap nobody has shown are due.

    Args:
        histories: B users.
        gaps: Mean gap of each item, from :func:`item_gaps`; 0 where unknown.
        power: 0 makes every item due; larger values hold back more what was just chosen.

    Example:
        Item 1 comes every fourth step and was chosen one step ago.

        >>> due_factors(Histories.from_lists([[2, 2, 1]]), np.array([0.0, 4.0, 1.0]), power=1.0).toarray().tolist()
        [[0.0, 0.25, 1.0]]
    """
    pairs = _pairs(histories, len(gaps) - 1)
    known = gaps[pairs.item] > 0
    n_gaps = pairs.n_steps - 1 + known
    spans = pairs.first_back - pairs.last_back + gaps[pairs.item]
    mean_gap = np.divide(spans, n_gaps, out=np.ones(len(spans)), where=n_gaps > 0)
    factors = np.minimum((pairs.last_back + 1) / mean_gap, 1.0) ** power
    shape = (histories.n_users, len(gaps))
    return csr_matrix((factors.astype(np.float32), (pairs.user, pairs.item)), shape=shape)


def _pairs(histories: Histories, n_items: int) -> _Pairs:
    keys = histories.users_of_events * (n_items + 1) + histories.item_index
    back = steps_back(histories)
    order = np.lexsort((back, keys))  # by pair, newest step first
    keys, back = keys[order], back[order]
    distinct = np.ones(len(keys), bool)  # an item counts once a step
    distinct[1:] = (keys[1:] != keys[:-1]) | (back[1:] != back[:-1])
    keys, back = keys[distinct], back[distinct]
    bounds = np.flatnonzero(np.diff(keys, prepend=-1, append=-1))
    starts, ends = bounds[:-1], bounds[1:]
    user, item = np.divmod(keys[starts], n_items + 1)
    return _Pairs(user, item, back[ends - 1], back[starts], ends - starts)
