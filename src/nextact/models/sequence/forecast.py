"""What a training will take, found out on a few batches before it starts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import psutil
import torch

from nextact.errors import CannotFit
from nextact.models.device import autocast, best_device
from nextact.models.recommender import Training
from nextact.models.sequence.data.batches import Batches
from nextact.models.sequence.data.windows import StepBatch
from nextact.models.sequence.fitting.objective import Objective
from nextact.models.sequence.inference import last_states
from nextact.models.sequence.memory import peak_bytes
from nextact.models.sequence.network import SequenceNetwork
from nextact.models.sequence.options import SequenceOptions

GIB = 2**30
FLOAT = 4  # bytes
PROBE_PARTS = 8, 4  # memory of large updates is measured on an eighth and a quarter of the largest
TIMED_UPDATES = 3
# glibc hands larger blocks back once they are freed; what lies between the others, by benchmarks/forecast.py
LARGEST_KEPT_BLOCK, FRAGMENTED = 32 * 2**20, 1.1
KEPT_BY_LIBRARIES = 20 * 2**20  # buffers of products and of threads, by the same benchmark
# What oneDNN compiles for a product of bf16 of one shape, how many torch keeps, and how many shapes a batch brings
COMPILED, COMPILED_AT_MOST, COMPILED_A_BATCH = 0.55 * 2**20, 1_024, 15
VALIDATED_USERS = 512  # a block of users; their scores are masked in place and ranked


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
        memory_gib: Memory beside what is in use now; on a CPU with what its allocator keeps of freed memory.
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
        CannotFit: With what would make it fit.
    """
    if forecast.memory_gib <= forecast.free_gib:
        return
    smaller = 2 * options.micro_batches
    chunk = max(options.loss_chunk_steps // 4, 1)
    raise CannotFit(
        f"training needs about {forecast.memory_gib:.1f} GiB and {forecast.free_gib:.1f} GiB are free on "
        f"{forecast.device}; try micro_batches: {smaller}, loss_chunk_steps: {chunk}, loss: sampled or fewer dimensions"
    )


def _bytes_of_training(objective: Objective, updates: Batches, options: SequenceOptions, training: Training) -> float:
    """Peak of an epoch, beside the weights where they already stand in this memory."""
    network = objective.network
    device = network.item_table_VD.device
    weights = FLOAT * sum(p.numel() for p in network.parameters())
    copies = 4 + bool(options.average_decay) - (device.type == "cpu")  # weights, two of AdamW, best ones, their average
    update = weights + _bytes_of_update(objective, updates, options, device)  # with the gradients
    validation = _bytes_of_validation(network, training, options)
    if device.type != "cpu":
        return copies * weights + max(update, validation)
    # What the one frees stays resident between blocks in use and has no room for the other, but for the largest blocks.
    n_items, n_users = len(network.item_table_VD), min(VALIDATED_USERS, training.validation.histories.n_users)
    logits = options.loss_chunk_steps * n_items if objective.loss == "full" else 0
    kept = min(update - _given_back(FLOAT * logits), validation - _given_back(FLOAT * n_users * n_items))
    kept_blocks = FRAGMENTED * (max(update, validation) + max(kept, 0))
    return copies * weights + kept_blocks + KEPT_BY_LIBRARIES + _bytes_of_compiled(updates, options)


def _bytes_of_compiled(updates: Batches, options: SequenceOptions) -> float:
    """Of a CPU's products of bf16: the linear maps of a block meet another shape where a batch has other places.

    Hidden steps cut windows anew in each epoch, which brings some more with time: twice as many after six.
    """
    if options.precision != "bf16":
        return 0.0
    n_places = int(np.count_nonzero(np.unique(updates.places(options.micro_batches))))
    return COMPILED * min(COMPILED_A_BATCH * n_places, COMPILED_AT_MOST)


def _given_back(block: int) -> int:
    return block if block > LARGEST_KEPT_BLOCK else 0


def _bytes_of_update(objective: Objective, updates: Batches, options: SequenceOptions, device: torch.device) -> float:
    """Peak of the largest batch, forward and backward; of a long one by the line through those of two parts of it."""
    whole = updates.largest(options.micro_batches)[0]
    if whole.n_steps < max(PROBE_PARTS) * options.loss_chunk_steps:  # its parts' logits would be less than a chunk
        return _peak_of_batch(objective, whole.to(device), device)
    small, large = (
        next(batch for batch in updates.largest(parts * options.micro_batches) if batch.n_steps).to(device)
        for parts in PROBE_PARTS
    )
    largest = max(_places(batch) for batch in updates.largest(options.micro_batches))
    peaks = [_peak_of_batch(objective, batch, device) for batch in (small, large)]
    grown = _places(large) - _places(small)
    slope = max(peaks[1] - peaks[0], 0) / grown if grown else 0.0
    return peaks[1] + slope * (largest - _places(large))


def _places(batch: StepBatch) -> int:
    return batch.inputs.n_windows * batch.inputs.n_columns


def _peak_of_batch(objective: Objective, batch: StepBatch, device: torch.device) -> float:
    """Without the gradients themselves, which are counted with what is held all the time.

    On a CPU no less than in float32: numbers of 16 bits between those of 32 leave gaps as large as what they save.
    """
    precisions = {objective.options.precision, *(["no"] if device.type == "cpu" else [])}
    return max(_peak_in(precision, objective, batch, device) for precision in precisions)


def _peak_in(precision: str, objective: Objective, batch: StepBatch, device: torch.device) -> float:
    def work() -> None:
        with autocast(precision, device):
            loss: Any = objective(batch, 0.0)
        loss.backward()

    objective.network.zero_grad(set_to_none=True)
    peak = peak_bytes(work, device)
    gradients = sum(p.grad.nbytes for p in objective.network.parameters() if p.grad is not None)
    return max(peak - gradients, 0)


def _bytes_of_validation(network: SequenceNetwork, training: Training, options: SequenceOptions) -> float:
    """The item matrix with what reading the longest histories takes, or with the scores of a block of users."""
    histories = training.validation.histories
    n_users = min(VALIDATED_USERS, histories.n_users)
    if training.epochs is not None or not n_users:
        return 0.0
    longest = histories.take(np.sort(np.argsort(histories.lengths, kind="stable")[-n_users:]))
    matrix = FLOAT * network.item_table_VD.numel()

    def read() -> None:
        with torch.inference_mode():
            last_states(network, network.item_matrix(), longest, options.max_steps)

    network.eval()
    reading = peak_bytes(read, network.item_table_VD.device)
    network.train()
    return max(reading, matrix + FLOAT * n_users * len(network.item_table_VD))


def _epoch_seconds(objective: Objective, updates: Batches, shards: int, device: torch.device) -> float:
    """Seconds of a whole epoch, from a few updates by their share of its steps."""
    all_steps = int(updates.n_steps.sum())
    seconds, n_steps = 0.0, 0
    for number, batches in enumerate(islice(updates.epoch(1, shards=shards), TIMED_UPDATES + 1)):
        started = time.perf_counter()
        for batch in batches:
            if batch.n_steps:
                with autocast(objective.options.precision, device):
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
