"""Steps of all users, numbered, and windows of them as flat tensors.

Shapes: B windows, T steps of the longest window, N real steps, E events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nextact.sequences.histories import Histories

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class StepInputs:
    """Windows of steps as a network reads them: events stay flat, only steps are padded, on the right.

    Attributes:
        n_windows: B.
        n_columns: T.
        places_N: Position of each real step in the flattened [B * T], window by window, oldest first.
        item_index_E: Item of each event.
        event_type_E: Event type of each event.
        step_E: Which of the N steps each event belongs to.
        n_events_N: Events of each step; 0 for one that is masked, whose events are not there.
        steps_N: int64, number of each step in its :class:`StepLog`; -1 for one that is asked for and not in the log.
        time_N: int64, when each step began, in microseconds (positions where a log has no times).
    """

    n_windows: int
    n_columns: int
    places_N: Tensor
    item_index_E: Tensor
    event_type_E: Tensor
    step_E: Tensor
    n_events_N: Tensor
    steps_N: Tensor
    time_N: Tensor

    def to(self, device: torch.device) -> Self:
        """The same windows on a device."""
        moved: dict[str, Any] = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in vars(self).items()}
        return type(self)(**moved)


class StepLog:
    """Steps of all users, numbered from 0, over the events of a set of histories."""

    def __init__(self, histories: Histories) -> None:
        histories = histories.take(np.arange(histories.n_users))  # positions from 0, and in memory
        self.events = histories
        self.first_event = np.append(histories.step_bounds(), histories.n_events).astype(np.int64)
        self.first_step = np.searchsorted(self.first_event, histories.offsets).astype(np.int64)  # [users + 1]
        self.time = np.asarray(histories.timestamp[self.first_event[:-1]], np.int64)  # [steps]

    @property
    def n_steps(self) -> NDArray[np.int64]:
        """Steps of each user, int64 [users]."""
        return np.diff(self.first_step)

    def inputs(self, first: Positions, n_steps: Positions, masked_N: NDArray[np.bool_] | None = None) -> StepInputs:
        """Windows of ``n_steps`` steps from step ``first`` on, one window an entry, none of them empty.

        Events of masked steps are left out here, so that no network can see them.
        """
        n_columns = int(n_steps.max(initial=0))
        steps = ragged_ranges(first, n_steps)
        places = ragged_ranges(np.arange(len(first)) * n_columns, n_steps)
        where, row = self.events_of(steps)
        n_events = np.diff(self.first_event)[steps].astype(np.float32)
        if masked_N is not None:
            where, row, n_events = where[~masked_N[row]], row[~masked_N[row]], np.where(masked_N, 0, n_events)
        return StepInputs(
            n_windows=len(first),
            n_columns=n_columns,
            places_N=torch.from_numpy(places),
            item_index_E=torch.from_numpy(self.events.item_index[where].astype(np.int64)),
            event_type_E=torch.from_numpy(self.events.event_type[where].astype(np.int64)),
            step_E=torch.from_numpy(row),
            n_events_N=torch.from_numpy(n_events.astype(np.float32)),
            steps_N=torch.from_numpy(steps),
            time_N=torch.from_numpy(self.time[steps]),
        )

    def events_of(self, steps: Positions) -> tuple[Positions, Positions]:
        """Positions of the events of some steps, and for each event which entry of ``steps`` it belongs to."""
        lengths = np.diff(self.first_event)[steps]
        return ragged_ranges(self.first_event[steps], lengths), np.repeat(np.arange(len(steps)), lengths)


def ragged_ranges(starts: Positions, lengths: Positions) -> Positions:
    """Consecutive numbers from each start on, one run after the other.

    Example:
        >>> ragged_ranges(np.array([5, 0]), np.array([2, 3])).tolist()
        [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    numbers: Positions = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return numbers
