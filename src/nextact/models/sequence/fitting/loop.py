"""One training loop: fetch, forward, loss, backward, clip, check, step, log."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor, nn
from tqdm import tqdm

from nextact.errors import NextactError
from nextact.models.device import make_accelerator, one_thread
from nextact.models.sequence.fitting.checkpoint import Checkpoints
from nextact.models.sequence.fitting.state import EpochResult, LoopSettings, TrainingState, warmup_cosine

logger = logging.getLogger(__name__)


class Batch(Protocol):
    """Something that is learnt from."""

    @property
    def n_steps(self) -> int:
        """Real steps, the weight of this batch in the mean loss; 0 for one that holds nothing."""

    def to(self, device: torch.device) -> Self:
        """The same batch on a device."""


B = TypeVar("B", bound=Batch)


class EpochUpdates(Protocol[B]):
    """The same number of updates every epoch."""

    def __len__(self) -> int: ...

    def epoch(self, number: int, skip: int = 0, shards: int = 1) -> Iterator[list[B]]:
        """All updates of an epoch (counted from 1) but the first ``skip``, each cut into ``shards`` batches.

        What an update holds must depend on the epoch and its place alone.
        """


@dataclass(frozen=True)
class LoopResult:
    """All epochs that ran, and the one whose weights the network now has."""

    curve: list[EpochResult]
    best: EpochResult


def train(
    network: nn.Module,
    updates: EpochUpdates[B],
    loss_of: Callable[[B, float], Tensor],
    validate: Callable[[], float] | None,
    settings: LoopSettings,
    checkpoints: Checkpoints | None = None,
) -> LoopResult:
    """Train a network in place and leave it with its best epoch's weights, in evaluation mode.

    In several processes each takes its part of every update and the gradients are summed, so that the result is that
    of one process but for rounding. All randomness of an update follows from the seed and the update's number.

    Args:
        network: Moved to the fastest device.
        updates: What to learn from; at least one update an epoch.
        loss_of: From a batch and the share of the training that is done, in [0, 1), to the mean loss over its steps.
        validate: Value of the network now, higher is better, called in evaluation mode after each epoch; without
            it all epochs run and the last one counts as best.
        settings: How to train.
        checkpoints: Where to go on from and what to leave; removed when training ends. None leaves nothing.

    Raises:
        NextactError: If a loss or, outside fp16, a gradient is not finite (the network is not updated with it), or a
            checkpoint cannot be gone on from.
    """
    accelerator = make_accelerator(settings.precision)
    network.to(accelerator.device)
    state = TrainingState(network, settings, accelerator)
    _resume(state, checkpoints)
    logger.info(
        "training on %s, precision %s, %d processes, %d updates an epoch",
        accelerator.device,
        settings.precision,
        accelerator.num_processes,
        len(updates),
    )
    while not state.is_over:
        loss = _train_epoch(state, updates, loss_of, checkpoints)
        _finish_epoch(state, loss, validate)
        if checkpoints is not None and accelerator.is_main_process and not state.is_over:
            checkpoints.write(*state.dump())
    state.restore_best()
    if checkpoints is not None and accelerator.is_main_process:
        checkpoints.remove()
    return LoopResult(state.curve, state.best)


def _resume(state: TrainingState, checkpoints: Checkpoints | None) -> None:
    found = None if checkpoints is None else checkpoints.read()
    if found is not None:
        state.load(*found)
        logger.info("going on from epoch %d, update %d", state.epoch, state.update + 1)


def _train_epoch(
    state: TrainingState,
    updates: EpochUpdates[B],
    loss_of: Callable[[B, float], Tensor],
    checkpoints: Checkpoints | None,
) -> float:
    """Mean loss over the epoch's real steps, those before a resume too."""
    accelerator, n_updates = state.accelerator, len(updates)
    state.network.train()
    shards = accelerator.num_processes * state.settings.micro_batches
    fetched = updates.epoch(state.epoch, state.update, shards)
    label = f"epoch {state.epoch}"
    started = time.perf_counter() - state.seconds
    for batches in tqdm(fetched, label, n_updates, initial=state.update, leave=False, disable=_quiet(accelerator)):
        with one_thread(state.settings.is_narrow):
            _update(state, batches, loss_of, n_updates)
        state.seconds = time.perf_counter() - started
        if checkpoints is not None and accelerator.is_main_process and checkpoints.due:
            checkpoints.write(*state.dump())
    return state.loss_sum / state.n_steps


def _quiet(accelerator: Accelerator) -> bool | None:
    return None if accelerator.is_main_process else True


def _update(state: TrainingState, batches: list[B], loss_of: Callable[[B, float], Tensor], n_updates: int) -> None:
    """One step of the optimizer from the batches of all processes."""
    accelerator, settings = state.accelerator, state.settings
    done = (state.epoch - 1) * n_updates + state.update
    all_updates = settings.epochs * n_updates
    n_steps = sum(batch.n_steps for batch in batches)
    place = f"epoch {state.epoch}, update {state.update + 1} of {n_updates}"
    # stated anew for each update, so that nothing of it has to be kept in a checkpoint
    torch.manual_seed(hash((settings.seed, done, accelerator.process_index)) % 2**63)
    total = torch.zeros((), device=accelerator.device)
    for batch in batches[accelerator.process_index :: accelerator.num_processes]:
        if batch.n_steps:
            on_device = batch.to(accelerator.device)
            with accelerator.autocast():
                loss = loss_of(on_device, done / all_updates) * (batch.n_steps / n_steps)
            accelerator.backward(loss)
            total += loss.detach()
    _sum_over_processes(accelerator, state.learnt, total)
    _refuse_non_finite("loss", total, place)
    norm = accelerator.clip_grad_norm_(state.learnt, settings.clip_norm)
    if accelerator.scaler is None:  # fp16 meets overflowing gradients by scaling them, and skips the update itself
        _refuse_non_finite("gradient norm", norm, place)
    state.step(settings.learning_rate * warmup_cosine(done, all_updates, settings.warmup_share), done)
    state.update, state.n_steps = state.update + 1, state.n_steps + n_steps
    state.loss_sum += total.item() * n_steps


def _sum_over_processes(accelerator: Accelerator, parameters: list[nn.Parameter], total: Tensor) -> None:
    if accelerator.num_processes == 1:
        return
    for parameter in parameters:
        if parameter.grad is None:  # this process had no batch
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = accelerator.reduce(torch.cat([*(g.flatten() for g in gradients), total[None]]), "sum")
    total.copy_(flat[-1])
    for gradient, summed in zip(gradients, flat[:-1].split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(summed.view_as(gradient))


def _finish_epoch(state: TrainingState, loss: float, validate: Callable[[], float] | None) -> None:
    started = time.perf_counter()
    state.network.eval()
    with state.averaged():
        value = None if validate is None else _validated(state.accelerator, validate)
        result = EpochResult(state.epoch, loss, value, state.seconds + time.perf_counter() - started)
        state.finish_epoch(result)
    if state.accelerator.is_main_process:
        _log_epoch(result)
        if state.is_over and result.epoch < (state.settings.last_epoch or state.settings.epochs):
            logger.info("no better validation in %d epochs, stopped", state.settings.patience)


def _validated(accelerator: Accelerator, validate: Callable[[], float]) -> float:
    """The main process's value, so that all stop at the same epoch."""
    value = torch.tensor([validate() if accelerator.is_main_process else 0.0], device=accelerator.device)
    found: Any = broadcast(value) if accelerator.num_processes > 1 else value
    return float(found.item())


def _refuse_non_finite(what: str, value: Tensor, place: str) -> None:
    if not math.isfinite(number := value.item()):
        raise NextactError(f"training: {what} is {number} in {place}; lower learning_rate or use precision 'no'")


def _log_epoch(result: EpochResult) -> None:
    validation = "no validation users"
    if result.validation is not None:
        validation = f"validation ndcg@10 {result.validation:.4f}"
    logger.info("epoch %d: loss %.4f, %s, %.1f s", result.epoch, result.loss, validation, result.seconds)
