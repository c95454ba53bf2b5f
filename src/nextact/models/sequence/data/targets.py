"""What is to be predicted: the items and event types of a step, and items that share the target with them.

Shapes: A asked steps, P targets, C event types, V items with padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from nextact.models.sequence.data.step_log import Positions, StepLog


@dataclass(frozen=True)
class StepTargets:
    """What is to be predicted from each of A asked steps: the step that followed, or the asked step itself, hidden.

    Attributes:
        row_P: The asked step, 0 .. A - 1, ascending.
        item_P: An item of its target; the same item may stand in a row twice where soft targets are in use.
        weight_P: Its share of the target; those of a row sum to 1, so that every step counts 1.
        next_types_AC: Share of each event type in the target step.
    """

    row_P: Tensor
    item_P: Tensor
    weight_P: Tensor
    next_types_AC: Tensor

    def to(self, device: torch.device) -> Self:
        """The same targets on a device."""
        return type(self)(*(tensor.to(device) for tensor in vars(self).values()))


@dataclass(frozen=True)
class SoftTargets:
    """Items that share the target with what really came next.

    Attributes:
        following: CSR float32 [V, V]; a row holds the items that tend to follow an item, and sums to 1, or is empty.
        share: Their part of each target, in (0, 1), where the step before has an item with such a row.

    Source:
        Label smoothing as in Szegedy et al., 2016, with what tends to follow in place of the uniform distribution.
    """

    following: csr_matrix
    share: float


def step_targets(
    log: StepLog,
    steps: Positions,
    last_known: Positions,
    n_event_types: int,
    soft: SoftTargets | None = None,
) -> StepTargets:
    """What happened in each of some steps.

    Args:
        log: Steps of all users.
        steps: int64 [A], the steps to predict.
        last_known: int64 [A], the step before each.
        n_event_types: C.
        soft: Items that share the targets.
    """
    where, row = log.events_of(steps)
    row_P, item_P, weight_P = _distinct_items(row, log.events.item_index[where], len(steps))
    if soft is not None and len(steps):
        row_P, item_P, weight_P = _shared(row_P, item_P, weight_P, soft, log, last_known)
    cells = row * n_event_types + log.events.event_type[where]
    types = np.bincount(cells, minlength=len(steps) * n_event_types).reshape(len(steps), n_event_types)
    return StepTargets(
        row_P=torch.from_numpy(row_P),
        item_P=torch.from_numpy(item_P),
        weight_P=torch.from_numpy(weight_P),
        next_types_AC=torch.from_numpy((types / np.maximum(types.sum(axis=1, keepdims=True), 1)).astype(np.float32)),
    )


def _distinct_items(
    row: Positions, items: NDArray[np.int32], n_rows: int
) -> tuple[Positions, Positions, NDArray[np.float32]]:
    width = int(items.max(initial=0)) + 1
    pairs = np.unique(row * width + items)
    row_P, item_P = pairs // width, pairs % width
    n_items = np.bincount(row_P, minlength=n_rows)
    return row_P, item_P, (1 / n_items[row_P]).astype(np.float32)


def _shared(
    row_P: Positions,
    item_P: Positions,
    weight_P: NDArray[np.float32],
    soft: SoftTargets,
    log: StepLog,
    last_known: Positions,
) -> tuple[Positions, Positions, NDArray[np.float32]]:
    """The targets with the followers of the last item of the step before added, rows ascending."""
    last_item = log.events.item_index[log.first_event[last_known + 1] - 1]
    followers = soft.following[last_item]
    n_followers = np.diff(followers.indptr)
    own = np.where(n_followers > 0, 1 - soft.share, 1.0)[row_P] * weight_P
    rows = np.concatenate([row_P, np.repeat(np.arange(len(last_known)), n_followers)])
    order = np.argsort(rows, kind="stable")
    items = np.concatenate([item_P, followers.indices])[order]
    weights = np.concatenate([own, soft.share * followers.data])[order]
    return rows[order], items.astype(np.int64), weights.astype(np.float32)
