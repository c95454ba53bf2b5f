"""Fit the heads to landmark rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from nextact.models.behaviour.heads.fit_heads import MEMBERS, fit_members
from nextact.models.behaviour.horizons.head import HorizonHeads, horizon_loss
from nextact.models.behaviour.horizons.landmarks import LandmarkRows
from nextact.models.device import best_device, seeded


def fit_heads(rows: LandmarkRows, seed: int) -> tuple[HorizonHeads, dict[str, Any]]:
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
    with seeded(seed):
        heads = HorizonHeads(MEMBERS, inputs.shape[1], rows.states.shape[1], *rows.happened.shape[1:])
        heads.describe(inputs)
        heads.start_at_shares(happened, observed)
        heads.to(device)
        columns = heads.standardise(inputs.to(device)), happened.to(device), observed.to(device)
        report = fit_members(heads, columns, horizon_loss, rows.user, seed)
    return heads.eval(), report | {"landmarks": len(np.unique(rows.moment))}
