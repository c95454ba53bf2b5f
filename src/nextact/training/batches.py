"""Histories cut into windows of steps, and windows gathered into batches of flat tensors.

Shapes: B windows, T steps of the longest window, N real steps, E events, P targets, C event types.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nextact.sequences.histories import Histories

Positions = NDArray[np.int64]
Fields = TypeVar("Fields")


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
        n_events_N: Events of each step.
    """

    n_windows: int
    n_columns: int
    places_N: Tensor
    item_index_E: Tensor
    event_type_E: Tensor
    step_E: Tensor
    n_events_N: Tensor

    def to(self, device: torch.device) -> Self:
        """The same windows on a device."""
        return _moved(self, device)


@dataclass(frozen=True)
class StepTargets:
    """What came in the step after each of N steps.

    Attributes:
        row_P: The step, 0 .. N - 1, ascending.
        item_P: One of the distinct items of the step that followed.
        weight_P: One over the number of these items, so that every step counts 1.
        next_types_NC: Share of each event type in the step that followed.
    """

    row_P: Tensor
    item_P: Tensor
    weight_P: Tensor
    next_types_NC: Tensor

    def to(self, device: torch.device) -> Self:
        """The same targets on a device."""
        return _moved(self, device)


@dataclass(frozen=True)
class StepBatch:
    """Windows with their targets."""

    inputs: StepInputs
    targets: StepTargets

    @property
    def n_steps(self) -> int:
        """Real steps, each of which has a target."""
        return len(self.inputs.places_N)

    def to(self, device: torch.device) -> Self:
        """The same batch on a device."""
        return type(self)(self.inputs.to(device), self.targets.to(device))


class StepLog:
    """Steps of all users, numbered from 0, over the events of a set of histories."""

    def __init__(self, histories: Histories) -> None:
        histories = histories.take(np.arange(histories.n_users))  # positions from 0, and in memory
        self.events = histories
        self.first_event = np.append(histories.step_bounds(), histories.n_events).astype(np.int64)
        self.first_step = np.searchsorted(self.first_event, histories.offsets).astype(np.int64)  # [users + 1]

    @property
    def n_steps(self) -> NDArray[np.int64]:
        """Steps of each user, int64 [users]."""
        return np.diff(self.first_step)

    def inputs(self, first: Positions, n_steps: Positions) -> StepInputs:
        """Windows of ``n_steps`` steps from step ``first`` on, one window an entry, none of them empty."""
        n_columns = int(n_steps.max(initial=0))
        steps = ragged_ranges(first, n_steps)
        places = ragged_ranges(np.arange(len(first)) * n_columns, n_steps)
        where, row = self._events_of(steps)
        return StepInputs(
            n_windows=len(first),
            n_columns=n_columns,
            places_N=torch.from_numpy(places),
            item_index_E=torch.from_numpy(self.events.item_index[where].astype(np.int64)),
            event_type_E=torch.from_numpy(self.events.event_type[where].astype(np.int64)),
            step_E=torch.from_numpy(row),
            n_events_N=torch.from_numpy(np.diff(self.first_event)[steps].astype(np.float32)),
        )

    def targets(self, first: Positions, n_steps: Positions, n_event_types: int) -> StepTargets:
        """What follows each step of the same windows; the step after a window must be the same user's."""
        steps = ragged_ranges(first, n_steps) + 1
        where, row = self._events_of(steps)
        width = int(self.events.item_index.max(initial=0)) + 1
        pairs = np.unique(row * width + self.events.item_index[where])
        row_of_pair, item = pairs // width, pairs % width
        n_items = np.bincount(row_of_pair, minlength=len(steps))
        cells = row * n_event_types + self.events.event_type[where]
        types = np.bincount(cells, minlength=len(steps) * n_event_types).reshape(len(steps), n_event_types)
        return StepTargets(
            row_P=torch.from_numpy(row_of_pair),
            item_P=torch.from_numpy(item),
            weight_P=torch.from_numpy((1 / n_items[row_of_pair]).astype(np.float32)),
            next_types_NC=torch.from_numpy((types / types.sum(axis=1, keepdims=True)).astype(np.float32)),
        )

    def _events_of(self, steps: Positions) -> tuple[Positions, Positions]:
        """Positions of the events of some steps, and for each event which entry of ``steps`` it belongs to."""
        lengths = np.diff(self.first_event)[steps]
        return ragged_ranges(self.first_event[steps], lengths), np.repeat(np.arange(len(steps)), lengths)


class Batches:
    """Training batches in which every step but each user's first is a target exactly once an epoch.

    Args:
        histories: Training histories.
        n_event_types: Number of declared event types.
        max_steps: Most inputs of a window; a window's targets are its inputs moved on by one step.
        batch_steps: Most real steps of a batch; a longer window is a batch of its own.
        seed: Seed of the order.
    """

    def __init__(self, histories: Histories, n_event_types: int, max_steps: int, batch_steps: int, seed: int) -> None:
        self.log, self.n_event_types, self.seed = StepLog(histories), n_event_types, seed
        self.first, self.n_steps = cut_windows(self.log, max_steps)
        # Sorted by length the sizes never change, whatever the order of windows of one length.
        self.bounds = budget_bounds(np.sort(self.n_steps), batch_steps)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def epoch(self, number: int) -> Iterator[StepBatch]:
        """All batches, in an order that depends on the seed and the number of the epoch alone."""
        random = np.random.default_rng((self.seed, number))
        shuffled = random.permutation(len(self.first))
        by_length = shuffled[np.argsort(self.n_steps[shuffled], kind="stable")]
        for batch in random.permutation(len(self)):
            yield self._gather(by_length[self.bounds[batch] : self.bounds[batch + 1]])

    def _gather(self, windows: Positions) -> StepBatch:
        first, n_steps = self.first[windows], self.n_steps[windows]
        return StepBatch(self.log.inputs(first, n_steps), self.log.targets(first, n_steps, self.n_event_types))


def cut_windows(log: StepLog, max_steps: int) -> tuple[Positions, Positions]:
    """First step and number of inputs of every window; windows are full from the newest step backwards.

    Example:
        >>> log = StepLog(Histories.from_lists([[1, 2, 3, 4, 5, 6], [7]]))
        >>> [positions.tolist() for positions in cut_windows(log, max_steps=3)]
        [[0, 2], [2, 3]]
    """
    n_inputs = np.maximum(log.n_steps - 1, 0)
    n_windows = -(-n_inputs // max_steps)
    user = np.repeat(np.arange(len(n_inputs)), n_windows)
    back = n_windows[user] - ragged_ranges(np.zeros(len(n_windows), np.int64), n_windows)  # 1 is the newest window
    start = np.maximum(n_inputs[user] - back * max_steps, 0)
    end = n_inputs[user] - (back - 1) * max_steps
    return log.first_step[user] + start, end - start


def budget_bounds(sizes: Positions, budget: int) -> list[int]:
    """Bounds of consecutive groups whose sizes sum to at most ``budget``; a larger one stands alone.

    Example:
        >>> budget_bounds(np.array([1, 2, 3, 9, 1]), budget=4)
        [0, 2, 3, 4, 5]
    """
    bounds, total = [0], 0
    for position, size in enumerate(sizes.tolist()):
        if total and total + size > budget:
            bounds.append(position)
            total = 0
        total += size
    return [*bounds, len(sizes)] if len(sizes) else bounds


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


def _moved(tensors: Fields, device: torch.device) -> Fields:
    moved = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in vars(tensors).items()}
    return type(tensors)(**moved)
