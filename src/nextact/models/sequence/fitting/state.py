"""All that a training carries from one update to the next, and how it is written down and taken up again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import AdamW

from nextact.errors import NextactError


@dataclass(frozen=True)
class LoopSettings:
    """How to train; see the options of the model for what each means.

    Attributes:
        is_narrow: Whether the network is so narrow that one thread is quicker than several, but for the softmax.
        last_epoch: Epoch after which training ends while the step size still falls towards the end of ``epochs``.
    """

    epochs: int
    learning_rate: float
    weight_decay: float = 0.0
    warmup_share: float = 0.1
    clip_norm: float = 1.0
    patience: int = 3
    precision: str = "no"
    micro_batches: int = 1
    average_decay: float = 0.0
    seed: int = 0
    last_epoch: int | None = None
    is_narrow: bool = False


@dataclass(frozen=True)
class EpochResult:
    """One epoch: mean loss over steps, validation NDCG@10 (None where nothing validates) and seconds."""

    epoch: int
    loss: float
    validation: float | None
    seconds: float


class TrainingState:
    """Weights, optimizer, place, curve and best weights of one training.

    Attributes:
        epoch: The epoch that runs, from 1.
        update: Updates of it that are done.
        loss_sum: Sum of its steps' losses so far.
        n_steps: Number of these steps.
        seconds: What it has taken so far.
        curve: The epochs before it.
        best: The best of these; the first of equal ones.
    """

    def __init__(self, network: nn.Module, settings: LoopSettings, accelerator: Accelerator) -> None:
        self.network, self.settings, self.accelerator = network, settings, accelerator
        self.learnt = [p for p in network.parameters() if p.requires_grad]
        groups = _parameter_groups(self.learnt, settings.weight_decay)
        self.adam = AdamW(groups, settings.learning_rate, fused=True)  # one pass over the memory instead of a dozen
        self.optimizer: Any = accelerator.prepare(self.adam)
        self.epoch, self.update, self.loss_sum, self.n_steps, self.seconds = 1, 0, 0.0, 0, 0.0
        self.curve: list[EpochResult] = []
        self.best = EpochResult(0, math.inf, None, 0.0)
        self.best_weights: dict[str, Tensor] = {}
        self.average: dict[str, Tensor] = self._copy() if settings.average_decay else {}

    @property
    def is_over(self) -> bool:
        """Whether all epochs ran, or validation stopped rising."""
        waited = self.curve[-1].epoch - self.best.epoch if self.curve else 0
        last = self.settings.epochs if self.settings.last_epoch is None else self.settings.last_epoch
        return self.epoch > last or waited >= self.settings.patience

    def step(self, learning_rate: float, n_before: int) -> None:
        """Update the weights from their gradients, and the average of the weights, after ``n_before`` updates."""
        for group in self.adam.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average:
            decay = min(self.settings.average_decay, (1 + n_before) / (10 + n_before))  # the start is soon forgotten
            with torch.no_grad():
                for name, parameter in self.network.named_parameters():
                    self.average[name].lerp_(parameter, 1 - decay)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The network with the average of its weights inside the block, where averaging is asked for."""
        if not self.average:
            yield
            return
        now = self._copy()
        self._put(self.average)
        yield
        self._put(now)

    def finish_epoch(self, result: EpochResult) -> None:
        """Note an epoch, keep the network's weights of this moment if it is the best, and go on to the next."""
        self.curve.append(result)
        earlier = self.best.validation
        if earlier is None or result.validation is None or result.validation > earlier:
            self.best, self.best_weights = result, self._copy()
        self.epoch, self.update, self.loss_sum, self.n_steps, self.seconds = self.epoch + 1, 0, 0.0, 0, 0.0

    def restore_best(self) -> None:
        """Give the network its best weights, in evaluation mode."""
        self._put(self.best_weights)
        self.network.eval()

    def dump(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All of it as tensors and as what JSON can hold."""
        tensors: dict[str, Tensor] = {f"network.{name}": p for name, p in self.network.named_parameters()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best_weights.items()}
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.items()}
        for number, fields in self.adam.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": torch.as_tensor(value) for name, value in fields.items()}
        scaler = self.accelerator.scaler
        return tensors, {
            "place": [self.epoch, self.update, self.loss_sum, self.n_steps, self.seconds],
            "curve": [asdict(result) for result in self.curve],
            "best": self.best.epoch,
            "scaler": None if scaler is None else scaler.state_dict(),
        }

    def load(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Take up what :meth:`dump` gave.

        Raises:
            NextactError: If it is of a network of another shape.
        """
        try:
            self._put(_under(tensors, "network."))
            self.best_weights = {n: t.to(self.accelerator.device) for n, t in _under(tensors, "best.").items()}
            if self.average:
                self.average = {n: t.to(self.accelerator.device) for n, t in _under(tensors, "average.").items()}
            self._load_adam(_under(tensors, "adam."))
        except (KeyError, RuntimeError) as error:
            raise NextactError(f"checkpoint of another network: {error}; delete it to train from the start") from error
        self.epoch, self.update, self.loss_sum, self.n_steps, self.seconds = state["place"]
        self.curve = [EpochResult(**result) for result in state["curve"]]
        if state["best"]:
            self.best = next(result for result in self.curve if result.epoch == state["best"])
        if self.accelerator.scaler is not None and state["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])

    def _load_adam(self, tensors: dict[str, Tensor]) -> None:
        fields: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            number, _, field = name.partition(".")
            fields.setdefault(int(number), {})[field] = tensor
        self.adam.load_state_dict({"state": fields, "param_groups": self.adam.state_dict()["param_groups"]})

    def _copy(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self.network.named_parameters()}

    def _put(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                parameter.copy_(weights[name])


def warmup_cosine(update: int, n_updates: int, warmup_share: float) -> float:
    """Share of the largest step size: rises linearly over the first updates, then falls as half a cosine to 0.

    Example:
        >>> [round(warmup_cosine(update, 10, 0.2), 2) for update in (0, 1, 2, 6, 9)]
        [0.5, 1.0, 1.0, 0.5, 0.04]
    """
    n_warmup = int(warmup_share * n_updates)
    if update < n_warmup:
        return (update + 1) / n_warmup
    return 0.5 * (1 + math.cos(math.pi * min((update - n_warmup) / max(n_updates - n_warmup, 1), 1)))


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _parameter_groups(learnt: list[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    return [
        {"params": [p for p in learnt if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in learnt if p.ndim < 2], "weight_decay": 0.0},
    ]
