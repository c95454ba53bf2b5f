"""What a training will take, found out on a few batches before it starts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from nextact.errors import NextactError
from nextact.models.sequence.network import SequenceNetwork
from nextact.models.sequence.objective import Objective
from nextact.models.sequence.options import SequenceOptions
from nextact.training.batches import Batches
from nextact.training.device import best_device
from nextact.training.windows import StepBatch

GIB = 2**30
FLOAT = 4  # bytes
PROBE_SHARDS = 4  # memory is measured on a part of the largest update
TIMED_UPDATES = 3
VALIDATED_USERS, VALIDATION_COPIES = 512, 4  # scores of a block of users, masked, ranked


@dataclass(frozen=True)
class Forecast:
    """What a training takes at most; early stopping may end it sooner.

    Attributes:
        device: Where it will run.
        parameters: Learnt numbers.
        loss: Loss by name.
        updates: Updates in all epochs.
        largest_update: Real steps of the largest.
        epoch_seconds: Seconds an epoch, without validation, on a machine as busy as now.
        memory_gib: Memory beside what is in use now.
        free_gib: Memory that is free now.
        disk_gib: The model and a checkpoint.
    """

    device: str
    parameters: int
    loss: str
    updates: int
    largest_update: int
    epoch_seconds: float
    memory_gib: float
    free_gib: float
    disk_gib: float

    def in_words(self) -> str:
        """One line for the log."""
        return (
            f"forecast on {self.device}: {self.parameters:,} parameters, {self.loss} loss, {self.updates:,} updates of "
            f"at most {self.largest_update:,} steps, {self.epoch_seconds:.1f} s an epoch, {self.memory_gib:.2f} GiB of "
            f"{self.free_gib:.1f} GiB free, {self.disk_gib:.2f} GiB on disk"
        )


def forecast_training(
    network: SequenceNetwork, updates: Batches, objective: Objective, options: SequenceOptions
) -> Forecast:
    """Measure a few batches on the device that will train; the network's weights stay as they are."""
    device = best_device()
    network.to(device).train()
    parameters = sum(p.numel() for p in network.parameters())
    buffers = sum(b.numel() * b.element_size() for b in network.buffers())
    largest = sum(batch.n_steps for batch in updates.largest(1))
    copies = 5 + bool(options.average_decay)  # weights, gradients, two of AdamW, best ones, and their average
    held = (copies - (device.type == "cpu")) * FLOAT * parameters
    memory = held + max(_bytes_of_update(objective, updates, options, device), _bytes_of_validation(network))
    network.zero_grad(set_to_none=True)
    seconds = _epoch_seconds(objective, updates, options.micro_batches, device)
    network.zero_grad(set_to_none=True)
    return Forecast(
        device=str(device),
        parameters=parameters,
        loss=objective.loss,
        updates=len(updates) * options.epochs,
        largest_update=largest,
        epoch_seconds=round(seconds, 2),
        memory_gib=round(memory / GIB, 3),
        free_gib=round(_free_bytes(device) / GIB, 2),
        disk_gib=round((FLOAT * parameters * 5 + buffers) / GIB, 3),
    )


def check_it_fits(forecast: Forecast, options: SequenceOptions) -> None:
    """Refuse a training that cannot fit, before it starts.

    Raises:
        NextactError: With what would make it fit.
    """
    if forecast.memory_gib <= forecast.free_gib:
        return
    smaller = 2 * options.micro_batches
    chunk = max(options.loss_chunk_steps // 4, 1)
    raise NextactError(
        f"training needs about {forecast.memory_gib:.1f} GiB and {forecast.free_gib:.1f} GiB are free on "
        f"{forecast.device}; try micro_batches: {smaller}, loss_chunk_steps: {chunk}, loss: sampled or fewer dimensions"
    )


def _bytes_of_update(objective: Objective, updates: Batches, options: SequenceOptions, device: torch.device) -> float:
    """What one batch keeps for its backward pass, and the logits of a chunk with their gradients."""
    shards = PROBE_SHARDS * options.micro_batches
    probe = next(batch for batch in updates.largest(shards) if batch.n_steps).to(device)
    largest = max(_places(batch) for batch in updates.largest(options.micro_batches))
    kept = _saved_bytes(objective, probe) * largest / _places(probe)
    items, dimensions = objective.network.item_table_VD.shape
    chunk = min(options.loss_chunk_steps, largest)
    return kept + FLOAT * items * (2 * chunk + 3 * dimensions)


def _places(batch: StepBatch) -> int:
    return batch.inputs.n_windows * batch.inputs.n_columns


def _saved_bytes(objective: Objective, batch: StepBatch) -> int:
    """Bytes of the storages, apart from weights, that autograd keeps for a batch."""
    known = {tensor.untyped_storage().data_ptr() for tensor in objective.network.state_dict().values()}
    found: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        loss = objective(batch, 0.0)
    del loss
    return sum(found.values())


def _bytes_of_validation(network: SequenceNetwork) -> float:
    return FLOAT * VALIDATED_USERS * len(network.item_table_VD) * VALIDATION_COPIES


def _epoch_seconds(objective: Objective, updates: Batches, shards: int, device: torch.device) -> float:
    """Seconds of a whole epoch, from a few updates by their share of its steps."""
    all_steps = int(updates.n_steps.sum())
    seconds, n_steps = 0.0, 0
    for number, batches in enumerate(islice(updates.epoch(1, shards=shards), TIMED_UPDATES + 1)):
        started = time.perf_counter()
        for batch in batches:
            if batch.n_steps:
                loss: Any = objective(batch.to(device), 0.0)
                loss.backward()
                loss.item()  # waits for a GPU
        if number or len(updates) == 1:  # the first one warms up
            n_steps += sum(len(batch.inputs.places_N) for batch in batches)
            seconds += time.perf_counter() - started
    return seconds / max(n_steps, 1) * all_steps


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)
