"""Fit the heads to landmark rows, each member stopped by a share of the users that it has not seen."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nextact.errors import NextactError
from nextact.models.horizons.head import HorizonHead, HorizonHeads, horizon_loss
from nextact.models.horizons.landmarks import LandmarkRows
from nextact.training.device import best_device, seeded

MEMBERS, FOLDS = 3, 5
LEARNING_RATE, WEIGHT_DECAY = 0.003, 0.01
BATCH_ROWS, EPOCHS, PATIENCE, DECAY = 1024, 30, 4, 0.95

Report = dict[str, Any]


def fit_heads(rows: LandmarkRows, seed: int) -> tuple[HorizonHeads, Report]:
    """Heads fitted to all rows but those of the users each holds out.

    Args:
        rows: At least one; every horizon observed in some.
        seed: Of starts, orders, dropout and of who is held out.

    Returns:
        ``(heads, report)``: on the fastest device, in evaluation mode; rows, landmarks, users, and for each member its
        epochs and the mean cross-entropy over its held-out users.
    """
    device = best_device()
    inputs = torch.from_numpy(rows.inputs())
    happened, observed = torch.from_numpy(rows.happened).float(), torch.from_numpy(rows.observed).float()
    fold = user_folds(rows.user, seed)
    with seeded(seed):
        heads = HorizonHeads(MEMBERS, inputs.shape[1], rows.states.shape[1], *rows.happened.shape[1:])
        _describe_rows(heads, inputs, happened, observed)
        heads.to(device)
        everything = heads.standardise(inputs.to(device)), happened.to(device), observed.to(device)
        stops = []
        for number, member in enumerate(heads.members):
            if isinstance(member, HorizonHead):
                stops.append(_fit_member(member, everything, torch.from_numpy(fold == number), heads.share_CH))
    report = {
        "rows": len(rows.user),
        "landmarks": len(np.unique(rows.moment)),
        "users": len(np.unique(rows.user)),
        "members": [{"epochs": epochs, "held_out_loss": round(loss, 5)} for epochs, loss in stops],
    }
    return heads.eval(), report


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


def _describe_rows(heads: HorizonHeads, inputs_NX: Tensor, happened_NCH: Tensor, observed_NH: Tensor) -> None:
    """Statistics of the inputs and how often each thing happened."""
    heads.mean_X.copy_(inputs_NX.double().mean(dim=0))
    heads.scale_X.copy_(inputs_NX.double().std(dim=0, correction=0).clamp(min=1e-6))
    total_CH = (happened_NCH.double() * observed_NH[:, None, :]).sum(dim=0)
    heads.share_CH.copy_(total_CH / observed_NH.double().sum(dim=0).clamp(min=1))


def _fit_member(
    head: HorizonHead, everything: tuple[Tensor, Tensor, Tensor], held_out: Tensor, share_CH: Tensor
) -> tuple[int, float]:
    """Train until the held-out users get no better; the best epoch's weights stay."""
    learnt, kept = (torch.nonzero(which).flatten() for which in (~held_out, held_out))
    if not len(learnt) or not len(kept):  # too few users to hold one out
        learnt = kept = torch.arange(len(held_out))
    head.start_at(share_CH.cpu())
    head.to(share_CH.device)
    optimizer = torch.optim.AdamW(head.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, DECAY)
    best, best_epoch, weights = math.inf, 0, copy.deepcopy(head.state_dict())
    for epoch in range(1, EPOCHS + 1):
        _train_epoch(head, optimizer, everything, learnt)
        schedule.step()
        loss = _loss_of(head, everything, kept)
        if loss < best:
            best, best_epoch, weights = loss, epoch, copy.deepcopy(head.state_dict())
        elif epoch - best_epoch >= PATIENCE:
            break
    head.load_state_dict(weights)
    return best_epoch, best


def _train_epoch(
    head: HorizonHead, optimizer: torch.optim.Optimizer, everything: tuple[Tensor, Tensor, Tensor], rows: Tensor
) -> None:
    head.train()
    order = rows[torch.randperm(len(rows))]  # drawn on the CPU, so that every device has the same order
    for batch in torch.split(order, BATCH_ROWS):
        inputs, happened, observed = (one[batch.to(one.device)] for one in everything)
        loss: Any = horizon_loss(head(inputs), happened, observed)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _loss_of(head: HorizonHead, everything: tuple[Tensor, Tensor, Tensor], rows: Tensor) -> float:
    head.eval()
    with torch.inference_mode():
        inputs, happened, observed = (one[rows.to(one.device)] for one in everything)
        loss = horizon_loss(head(inputs), happened, observed).item()
    if not math.isfinite(loss):
        raise NextactError(f"horizons: loss is {loss} on the held-out users")
    return loss
