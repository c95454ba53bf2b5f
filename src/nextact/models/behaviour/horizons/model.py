"""Fitted heads with the names of what they say, on disk as safetensors and JSON.

Shapes: U users, C event types, H horizons, D dimensions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from nextact.models.behaviour.heads.fit_heads import MEMBERS
from nextact.models.behaviour.heads.storage import load_heads, save_heads
from nextact.models.behaviour.horizons.activity import activity_features, activity_names, rhythm_features
from nextact.models.behaviour.horizons.fit_horizon_heads import fit_heads
from nextact.models.behaviour.horizons.head import HorizonHeads
from nextact.models.behaviour.horizons.landmarks import LandmarkRows, landmark_moments, landmark_rows
from nextact.models.recommender import Training
from nextact.sequences.histories import Histories
from nextact.sequences.moments import Moments, known_before
from nextact.sequences.user_blocks import user_blocks

logger = logging.getLogger(__name__)

FILES = "horizons"
BLOCK_USERS = 4096

StatesOf = Callable[[Histories], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class HorizonModel:
    """What says whether an event of each type comes within each horizon.

    Attributes:
        heads: Fitted, in evaluation mode.
        event_types: Names in the order of their codes, [C].
        horizon_days: Ascending, [H].
        n_states: Width of the states that are read, D.
    """

    heads: HorizonHeads
    event_types: tuple[str, ...]
    horizon_days: tuple[int, ...]
    n_states: int

    def predict(self, histories: Histories, moments: Moments, states_of: StatesOf) -> NDArray[np.float64]:
        """Probability of an event of each type from the moment to each horizon, float64 [U, C, H].

        Args:
            histories: U users with times; what lies at or after a user's moment is not read.
            moments: int64 [U], microseconds since 1970 UTC.
            states_of: From histories to float32 [users, D], as in training.

        Returns:
            Never falling along H; a user without an event before the moment gets how often it happened in training.
        """
        known = known_before(histories, moments)
        share = self.heads.share_CH.cpu().double().numpy()
        found = np.tile(share, (histories.n_users, 1, 1))
        active = np.flatnonzero(known.lengths > 0)
        for which in user_blocks(len(active), most=BLOCK_USERS):
            users = active[which]
            found[users] = self._predict_block(known.take(users), moments[users], states_of)
        return found

    def _predict_block(self, known: Histories, moments: Moments, states_of: StatesOf) -> NDArray[np.float64]:
        activity = activity_features(known, moments, len(self.event_types))
        inputs = np.concatenate([activity, rhythm_features(known, moments), states_of(known)], axis=1)
        with torch.inference_mode():
            probabilities: torch.Tensor = self.heads(torch.from_numpy(inputs).to(self.heads.mean_X.device))
        found: NDArray[np.float64] = np.clip(probabilities.cpu().double().numpy(), 0.0, 1.0)
        return found

    def save(self, folder: Path) -> None:
        """Write two files into an existing folder."""
        description = {
            "event_types": list(self.event_types),
            "horizon_days": list(self.horizon_days),
            "n_states": self.n_states,
            "activity": activity_names(self.event_types),
        }
        save_heads(self.heads, description, folder, FILES)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read what :meth:`save` wrote; None where the folder holds no heads.

        Raises:
            NextactError: If a file cannot be read or the two do not fit together.
        """
        return load_heads(
            folder,
            FILES,
            _build,
            lambda heads, found: cls(
                heads, tuple(found["event_types"]), tuple(found["horizon_days"]), found["n_states"]
            ),
        )


def _build(described: dict[str, Any], weights: dict[str, torch.Tensor]) -> HorizonHeads:
    shape = len(described["event_types"]), len(described["horizon_days"])
    return HorizonHeads(MEMBERS, len(weights["mean_X"]), described["n_states"], *shape)


@dataclass(frozen=True)
class LandmarkChoice:
    """Which moments of the training window are learnt from.

    Attributes:
        horizon_days: Ascending.
        step_days: Between two landmarks.
        most: Landmarks at which the longest horizon is observed.
        most_rows: Users at landmarks, in all.
    """

    horizon_days: tuple[int, ...]
    step_days: int
    most: int
    most_rows: int


def fit_horizons(
    training: Training, choice: LandmarkChoice, states_of: StatesOf
) -> tuple[HorizonModel | None, dict[str, Any]]:
    """Heads on frozen states, and what is worth knowing of their fit; no heads where the log cannot teach them.

    Args:
        training: Histories, the end of their observation, names and seed.
        choice: Horizons and landmarks.
        states_of: From histories to float32 [users, D].

    Returns:
        ``(model, report)``; without a model the report says why in ``skipped``. A horizon that never ends inside the
        training window is left out.
    """
    rows, days, why_not = horizon_rows(training, choice, states_of)
    if rows is None:
        logger.info("No horizon heads: %s", why_not)
        return None, {"skipped": why_not}
    heads, report = fit_heads(rows, training.context.seed)
    logger.info("Horizon heads of %s days fitted to %d rows", ", ".join(map(str, days)), len(rows.user))
    return HorizonModel(heads, training.event_types, days, rows.states.shape[1]), report | {"horizon_days": list(days)}


def horizon_rows(
    training: Training, choice: LandmarkChoice, states_of: StatesOf | None
) -> tuple[LandmarkRows | None, tuple[int, ...], str]:
    """Landmark rows, the horizons that they observe, and why there are none where there are none."""
    histories, until = training.histories, training.observed_until
    if not choice.horizon_days:
        return None, (), "horizon_days is empty"
    if until is None:
        return None, (), "until when each user was observed in training is not known under this split"
    if not histories.n_events:
        return None, (), "there is no training event"
    first = int(histories.timestamp[int(histories.offsets[0]) : int(histories.offsets[-1])].min())
    days = choice.horizon_days
    while days and not len(moments := landmark_moments(first, until, days[-1:], choice.step_days, 1)):
        logger.info("Horizon of %d days is left out: training has no time for it", days[-1])
        days = days[:-1]
    if not days:
        return None, (), f"training is shorter than {choice.horizon_days[0]} days, or has no times"
    moments = landmark_moments(first, until, days, choice.step_days, choice.most)
    return (
        landmark_rows(
            histories,
            until,
            len(training.event_types),
            days,
            moments,
            choice.most_rows,
            training.context.seed,
            states_of,
        ),
        days,
        "",
    )
