"""Histories cut into windows of steps, and windows gathered into batches of flat tensors.

Shapes: B windows, T steps of the longest window, N real steps, A asked steps, E events, P targets, C event types.
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
        n_events_N: Events of each step; 0 for one that is hidden, whose events are not there.
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
    """What is to be predicted from each of A asked steps: the step that followed, or the asked step itself, hidden.

    Attributes:
        row_P: The asked step, 0 .. A - 1, ascending.
        item_P: One of the distinct items of its target step.
        weight_P: One over the number of these items, so that every step counts 1.
        next_types_AC: Share of each event type in the target step.
    """

    row_P: Tensor
    item_P: Tensor
    weight_P: Tensor
    next_types_AC: Tensor

    def to(self, device: torch.device) -> Self:
        """The same targets on a device."""
        return _moved(self, device)


@dataclass(frozen=True)
class StepBatch:
    """Windows with their targets.

    Attributes:
        inputs: What is read.
        targets: What is to be predicted, for each of the asked steps in turn.
        asked_A: The A of the N steps from whose state something is predicted.
    """

    inputs: StepInputs
    targets: StepTargets
    asked_A: Tensor

    @property
    def n_steps(self) -> int:
        """Steps that have a target, the weight of this batch in the mean loss."""
        return len(self.asked_A)

    def to(self, device: torch.device) -> Self:
        """The same batch on a device."""
        return type(self)(self.inputs.to(device), self.targets.to(device), self.asked_A.to(device))


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

    def inputs(self, first: Positions, n_steps: Positions, hidden_N: NDArray[np.bool_] | None = None) -> StepInputs:
        """Windows of ``n_steps`` steps from step ``first`` on, one window an entry, none of them empty.

        Events of hidden steps are left out here, so that no network can see them.
        """
        n_columns = int(n_steps.max(initial=0))
        steps = ragged_ranges(first, n_steps)
        places = ragged_ranges(np.arange(len(first)) * n_columns, n_steps)
        where, row = self._events_of(steps)
        n_events = np.diff(self.first_event)[steps].astype(np.float32)
        if hidden_N is not None:
            where, row, n_events = where[~hidden_N[row]], row[~hidden_N[row]], np.where(hidden_N, 0, n_events)
        return StepInputs(
            n_windows=len(first),
            n_columns=n_columns,
            places_N=torch.from_numpy(places),
            item_index_E=torch.from_numpy(self.events.item_index[where].astype(np.int64)),
            event_type_E=torch.from_numpy(self.events.event_type[where].astype(np.int64)),
            step_E=torch.from_numpy(row),
            n_events_N=torch.from_numpy(n_events.astype(np.float32)),
        )

    def targets(self, steps: Positions, n_event_types: int) -> StepTargets:
        """What happened in each of some steps."""
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
            next_types_AC=torch.from_numpy((types / types.sum(axis=1, keepdims=True)).astype(np.float32)),
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
        targets = self.log.targets(ragged_ranges(first, n_steps) + 1, self.n_event_types)  # the step after each
        return StepBatch(self.log.inputs(first, n_steps), targets, torch.arange(int(n_steps.sum())))


class HiddenStepBatches(Batches):
    """The same windows with the step after each among them, of which some are hidden and asked for.

    Half of the windows end at one of their steps and hide that alone, as a request does that comes at this moment;
    the others are whole and hide each step with a chance, at least one.

    Args:
        hidden_share: Chance of a step to be hidden in the other half.

    Source:
        Sun et al., 2019, "BERT4Rec".
    """

    def __init__(
        self,
        histories: Histories,
        n_event_types: int,
        max_steps: int,
        batch_steps: int,
        seed: int,
        hidden_share: float,
    ) -> None:
        super().__init__(histories, n_event_types, max_steps - 1, batch_steps, seed)
        self.hidden_share = hidden_share

    def epoch(self, number: int) -> Iterator[StepBatch]:
        """All batches; which steps are hidden depends on seed and epoch alone, too."""
        self.random = np.random.default_rng((self.seed, number, 1))
        return super().epoch(number)

    def _gather(self, windows: Positions) -> StepBatch:
        first, whole = self.first[windows], self.n_steps[windows] + 1
        ends = self.random.random(len(windows)) < 0.5
        n_steps = np.where(ends, self.random.integers(2, whole + 1), whole)
        newest = np.cumsum(n_steps) - 1
        hidden_N = self.random.random(int(n_steps.sum())) < self.hidden_share
        hidden_N &= np.repeat(~ends, n_steps)
        none = np.add.reduceat(hidden_N, newest - n_steps + 1) == 0
        hidden_N[newest[none]] = True
        asked = np.flatnonzero(hidden_N)
        targets = self.log.targets(ragged_ranges(first, n_steps)[asked], self.n_event_types)
        return StepBatch(self.log.inputs(first, n_steps, hidden_N), targets, torch.from_numpy(asked))


def with_open_step(inputs: StepInputs, n_steps: Positions) -> StepInputs:
    """The same windows with a hidden step after each: the one that is to be predicted.

    Args:
        inputs: Windows.
        n_steps: Steps of each window, int64 [B].
    """
    window_N = torch.from_numpy(np.repeat(np.arange(len(n_steps)), n_steps))
    ends = torch.from_numpy(np.cumsum(n_steps + 1) - 1)
    old_rows = torch.arange(len(window_N)) + window_N  # each earlier window has one more row now
    n_events = torch.zeros(len(window_N) + len(n_steps))
    n_events[old_rows] = inputs.n_events_N
    n_columns = inputs.n_columns + 1
    places = torch.zeros(len(n_events), dtype=torch.long)
    places[old_rows] = inputs.places_N + window_N
    places[ends] = torch.from_numpy(np.arange(len(n_steps)) * n_columns + n_steps)
    return StepInputs(
        inputs.n_windows,
        n_columns,
        places,
        inputs.item_index_E,
        inputs.event_type_E,
        old_rows[inputs.step_E],
        n_events,
    )


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
