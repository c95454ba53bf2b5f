"""Moments inside the training window from which its own future can be seen, and what it shows.

Shapes: L landmarks, N rows (a user at a landmark), C event types, H horizons, F, R and D inputs of three kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.events.moments import DAY
from nextact.models.behaviour.horizons.activity import Features, activity_features, rhythm_features
from nextact.sequences.histories import Histories
from nextact.sequences.moments import Moments, days_to_first, known_before


@dataclass(frozen=True, eq=False)
class LandmarkRows:
    """What is learnt from: users at landmarks, oldest landmark first.

    Attributes:
        user: int64 [N].
        moment: int64 [N], microseconds since 1970 UTC.
        activity: float32 [N, F], recency and frequency.
        rhythm: float32 [N, R], days of the week.
        states: float32 [N, D], what the network made of the history; D is 0 where no network was asked.
        happened: bool [N, C, H], whether an event of the type came within the horizon.
        observed: bool [N, H], whether the horizon ends inside the training window; ``happened`` says nothing elsewhere.
    """

    user: NDArray[np.int64]
    moment: Moments
    activity: Features
    rhythm: Features
    states: NDArray[np.float32]
    happened: NDArray[np.bool_]
    observed: NDArray[np.bool_]

    def inputs(self) -> NDArray[np.float32]:
        """What a head reads, [N, F + R + D], states last."""
        return np.concatenate([self.activity, self.rhythm, self.states], axis=1)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> LandmarkRows:
        """Some of the rows."""
        return LandmarkRows(**{name: value[rows] for name, value in vars(self).items()})


def landmark_moments(first: int, until: int, horizon_days: tuple[int, ...], step_days: int, most: int) -> Moments:
    """Moments every ``step_days`` days, back from the last at which the shortest horizon is still observed.

    Args:
        first: Of all training events, microseconds since 1970 UTC.
        until: End of observation.
        horizon_days: Ascending.
        step_days: Between two landmarks. No multiple of 7, or all fall on the same day of the week.
        most: Landmarks at which the longest horizon is observed.

    Returns:
        int64 [L], ascending, all after ``first``; none where the window is shorter than the shortest horizon.

    Example:
        >>> (landmark_moments(0, 20 * DAY, (1, 7), step_days=5, most=2) // DAY).tolist()
        [4, 9, 14, 19]
    """
    newest, longest = until - horizon_days[0] * DAY, until - horizon_days[-1] * DAY
    moments = np.arange(newest, first, -step_days * DAY, dtype=np.int64)
    n_shorter = int((moments > longest).sum())
    return moments[: n_shorter + most][::-1]


def landmark_rows(
    histories: Histories,
    until: int,
    n_event_types: int,
    horizon_days: tuple[int, ...],
    moments: Moments,
    most_rows: int,
    seed: int,
    states_of: Callable[[Histories], NDArray[np.float32]] | None = None,
) -> LandmarkRows:
    """Each user with an event before a landmark, at each landmark.

    Nothing at or after ``until`` is read.

    Args:
        histories: Training events.
        until: End of the training window, microseconds since 1970 UTC.
        n_event_types: C.
        horizon_days: Ascending, [H].
        moments: Ascending, [L].
        most_rows: Where there would be more, as many users a landmark are drawn as this allows.
        seed: Of the draw.
        states_of: From histories to float32 [users, D].
    """
    random = np.random.default_rng(seed)
    most_users = max(most_rows // max(len(moments), 1), 1)
    started = np.full(histories.n_users, np.iinfo(np.int64).max)
    has_event = histories.lengths > 0
    started[has_event] = histories.timestamp[histories.offsets[:-1][has_event]]
    parts = []
    for moment in moments:
        users = np.flatnonzero(started < moment)
        if len(users) > most_users:
            users = np.sort(random.choice(users, most_users, replace=False))
        parts.append(_rows_at(histories.take(users), users, int(moment), until, n_event_types, horizon_days, states_of))
    return LandmarkRows(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def _rows_at(
    histories: Histories,
    users: NDArray[np.int64],
    moment: int,
    until: int,
    n_event_types: int,
    horizon_days: tuple[int, ...],
    states_of: Callable[[Histories], NDArray[np.float32]] | None,
) -> LandmarkRows:
    moments = np.full(len(users), moment, np.int64)
    known = known_before(histories, moments)
    days = days_to_first(histories, moments, n_event_types, until)
    return LandmarkRows(
        users,
        moments,
        activity_features(known, moments, n_event_types),
        rhythm_features(known, moments),
        np.zeros((len(users), 0), np.float32) if states_of is None else states_of(known),
        days[:, :, None] <= np.array(horizon_days),
        np.tile((until - moment) / DAY >= np.array(horizon_days), (len(users), 1)),
    )
