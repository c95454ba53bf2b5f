"""Rows that come in any order, put where their user and their place among the user's events say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.events import columns as c
from nextact.events.file_arrays import mapped_arrays
from nextact.sequences.histories import PADDING

KINDS = {
    c.ITEM_INDEX: np.int32,
    "event_code": np.int8,
    c.TIMESTAMP: np.int64,
    c.STEP: np.int32,
    "split_code": np.int8,
    c.IS_TARGET: np.bool_,
}


class Places:
    """A slot for every place of every user, in memory-mapped files; places may stay empty.

    Putting a row where it belongs needs no sorting, whatever the order in which an engine hands rows out.

    Args:
        n_places: int64 [U], slots of each user: the largest ``place`` plus 1.
    """

    def __init__(self, n_places: NDArray[np.int64]) -> None:
        self.ends, self.n_put = np.cumsum(n_places), 0
        self.starts = self.ends - n_places
        self.arrays = mapped_arrays(int(n_places.sum()), KINDS)

    def put(self, batch: Mapping[str, NDArray[Any]]) -> None:
        """Take rows of catalogue items: ``user_index``, ``place`` and the columns of :data:`KINDS`."""
        where = self.starts[batch[c.USER_INDEX]] + batch[c.PLACE]
        for name, array in self.arrays.items():
            array[where] = batch[name]
        self.n_put += len(where)

    def batches(self, n_rows: int) -> Iterator[dict[str, NDArray[Any]]]:
        """All rows by user and place, those of whole users together, about ``n_rows`` at a time."""
        first, n_users = 0, len(self.starts)
        while first < n_users:
            start = self.starts[first]
            last = max(int(np.searchsorted(self.ends, start + n_rows, side="right")), first + 1)
            rows = slice(int(start), int(self.ends[last - 1]))
            users = np.repeat(np.arange(first, last), self.ends[first:last] - self.starts[first:last])
            filled = self.arrays[c.ITEM_INDEX][rows] != PADDING
            found = {name: np.asarray(array[rows][filled]) for name, array in self.arrays.items()}
            yield {c.USER_INDEX: users[filled], **found}
            first = last
