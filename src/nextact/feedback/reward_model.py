"""A model of the reward for doubly robust estimates: each item's mean reward, drawn towards the mean of all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PRIOR_ROWS = 20.0  # rows of the overall mean that each item starts with


def fold_of_users(user: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """Fold 0 or 1 of each row, all rows of a user in the same: half of the users each.

    Args:
        user: [rows].
        seed: Of the shuffle.
    """
    users, code = np.unique(user, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(users)) % 2
    return np.asarray(fold[code], dtype=np.int64)


def item_rewards(item: NDArray[np.int64], reward: Floats, fold: NDArray[np.int64], n_items: int) -> Floats:
    """Predicted reward of every item for the users of either fold, from the rows of the other fold alone.

    With ``n`` rows of an item that sum to ``s`` the prediction is ``(s + PRIOR_ROWS * mean) / (n + PRIOR_ROWS)``.

    Args:
        item: int64[rows], in ``0 .. n_items - 1``.
        reward: float64[rows].
        fold: int64[rows], 0 or 1.
        n_items: Items to predict for; unseen ones get the mean.

    Returns:
        float64[2, items]; row 0 is for users of fold 0. A fold whose other fold is empty is predicted 0.

    Source:
        Chernozhukov et al. 2018 (cross-fitting).

    Example:
        >>> item_rewards(np.array([0, 0, 1]), np.array([1.0, 1.0, 0.0]), np.array([1, 1, 1]), 2).round(3).tolist()
        [[0.697, 0.635], [0.0, 0.0]]
    """
    predicted = np.zeros((2, n_items))
    for own in (0, 1):
        other = fold != own
        if other.any():
            n_rows = np.bincount(item[other], minlength=n_items)
            total = np.bincount(item[other], weights=reward[other], minlength=n_items)
            predicted[own] = (total + PRIOR_ROWS * reward[other].mean()) / (n_rows + PRIOR_ROWS)
    return predicted
