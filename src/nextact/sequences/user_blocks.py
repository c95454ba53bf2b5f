"""Users in blocks, so that what is worked out of them takes a stated memory however many they are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 256 * 2**20  # of one array of a block; a few of them stand beside each other
MOST_USERS = 256  # more at once are not faster
SCORE_BYTES = np.dtype(np.float32).itemsize


def user_blocks(n_users: int, user_bytes: int = 0, most: int = MOST_USERS) -> Iterator[NDArray[np.int64]]:
    """Consecutive blocks of user positions.

    Args:
        n_users: Users, at positions 0 .. n_users - 1.
        user_bytes: What one user takes in the largest array of a block; 0 where it is known to be little.
        most: Most users of a block, at least 1.

    Yields:
        int64 positions: ``most`` of them, or as many as :data:`BLOCK_BYTES` hold, and one where a single user takes
        more.

    Example:
        >>> [block.tolist() for block in user_blocks(5, most=2)]
        [[0, 1], [2, 3], [4]]
        >>> [len(block) for block in user_blocks(5, user_bytes=BLOCK_BYTES // 3)]
        [3, 2]
    """
    size = min(most, max(BLOCK_BYTES // max(user_bytes, 1), 1))
    for start in range(0, n_users, size):
        yield np.arange(start, min(start + size, n_users))


def score_bytes(n_items: int) -> int:
    """What one user's float32 scores of a catalogue take, padding included."""
    return SCORE_BYTES * (n_items + 1)
