"""The relevant items of each held-out user, as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.errors import MetricsError, refuse

LARGEST_ITEM_INDEX = np.iinfo(np.int32).max


@dataclass(frozen=True, eq=False)
class Targets:
    """Relevant items per user, user ``u`` owning ``item_index[offsets[u]:offsets[u + 1]]``.

    Attributes:
        offsets: int64[users + 1], from 0 to ``len(item_index)``, never falling.
        item_index: int32[n], each in 1..n_items, distinct within a user, in any order.
        n_missing: int64[users], relevant items outside the catalogue. No model can
            recommend them, yet they stay in the denominators of recall, NDCG and MAP.

    Raises:
        MetricsError: If the arrays do not fit together, an index is below 1 or an
            item repeats within a user.

    Example:
        >>> targets = Targets.from_lists([[3, 1], [2]], n_missing=[0, 4])
        >>> targets.offsets.tolist(), targets.item_index.tolist(), targets.n_relevant.tolist()
        ([0, 2, 3], [3, 1, 2], [2, 5])
    """

    offsets: NDArray[np.int64]
    item_index: NDArray[np.int32]
    n_missing: NDArray[np.int64]

    def __post_init__(self) -> None:
        _check_offsets(_integers("targets.offsets", self.offsets), self.item_index)
        _check_items(_integers("targets.item_index", self.item_index), self.users_of_items)
        _check_missing(_integers("targets.n_missing", self.n_missing), self.n_users)
        # One dtype from here on, whatever integers came in.
        object.__setattr__(self, "offsets", self.offsets.astype(np.int64))
        object.__setattr__(self, "item_index", self.item_index.astype(np.int32))
        object.__setattr__(self, "n_missing", self.n_missing.astype(np.int64))

    @classmethod
    def from_lists(cls, lists: Sequence[Sequence[int]], n_missing: Sequence[int] | None = None) -> Targets:
        """Targets from one list of ``item_index`` per user; nothing is missing unless said."""
        offsets = np.cumsum([0, *(len(items) for items in lists)])
        flat = [item for items in lists for item in items]
        item_index = np.array(flat) if flat else np.zeros(0, dtype=np.int32)
        return cls(offsets, item_index, np.array([0] * len(lists) if n_missing is None else n_missing, dtype=np.int64))

    @property
    def n_users(self) -> int:
        """Users, those without a relevant item included."""
        return len(self.offsets) - 1

    @property
    def n_in_catalogue(self) -> NDArray[np.int64]:
        """int64[users]: relevant items that can be recommended."""
        return np.diff(self.offsets)

    @property
    def n_relevant(self) -> NDArray[np.int64]:
        """int64[users]: relevant items, in the catalogue or missing from it."""
        return self.n_in_catalogue + self.n_missing

    @property
    def users_of_items(self) -> NDArray[np.int64]:
        """int64[n]: the user position that owns each entry of ``item_index``."""
        return np.repeat(np.arange(self.n_users), np.diff(self.offsets))

    def take(self, users: NDArray[np.integer]) -> Targets:
        """The targets of these user positions, in their order.

        Example:
            >>> Targets.from_lists([[3, 1], [2]]).take(np.array([1, 0])).item_index.tolist()
            [2, 3, 1]
        """
        lengths = self.n_in_catalogue[users]
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        # Position within its own user, shifted to where that user starts in this object.
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[users] - offsets[:-1], lengths)
        return Targets(offsets, self.item_index[places], self.n_missing[users])

    def keep(self, kept: NDArray[np.bool_]) -> Targets:
        """Some of the relevant catalogue items, and none counted as missing.

        Args:
            kept: bool[n], one entry per entry of ``item_index``.

        Returns:
            Targets of the same users; some may be left without a relevant item.

        Example:
            >>> kept = Targets.from_lists([[3, 1], [2]], [0, 4]).keep(np.array([False, True, True]))
            >>> kept.item_index.tolist(), kept.n_relevant.tolist()
            ([1, 2], [1, 1])
        """
        if len(kept) != len(self.item_index):
            problem = f"{len(kept):,} entries for {len(self.item_index):,} relevant items"
            raise MetricsError("kept", problem, 1, kept, "array")
        counts = np.bincount(self.users_of_items[kept], minlength=self.n_users)
        offsets = np.concatenate(([0], np.cumsum(counts)))
        return Targets(offsets, self.item_index[kept], np.zeros_like(self.n_missing))

    def only(self, mask_of_items: NDArray[np.bool_]) -> Targets:
        """Reachable targets: relevant items whose mask is true, and none counted as missing.

        Args:
            mask_of_items: bool[n_items + 1], indexed by ``item_index``.

        Returns:
            Targets of the same users; some may be left without a relevant item.

        Example:
            >>> reachable = Targets.from_lists([[3, 1], [2]], [0, 4]).only(np.array([False, True, False, True]))
            >>> reachable.item_index.tolist(), reachable.n_relevant.tolist()
            ([3, 1], [2, 0])
        """
        refuse(self.item_index >= len(mask_of_items), "targets.item_index", "outside the mask of items")
        return self.keep(mask_of_items[self.item_index])


def _integers(place: str, values: NDArray[np.integer]) -> NDArray[np.integer]:
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "iu":
        raise MetricsError(place, "not a flat array of integers", 1, values, "array")
    return values


def _check_offsets(offsets: NDArray[np.integer], item_index: NDArray[np.integer]) -> None:
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(item_index):
        raise MetricsError("targets.offsets", f"not running from 0 to {len(item_index):,}", 1, offsets, "array")
    refuse(offsets[1:] < offsets[:-1], "targets.offsets", "falling", "user")


def _check_items(item_index: NDArray[np.integer], users: NDArray[np.int64]) -> None:
    outside = (item_index < 1) | (item_index > LARGEST_ITEM_INDEX)
    refuse(outside, "targets.item_index", f"outside 1..{LARGEST_ITEM_INDEX}")
    order = np.lexsort((item_index, users))
    repeated = (np.diff(item_index[order].astype(np.int64)) == 0) & (np.diff(users[order]) == 0)
    if repeated.any():
        first = order[np.flatnonzero(repeated)[0]]
        example = f"user at position {users[first]}, item {item_index[first]}"
        raise MetricsError("targets.item_index", "repeated within a user", int(repeated.sum()), example)


def _check_missing(n_missing: NDArray[np.integer], n_users: int) -> None:
    if len(n_missing) != n_users:
        raise MetricsError(
            "targets.n_missing", f"{len(n_missing):,} values for {n_users:,} users", 1, n_missing, "array"
        )
    refuse(n_missing < 0, "targets.n_missing", "negative", "user")
