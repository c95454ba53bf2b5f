"""Fit heads to rows, each member stopped by a share of the users that it has not seen."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nextact.errors import NextactError
from nextact.models.behaviour.heads.head import Head, Heads
from nextact.models.device import one_thread

MEMBERS, FOLDS = 3, 5
LEARNING_RATE, WEIGHT_DECAY = 0.003, 0.01
BATCH_ROWS, EPOCHS, PATIENCE, DECAY = 1024, 30, 4, 0.95

Columns = tuple[Tensor, ...]  # of as many rows each: inputs, then what came
LossOf = Callable[..., Tensor]  # from a head's output and what came to a scalar


def fit_members(heads: Heads, columns: Columns, loss_of: LossOf, user: NDArray[np.int64], seed: int) -> dict[str, Any]:
    """Fit every member to all rows but those of the users it holds out.

    Torch's random numbers are drawn on; seed them outside.

    Args:
        heads: On the device that fits, each member at its start, rows already described.
        columns: Standardised inputs, then what ``loss_of`` reads, on that device.
        loss_of: Mean loss of a batch.
        user: int64 [N].
        seed: Of who is held out.

    Returns:
        Rows, users, and for each member its epochs and the mean loss over its held-out users.
    """
    fold = user_folds(user, seed)
    with one_thread():
        stops = [
            _fit_member(member, columns, loss_of, torch.from_numpy(fold == number))
            for number, member in enumerate(heads.heads())
        ]
    return {
        "rows": len(user),
        "users": len(np.unique(user)),
        "members": [{"epochs": epochs, "held_out_loss": round(loss, 5)} for epochs, loss in stops],
    }


def user_folds(users: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The fold of each row, 0 .. 4: all rows of a user are in one.

    Example:
        >>> user_folds(np.array([7, 7, 9]), seed=0).tolist()
        [0, 0, 1]
    """
    known, place = np.unique(users, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(known))
    folds: NDArray[np.int64] = (order % FOLDS)[place]
    return folds


def _fit_member(head: Head, columns: Columns, loss_of: LossOf, held_out: Tensor) -> tuple[int, float]:
    """Train until the held-out users get no better; the best epoch's weights stay."""
    learnt, kept = (torch.nonzero(which).flatten() for which in (~held_out, held_out))
    if not len(learnt) or not len(kept):  # too few users to hold one out
        learnt = kept = torch.arange(len(held_out))
    optimizer = torch.optim.AdamW(head.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, DECAY)
    best, best_epoch, weights = math.inf, 0, copy.deepcopy(head.state_dict())
    for epoch in range(1, EPOCHS + 1):
        _train_epoch(head, optimizer, columns, loss_of, learnt)
        schedule.step()
        loss = _held_out_loss(head, columns, loss_of, kept)
        if loss < best:
            best, best_epoch, weights = loss, epoch, copy.deepcopy(head.state_dict())
        elif epoch - best_epoch >= PATIENCE:
            break
    head.load_state_dict(weights)
    return best_epoch, best


def _train_epoch(head: Head, optimizer: torch.optim.Optimizer, columns: Columns, loss_of: LossOf, rows: Tensor) -> None:
    head.train()
    order = rows[torch.randperm(len(rows))]  # drawn on the CPU, so that every device has the same order
    for batch in torch.split(order, BATCH_ROWS):
        inputs, *came = (one[batch.to(one.device)] for one in columns)
        loss: Any = loss_of(head(inputs), *came)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _held_out_loss(head: Head, columns: Columns, loss_of: LossOf, rows: Tensor) -> float:
    head.eval()
    with torch.inference_mode():
        inputs, *came = (one[rows.to(one.device)] for one in columns)
        loss = loss_of(head(inputs), *came).item()
    if not math.isfinite(loss):
        raise NextactError(f"{type(head).__name__}: loss is {loss} on the held-out users")
    return loss
