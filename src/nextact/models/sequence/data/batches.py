"""Histories cut into windows of steps, and windows gathered into updates under a budget of real steps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from nextact.models.sequence.data.step_log import Positions, StepInputs, StepLog, ragged_ranges
from nextact.models.sequence.data.targets import SoftTargets, StepTargets, step_targets
from nextact.models.sequence.data.windows import StepBatch
from nextact.sequences.histories import Histories

Flags = NDArray[np.bool_]


class Batches:
    """Updates in which every step but each user's first is a target exactly once an epoch.

    Args:
        histories: Training histories.
        n_event_types: Number of declared event types.
        max_steps: Most inputs of a window; a window's targets are its inputs moved on by one step.
        batch_steps: Most real steps of an update; a longer window is an update of its own.
        seed: Seed of the order.
        soft: Items that share the target with what came next; none, if left out.
        n_learnt: int64 [users], oldest steps of each user that are targets no more, since a network has learnt them;
            none, if left out. Windows without another step are left out.
    """

    def __init__(
        self,
        histories: Histories,
        n_event_types: int,
        max_steps: int,
        batch_steps: int,
        seed: int,
        soft: SoftTargets | None = None,
        n_learnt: Positions | None = None,
    ) -> None:
        self.log, self.n_event_types, self.seed = StepLog(histories), n_event_types, seed
        self.soft = soft
        self.first, self.n_steps = cut_windows(self.log, max_steps)
        self.is_new = new_steps(self.log, n_learnt)
        has_new = np.append(0, np.cumsum(self.is_new))
        kept = has_new[self.first + self.n_steps + 1] > has_new[self.first + 1]
        self.first, self.n_steps = self.first[kept], self.n_steps[kept]
        # Sorted by length the sizes never change, whatever the order of windows of one length.
        self.bounds = budget_bounds(np.sort(self.n_steps), batch_steps)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def epoch(self, number: int, skip: int = 0, shards: int = 1) -> Iterator[list[StepBatch]]:
        """All updates, each as ``shards`` batches over its windows in turn, of which some may be empty.

        What an update holds depends on the seed, the number of the epoch and its place in the epoch alone, so that a
        run that was stopped goes on as if it had not been, and several processes share an update.

        Args:
            number: Of the epoch.
            skip: Updates to leave out at the start.
            shards: Batches an update.
        """
        random = np.random.default_rng((self.seed, number))
        shuffled = random.permutation(len(self.first))
        by_length = shuffled[np.argsort(self.n_steps[shuffled], kind="stable")]
        for place, batch in enumerate(random.permutation(len(self))[skip:], start=skip):
            windows = by_length[self.bounds[batch] : self.bounds[batch + 1]]
            yield self._update(windows, np.random.default_rng((self.seed, number, 1 + place)), shards)

    def places(self, shards: int) -> NDArray[np.int64]:
        """Places of each update's batches, padded to the longest window, int64 [updates, shards]; 0 of an empty one."""
        by_length = np.sort(self.n_steps)
        found = np.zeros((len(self), shards), np.int64)
        for update, (low, high) in enumerate(pairwise(self.bounds)):
            for shard in range(min(shards, high - low)):
                windows = by_length[low + shard : high : shards]
                found[update, shard] = len(windows) * windows[-1]
        return found

    def largest(self, shards: int) -> list[StepBatch]:
        """The update that memory must hold: the one whose windows, padded to one length, have the most places."""
        by_length = np.argsort(self.n_steps, kind="stable")
        update = int(np.argmax(self.places(1)[:, 0]))
        low, high = self.bounds[update : update + 2]
        return self._update(by_length[low:high], np.random.default_rng(self.seed), shards)

    def _update(self, windows: Positions, random: np.random.Generator, shards: int) -> list[StepBatch]:
        return [self._gather(windows[shard::shards]) for shard in range(shards)]

    def _gather(self, windows: Positions) -> StepBatch:
        first, n_steps = self.first[windows], self.n_steps[windows]
        steps = ragged_ranges(first, n_steps)
        asked = np.flatnonzero(self.is_new[steps + 1])
        targets = self._targets(steps[asked] + 1, steps[asked])
        return StepBatch(self.log.inputs(first, n_steps), targets, torch.from_numpy(asked))

    def _targets(self, steps: Positions, last_known: Positions) -> StepTargets:
        return step_targets(self.log, steps, last_known, self.n_event_types, self.soft)


class MaskedStepBatches(Batches):
    """The same windows with the step after each among them, of which some are masked and asked for.

    Half of the windows end at one of their steps and hide that alone, as a request does that comes at this moment;
    the others are whole and hide each step with a chance, at least one. Learnt steps are neither hidden nor an end.

    Args:
        masked_share: Chance of a step to be masked in the other half.

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
        masked_share: float,
        n_learnt: Positions | None = None,
    ) -> None:
        super().__init__(histories, n_event_types, max_steps - 1, batch_steps, seed, n_learnt=n_learnt)
        self.masked_share = masked_share

    def _update(self, windows: Positions, random: np.random.Generator, shards: int) -> list[StepBatch]:
        whole = self.n_steps[windows] + 1
        ends = random.random(len(windows)) < 0.5
        n_new = np.add.reduceat(self.is_new[ragged_ranges(self.first[windows], whole)], np.cumsum(whole) - whole)
        n_steps = np.where(ends, random.integers(np.maximum(whole - n_new + 1, 2), whole + 1), whole)
        masked_N = self._hide(n_steps, ends, self.is_new[ragged_ranges(self.first[windows], n_steps)], random)
        start = np.cumsum(n_steps) - n_steps
        found = []
        for shard in range(shards):
            which = np.arange(shard, len(windows), shards)
            hidden = masked_N[ragged_ranges(start[which], n_steps[which])]
            found.append(self._with_masked(self.log.inputs(self.first[windows[which]], n_steps[which], hidden), hidden))
        return found

    def _hide(self, n_steps: Positions, ends: Flags, is_new_N: Flags, random: np.random.Generator) -> Flags:
        """Which steps are masked: at least the newest of each window where chance takes none."""
        newest = np.cumsum(n_steps) - 1
        masked_N = random.random(int(n_steps.sum())) < self.masked_share
        masked_N &= np.repeat(~ends, n_steps) & is_new_N
        none = np.add.reduceat(masked_N, newest - n_steps + 1) == 0
        masked_N[newest[none]] = True
        return masked_N

    def _with_masked(self, inputs: StepInputs, masked_N: Flags) -> StepBatch:
        asked = np.flatnonzero(masked_N)
        steps = inputs.steps_N[asked].numpy()
        return StepBatch(inputs, self._targets(steps, steps - 1), torch.from_numpy(asked))


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


def new_steps(log: StepLog, n_learnt: Positions | None) -> Flags:
    """Which steps are still to be learnt, bool [steps].

    Example:
        >>> new_steps(StepLog(Histories.from_lists([[1, 2, 3], [7]])), np.array([2, 0])).tolist()
        [False, False, True, True]
    """
    if n_learnt is None:
        return np.ones(len(log.time), np.bool_)
    place = np.arange(len(log.time)) - np.repeat(log.first_step[:-1], log.n_steps)
    found: Flags = place >= np.repeat(n_learnt, log.n_steps)
    return found


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
