"""What a training will take, found out on a few batches before it starts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import Any

import psutil
import torch

from nextact.errors import NotEnoughMemory
from nextact.models.device import autocast, best_device, one_thread
from nextact.models.recommender import Training
from nextact.models.sequence.data.batches import Batches
from nextact.models.sequence.data.windows import StepBatch
from nextact.models.sequence.fitting.objective import Objective
from nextact.models.sequence.memory import peak_bytes
from nextact.models.sequence.network import SequenceNetwork
from nextact.models.sequence.sequence_options import SequenceOptions

GIB = 2**30
FLOAT = 4  # bytes
PROBE_PARTS = 8, 4  # memory of large updates is measured on an eighth and a quarter of the largest
KEPT = 1.3  # times that, since an allocator keeps some of what was freed
TIMED_UPDATES = 3
VALIDATED_USERS = 512  # a block of users, whose scores are ranked


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
        memory_gib: Memory beside what is in use now, within half of itself.
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
    network: SequenceNetwork, updates: Batches, objective: Objective, options: SequenceOptions, training: Training
) -> Forecast:
    """Measure a few batches on the device that will train; the network's weights stay as they are."""
    device = best_device()
    network.to(device).train()
    parameters = sum(p.numel() for p in network.parameters())
    buffers = sum(b.numel() * b.element_size() for b in network.buffers())
    largest = sum(batch.n_steps for batch in updates.largest(1))
    memory = _bytes_of_training(objective, updates, options, training)
    network.zero_grad(set_to_none=True)
    seconds = _epoch_seconds(objective, updates, options.optimiser.micro_batches, device)
    network.zero_grad(set_to_none=True)
    return Forecast(
        device=str(device),
        parameters=parameters,
        loss=objective.loss,
        updates=len(updates) * options.optimiser.epochs,
        largest_update=largest,
        epoch_seconds=round(seconds, 2),
        memory_gib=round(memory / GIB, 3),
        free_gib=round(_free_bytes(device) / GIB, 2),
        disk_gib=round((FLOAT * parameters * 5 + buffers) / GIB, 3),
    )


def check_it_fits(forecast: Forecast, options: SequenceOptions) -> None:
    """Refuse a training that cannot fit, before it starts.

    Raises:
        NotEnoughMemory: With what would make it fit.
    """
    if forecast.memory_gib <= forecast.free_gib:
        return
    smaller = 2 * options.optimiser.micro_batches
    chunk = max(options.loss.chunk_steps // 4, 1)
    raise NotEnoughMemory(
        f"training needs about {forecast.memory_gib:.1f} GiB and {forecast.free_gib:.1f} GiB are free on "
        f"{forecast.device}; try micro_batches: {smaller}, loss_chunk_steps: {chunk}, loss: sampled or fewer dimensions"
    )


def _bytes_of_training(objective: Objective, updates: Batches, options: SequenceOptions, training: Training) -> float:
    """Peak of an epoch, within half of itself: beside the weights where they already stand in this memory."""
    network = objective.network
    device = network.item_table_VD.device
    weights = FLOAT * sum(p.numel() for p in network.parameters())
    copies = (
        4 + bool(options.optimiser.average_decay) - (device.type == "cpu")
    )  # weights, two of AdamW, best ones, their average
    update = weights + _bytes_of_update(objective, updates, options, device)  # with the gradients
    n_users = 0 if training.context.epochs is not None else min(VALIDATED_USERS, training.validation.histories.n_users)
    validation = FLOAT * n_users * len(network.item_table_VD)
    return copies * weights + KEPT * (update + validation)


def _bytes_of_update(objective: Objective, updates: Batches, options: SequenceOptions, device: torch.device) -> float:
    """Peak of the largest batch, forward and backward; of a long one by the line through those of two parts of it."""
    whole = updates.largest(options.optimiser.micro_batches)[0]
    if whole.n_steps < max(PROBE_PARTS) * options.loss.chunk_steps:  # its parts' logits would be less than a chunk
        return _peak_of_batch(objective, whole.to(device), device)
    small, large = (
        next(batch for batch in updates.largest(parts * options.optimiser.micro_batches) if batch.n_steps).to(device)
        for parts in PROBE_PARTS
    )
    peaks = [_peak_of_batch(objective, batch, device) for batch in (small, large)]
    slope = max(peaks[1] - peaks[0], 0) / max(_places(large) - _places(small), 1)
    return peaks[1] + slope * (_places(whole) - _places(large))


def _peak_of_batch(objective: Objective, batch: StepBatch, device: torch.device) -> float:
    """Without the gradients themselves, which are counted with what is held all the time."""

    def work() -> None:
        with autocast(objective.options.optimiser.precision, device):
            loss: Any = objective(batch, 0.0)
        loss.backward()

    objective.network.zero_grad(set_to_none=True)
    peak = peak_bytes(work, device)
    gradients = sum(p.grad.nbytes for p in objective.network.parameters() if p.grad is not None)
    return max(peak - gradients, 0)


def _places(batch: StepBatch) -> int:
    return batch.inputs.n_windows * batch.inputs.n_columns


def _epoch_seconds(objective: Objective, updates: Batches, shards: int, device: torch.device) -> float:
    """Seconds of a whole epoch, from a few updates by their share of its steps."""
    all_steps = int(updates.n_steps.sum())
    seconds, n_steps = 0.0, 0
    for number, batches in enumerate(islice(updates.epoch(1, shards=shards), TIMED_UPDATES + 1)):
        started = time.perf_counter()
        for batch in batches:
            if batch.n_steps:
                with one_thread(objective.options.backbone.is_narrow):
                    with autocast(objective.options.optimiser.precision, device):
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
