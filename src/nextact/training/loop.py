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
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from nextact.errors import NextactError
from nextact.training.device import make_accelerator

logger = logging.getLogger(__name__)


class Batch(Protocol):
    """Something that is learnt from in one update."""

    @property
    def n_steps(self) -> int:
        """Real steps, the weight of this batch in the mean loss."""

    def to(self, device: torch.device) -> Self:
        """The same batch on a device."""


B = TypeVar("B", bound=Batch)
B_co = TypeVar("B_co", bound=Batch, covariant=True)


class EpochBatches(Protocol[B_co]):
    """The same number of batches every epoch."""

    def __len__(self) -> int: ...

    def epoch(self, number: int) -> Iterator[B_co]:
        """All batches of an epoch, counted from 1."""


@dataclass(frozen=True)
class LoopSettings:
    """How to train; see the options of the model for what each means."""

    epochs: int
    learning_rate: float
    weight_decay: float = 0.0
    warmup_share: float = 0.1
    clip_norm: float = 1.0
    patience: int = 3
    precision: str = "no"


@dataclass(frozen=True)
class EpochResult:
    """One epoch: mean loss over steps, validation NDCG@10 (None where nothing validates) and seconds."""

    epoch: int
    loss: float
    validation: float | None
    seconds: float


@dataclass(frozen=True)
class LoopResult:
    """All epochs that ran, and the one whose weights the network now has."""

    curve: list[EpochResult]
    best: EpochResult


def train(
    network: nn.Module,
    batches: EpochBatches[B],
    loss_of: Callable[[B], Tensor],
    validate: Callable[[], float] | None,
    settings: LoopSettings,
    log_curve: Callable[[str, float, int], None] = lambda name, value, step: None,
) -> LoopResult:
    """Train a network in place and leave it with its best epoch's weights, in evaluation mode.

    Args:
        network: Moved to the fastest device.
        batches: What to learn from; at least one batch.
        loss_of: Mean loss of a batch over its steps, from the network.
        validate: Value of the network now, higher is better, called in evaluation mode after each epoch; without
            it all epochs run and the last one counts as best.
        settings: How to train.
        log_curve: Receives ("loss" or "validation_ndcg@10", value, epoch).

    Raises:
        NextactError: If a loss or, outside fp16, a gradient is not finite; the network is not updated with it.
    """
    accelerator = make_accelerator(settings.precision)
    network.to(accelerator.device)
    optimizer = accelerator.prepare(AdamW(_parameter_groups(network, settings.weight_decay), settings.learning_rate))
    schedule = warmup_cosine(optimizer, settings.epochs * len(batches), settings.warmup_share)
    logger.info(
        "training on %s, precision %s, %d batches an epoch", accelerator.device, settings.precision, len(batches)
    )
    curve: list[EpochResult] = []
    keeper = _BestKeeper(network)
    for epoch in range(1, settings.epochs + 1):
        started = time.perf_counter()
        loss = _train_epoch(network, batches, epoch, loss_of, accelerator, optimizer, schedule, settings.clip_norm)
        network.eval()
        value = None if validate is None else validate()
        curve.append(EpochResult(epoch, loss, value, time.perf_counter() - started))
        _log_epoch(curve[-1], log_curve)
        keeper.consider(curve[-1])
        if epoch - keeper.best.epoch >= settings.patience:
            logger.info("no better validation in %d epochs, stopped", settings.patience)
            break
    keeper.restore()
    return LoopResult(curve, keeper.best)


def _train_epoch(
    network: nn.Module,
    batches: EpochBatches[B],
    epoch: int,
    loss_of: Callable[[B], Tensor],
    accelerator: Accelerator,
    optimizer: Any,
    schedule: LambdaLR,
    clip_norm: float,
) -> float:
    """Mean loss over the epoch's real steps."""
    network.train()
    total, n_steps = 0.0, 0
    progress = tqdm(batches.epoch(epoch), total=len(batches), desc=f"epoch {epoch}", leave=False, disable=None)
    for number, fetched in enumerate(progress, start=1):
        batch = fetched.to(accelerator.device)
        with accelerator.autocast():
            loss = loss_of(batch)
        accelerator.backward(loss)
        norm = accelerator.clip_grad_norm_(network.parameters(), clip_norm)
        place = f"epoch {epoch}, batch {number} of {len(batches)}"
        _refuse_non_finite("loss", loss, place)
        if accelerator.scaler is None:  # fp16 meets overflowing gradients by scaling them, and skips the update itself
            _refuse_non_finite("gradient norm", norm, place)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total, n_steps = total + loss.item() * batch.n_steps, n_steps + batch.n_steps
        progress.set_postfix(loss=f"{total / n_steps:.3f}", refresh=False)
    return total / n_steps


def warmup_cosine(optimizer: Any, n_updates: int, warmup_share: float) -> LambdaLR:
    """Step size that rises linearly over the first share of the updates and falls as half a cosine to 0."""
    n_warmup = int(warmup_share * n_updates)

    def factor(update: int) -> float:
        if update < n_warmup:
            return (update + 1) / n_warmup
        return 0.5 * (1 + math.cos(math.pi * min((update - n_warmup) / max(n_updates - n_warmup, 1), 1)))

    return LambdaLR(getattr(optimizer, "optimizer", optimizer), factor)


class _BestKeeper:
    """Holds a copy of the weights of the best epoch so far; the first of equal ones stays."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.best = EpochResult(0, math.inf, None, 0.0)
        self.weights: dict[str, Tensor] = {}

    def consider(self, result: EpochResult) -> None:
        earlier = self.best.validation
        if earlier is None or result.validation is None or result.validation > earlier:
            self.best = result
            self.weights = {name: p.detach().clone() for name, p in self.network.named_parameters()}

    def restore(self) -> None:
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                parameter.copy_(self.weights[name])


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    learnt = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in learnt if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in learnt if p.ndim < 2], "weight_decay": 0.0},
    ]


def _refuse_non_finite(what: str, value: Tensor, place: str) -> None:
    if not math.isfinite(number := value.item()):
        raise NextactError(f"training: {what} is {number} in {place}; lower learning_rate or use precision 'no'")


def _log_epoch(result: EpochResult, log_curve: Callable[[str, float, int], None]) -> None:
    log_curve("loss", result.loss, result.epoch)
    validation = "no validation users"
    if result.validation is not None:
        log_curve("validation_ndcg@10", result.validation, result.epoch)
        validation = f"validation ndcg@10 {result.validation:.4f}"
    logger.info("epoch %d: loss %.4f, %s, %.1f s", result.epoch, result.loss, validation, result.seconds)
