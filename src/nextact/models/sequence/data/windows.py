"""Windows of steps as flat tensors: what a network reads, and what it is to predict.

Shapes: B windows, T steps of the longest window, N real steps, A asked steps, E events, P targets, C event types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from nextact.models.sequence.data.step_log import Positions, StepInputs
from nextact.models.sequence.data.targets import StepTargets


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


def with_open_step(inputs: StepInputs, n_steps: Positions) -> StepInputs:
    """The same windows with a masked step after each: the one that is to be predicted.

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
    newest = torch.from_numpy(np.cumsum(n_steps) - 1)
    time = torch.zeros(len(n_events), dtype=torch.long)
    time[old_rows], time[ends] = inputs.time_N, inputs.time_N[newest]  # what is to come is asked for now
    steps = torch.full((len(n_events),), -1)
    steps[old_rows] = inputs.steps_N
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
        steps,
        time,
    )
