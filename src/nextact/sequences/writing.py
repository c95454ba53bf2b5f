"""Histories written a batch at a time, into memory-mapped files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.events.file_arrays import mapped_arrays
from nextact.sequences.histories import Histories

KINDS = {c.ITEM_INDEX: np.int32, "event_code": np.int8, c.TIMESTAMP: np.int64, "starts_step": np.bool_}


class HistoriesWriter:
    """Takes catalogue events ordered by user and, within a user, oldest first.

    Memory holds a batch and one number a user. The arrays are files in the folder for temporary files, whose names are
    taken away at once: the space is free again when nothing refers to the arrays any more.

    Args:
        n_events: Rows to come.
        n_users: Users 0 .. n_users - 1, those without an event too.
    """

    def __init__(self, n_events: int, n_users: int) -> None:
        self.n_events, self.n_written = n_events, 0
        self.lengths = np.zeros(n_users, np.int64)
        self.last = (-1, -1)  # user and step of the last row
        self.arrays = mapped_arrays(n_events, KINDS)

    def append(self, batch: dict[str, NDArray[Any]]) -> None:
        """Write the next rows: ``user_index``, ``item_index``, ``event_code``, ``timestamp`` and ``step``.

        A step starts wherever the user or ``step`` changes.
        """
        user, step = batch[c.USER_INDEX], batch[c.STEP]
        if not len(user):
            return
        before = np.array([[self.last[0]], [self.last[1]]])
        users, steps = np.concatenate([before, np.stack([user, step])], axis=1)
        starts = (np.diff(users) != 0) | (np.diff(steps) != 0)
        where = slice(self.n_written, self.n_written + len(user))
        for name, array in self.arrays.items():
            array[where] = starts if name == "starts_step" else batch[name]
        add_counts(self.lengths, user)
        self.last, self.n_written = (int(user[-1]), int(step[-1])), where.stop

    def close(self) -> Histories:
        """The histories, once every row was written.

        Raises:
            NextactError: If there were fewer rows than announced.
        """
        if self.n_written != self.n_events:
            raise NextactError(f"histories: {self.n_events:,} events were counted, but {self.n_written:,} were read")
        offsets = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        return Histories(offsets, *self.arrays.values())


def add_counts(total: NDArray[np.int64], user: NDArray[np.int64]) -> None:
    """Add to each user's total how often the user is named; users come in ascending order."""
    if len(user):
        first, last = int(user[0]), int(user[-1])
        total[first : last + 1] += np.bincount(user - first, minlength=last - first + 1)
