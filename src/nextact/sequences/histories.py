"""Users' events as flat arrays, oldest first, opened memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nextact.stored import StoredError, read_array

PADDING = 0  # item index 0 is never a real item
KINDS = {
    "offsets": np.int64,
    "item_index": np.int32,
    "event_type": np.int8,
    "timestamp": np.int64,
    "starts_step": np.bool_,
}


@dataclass(frozen=True)
class Histories:
    """Events of U users in one set of flat arrays (CSR): user u owns ``offsets[u]`` to ``offsets[u + 1]``.

    Attributes:
        offsets: int64 [U + 1].
        item_index: int32 [events], 1 .. n_items, oldest first within a user.
        event_type: int8 [events], position in the project's list of event types.
        timestamp: int64 [events], microseconds since 1970 UTC (positions where a log has no times).
        starts_step: bool [events], True at the first event of each step (a basket, or one event where baskets are off).
    """

    offsets: NDArray[np.int64]
    item_index: NDArray[np.int32]
    event_type: NDArray[np.int8]
    timestamp: NDArray[np.int64]
    starts_step: NDArray[np.bool_]

    @property
    def n_users(self) -> int:
        """Number of users, those without events too."""
        return len(self.offsets) - 1

    @property
    def n_events(self) -> int:
        """Number of events of all users."""
        return int(self.offsets[-1] - self.offsets[0])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Events a user, int64 [U]."""
        return np.diff(self.offsets)

    @property
    def users_of_events(self) -> NDArray[np.int64]:
        """The user (0 .. U - 1) of each event."""
        return np.repeat(np.arange(self.n_users), self.lengths)

    def equals(self, other: Histories) -> bool:
        """Whether both say the same of as many users.

        Example:
            >>> Histories.from_lists([[3, 1]]).equals(Histories.from_lists([[3, 1]]))
            True
        """
        arrays = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return self is other or all(np.array_equal(mine, theirs) for mine, theirs in arrays)

    def between(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Histories:
        """The events ``starts[u]`` to ``ends[u]`` (positions in these arrays) of one user per entry, copied.

        A user may be asked for several times. The first event of each slice starts a step.
        """
        lengths = np.maximum(ends - starts, 0)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        where = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        starts_step = np.asarray(self.starts_step[where])
        starts_step[offsets[:-1][lengths > 0]] = True
        return Histories(offsets, self.item_index[where], self.event_type[where], self.timestamp[where], starts_step)

    def take(self, users: NDArray[np.int64]) -> Histories:
        """All events of some users, in the order asked for."""
        return self.between(self.offsets[:-1][users], self.offsets[1:][users])

    def last_steps(self, n_steps: int) -> Histories:
        """The newest ``n_steps`` steps of every user."""
        return self.between(self.step_start(n_steps), self.offsets[1:])

    def step_start(self, n_steps: int) -> NDArray[np.int64]:
        """Position at which each user's newest ``n_steps`` steps begin, int64 [U]."""
        bounds = self.step_bounds()
        last = np.searchsorted(bounds, self.offsets[1:], side="left")
        first = np.searchsorted(bounds, self.offsets[:-1], side="left")
        return np.append(bounds, self.offsets[-1])[np.maximum(last - n_steps, first)]

    def step_bounds(self) -> NDArray[np.int64]:
        """Positions at which steps start, over all users, ascending."""
        return np.flatnonzero(self.starts_step)

    def steps_of_events(self) -> NDArray[np.int64]:
        """Step number of each event, counted over all users from 0."""
        return np.cumsum(self.starts_step) - 1

    @classmethod
    def from_lists(
        cls,
        items: list[list[int]],
        event_types: list[list[int]] | None = None,
        timestamps: list[list[int]] | None = None,
    ) -> Self:
        """Histories of a few users, for examples, tests and single requests.

        Without ``timestamps`` events are one unit apart; events at one time form one step.

        Example:
            >>> Histories.from_lists([[3, 1], [2]]).offsets.tolist()
            [0, 2, 3]
        """
        timestamps = timestamps or [list(range(len(user))) for user in items]
        event_types = event_types or [[0] * len(user) for user in items]
        starts = [[i == 0 or t[i] != t[i - 1] for i in range(len(t))] for t in timestamps]
        return cls(
            np.cumsum([0, *map(len, items)]).astype(np.int64),
            np.array(list(chain.from_iterable(items)), np.int32),
            np.array(list(chain.from_iterable(event_types)), np.int8),
            np.array(list(chain.from_iterable(timestamps)), np.int64),
            np.array(list(chain.from_iterable(starts)), np.bool_),
        )

    def save(self, folder: Path) -> None:
        """Write one ``.npy`` a field."""
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name), allow_pickle=False)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open arrays written by :meth:`save`, memory-mapped and read-only.

        Raises:
            StoredError: If a file is missing or damaged, or they do not belong together.
        """
        found = cls(**{name: read_array(folder / f"{name}.npy", kind) for name, kind in KINDS.items()})
        found._check(folder)
        return found

    def _check(self, folder: Path) -> None:
        """Refuse arrays of different runs."""
        offsets = self.offsets
        if not len(offsets) or offsets[0] != 0 or (np.diff(offsets) < 0).any():
            raise StoredError(folder / "offsets.npy", "does not rise from 0, so it holds no offsets")
        for name in KINDS:
            n_events = len(getattr(self, name))
            if name != "offsets" and n_events != offsets[-1]:
                raise StoredError(folder / f"{name}.npy", f"holds {n_events:,} events, but offsets {offsets[-1]:,}")
