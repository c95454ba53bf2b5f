"""Users and items that belong together: one number for each pair, and where its events lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pairs(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Distinct keys ascending, the positions of the first and of the last event of each, and how many there are.

    Example:
        >>> [one.tolist() for one in pairs(np.array([9, 4, 9]))]
        [[4, 9], [1, 0], [1, 2], [1, 2]]
    """
    order = np.argsort(keys, kind="stable")
    distinct, start, counts = np.unique(keys[order], return_index=True, return_counts=True)
    return distinct, order[start], order[start + counts - 1], counts
