"""Fitted heads with the names of what they say.

They read no states: those of a network's own training steps have seen what followed, so that heads come to trust them
more than states of later steps deserve. Weighed on steps that no network had seen, states added nothing.

Shapes: U users, C event types.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from nextact.models.behaviour.event_types.head import TypeHeads, type_loss
from nextact.models.behaviour.event_types.rows import StepRows, step_rows, type_features
from nextact.models.behaviour.heads.fit_heads import MEMBERS, fit_members
from nextact.models.behaviour.heads.storage import load_heads, save_heads
from nextact.models.device import best_device, seeded
from nextact.models.recommender import Training
from nextact.sequences.histories import Histories

logger = logging.getLogger(__name__)

FILES = "event_types"
NEWEST_STEPS, MOST_ROWS = 40, 100_000  # of each user, and in all, that are learnt from


@dataclass(frozen=True, eq=False)
class EventTypeModel:
    """What says which event type comes next.

    Attributes:
        heads: Fitted, in evaluation mode.
        event_types: Names in the order of their codes, [C].
    """

    heads: TypeHeads
    event_types: tuple[str, ...]

    def predict(self, histories: Histories) -> NDArray[np.float64]:
        """Probability of each event type in the next step, float64 [U, C], rows sum to 1.

        A user without a history gets how often each type came in training.
        """
        found = np.tile(self.heads.share_C.cpu().double().numpy(), (histories.n_users, 1))
        active = np.flatnonzero(histories.lengths > 0)
        if len(active):
            inputs = torch.from_numpy(type_features(histories.take(active), len(self.event_types)))
            with torch.inference_mode():
                found[active] = self.heads(inputs.to(self.heads.mean_X.device)).cpu().double().numpy()
        shares: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)  # float32 sums are off by 1e-7
        return shares

    def save(self, folder: Path) -> None:
        """Write two files into an existing folder."""
        save_heads(self.heads, {"event_types": list(self.event_types)}, folder, FILES)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read what :meth:`save` wrote; None where the folder holds no heads.

        Raises:
            NextactError: If a file cannot be read or the two do not fit together.
        """
        return load_heads(folder, FILES, _build, lambda heads, found: cls(heads, tuple(found["event_types"])))


def _build(described: dict[str, Any], weights: dict[str, torch.Tensor]) -> TypeHeads:
    return TypeHeads(MEMBERS, len(weights["mean_X"]), len(described["event_types"]))


def fit_event_types(training: Training) -> tuple[EventTypeModel | None, dict[str, Any]]:
    """Heads, and what is worth knowing of their fit; no heads where there is nothing to tell apart.

    Args:
        training: Histories, names and seed.

    Returns:
        ``(model, report)``; without a model the report says why in ``skipped``.
    """
    n_types, rows = len(training.event_types), None
    if n_types > 1:
        rows = step_rows(training.histories, n_types, NEWEST_STEPS, MOST_ROWS, training.context.seed)
    if rows is None:
        why = "no user has two steps" if n_types > 1 else "there is one event type alone"
        logger.info("No heads of the next event type: %s", why)
        return None, {"skipped": why}
    heads, report = fit_type_heads(rows, training.context.seed)
    logger.info("Heads of the next event type fitted to %d rows", len(rows.user))
    return EventTypeModel(heads, training.event_types), report


def fit_type_heads(rows: StepRows, seed: int) -> tuple[TypeHeads, dict[str, Any]]:
    """Heads fitted to all rows but those of the users each holds out.

    Returns:
        ``(heads, report)``: on the fastest device, in evaluation mode; rows, users, and for each member its epochs and
        the mean cross-entropy over its held-out users.
    """
    device = best_device()
    inputs, shares = torch.from_numpy(rows.features), torch.from_numpy(rows.shares)
    with seeded(seed):
        heads = TypeHeads(MEMBERS, inputs.shape[1], shares.shape[1])
        heads.describe(inputs)
        heads.start_at_shares(shares)
        heads.to(device)
        columns = heads.standardise(inputs.to(device)), shares.to(device)
        report = fit_members(heads, columns, type_loss, rows.user, seed)
    return heads.eval(), report
