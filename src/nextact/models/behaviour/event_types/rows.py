"""What is known before a step, and which event types the step holds.

Shapes: U users, N rows (a user before one of their steps), C event types, K features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.models.behaviour.horizons.activity import Features, activity_features
from nextact.sequences.histories import Histories

SHARE_STEPS = (1, 3, 10)


@dataclass(frozen=True, eq=False)
class StepRows:
    """What is learnt from: users before their newest steps, the farthest back first.

    Attributes:
        user: int64 [N].
        features: float32 [N, K].
        shares: float32 [N, C], of each event type among the step's events; rows sum to 1.
    """

    user: NDArray[np.int64]
    features: Features
    shares: NDArray[np.float32]


def step_rows(
    histories: Histories, n_event_types: int, newest_steps: int, most_rows: int, seed: int
) -> StepRows | None:
    """Each user before each of their newest steps but the first; None where nobody has two.

    Args:
        histories: Training events.
        n_event_types: C.
        newest_steps: Of each user, that are learnt from.
        most_rows: Where there would be more, users are drawn until the next one would exceed this.
        seed: Of the draw.
    """
    histories = _drawn(histories, newest_steps, most_rows, seed)
    starts, parts = histories.offsets[:-1], []
    for back in range(newest_steps, 0, -1):
        cut, end = histories.step_start(back), histories.step_start(back - 1)
        users = np.flatnonzero((cut > starts) & (end > cut))
        if len(users):
            known = histories.between(starts[users], cut[users])
            shares = type_shares(histories.between(cut[users], end[users]), n_event_types)
            parts.append(StepRows(users, type_features(known, n_event_types), shares))
    if not parts:
        return None
    return StepRows(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def type_features(histories: Histories, n_event_types: int) -> Features:
    """Activity as of the newest event, and shares of the types in the newest steps and in all, [U, K].

    Args:
        histories: U users, each with an event.
        n_event_types: C.
    """
    # the latest time, not that of the last event: what is out of order gets probabilities and is refused by its check
    newest = np.maximum.reduceat(histories.timestamp, histories.offsets[:-1]) + 1
    parts = [type_shares(histories.last_steps(steps), n_event_types) for steps in SHARE_STEPS]
    parts = [activity_features(histories, newest, n_event_types), *parts, type_shares(histories, n_event_types)]
    return np.concatenate(parts, axis=1)


def type_shares(histories: Histories, n_event_types: int) -> NDArray[np.float32]:
    """Share of each type among a user's events, [U, C]; 0 for a user without events.

    Example:
        >>> type_shares(Histories.from_lists([[1, 2], []], [[0, 1], []]), 2).tolist()
        [[0.5, 0.5], [0.0, 0.0]]
    """
    cells = histories.users_of_events * n_event_types + histories.event_type
    counts = np.bincount(cells, minlength=histories.n_users * n_event_types).reshape(-1, n_event_types)
    shares: NDArray[np.float32] = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).astype(np.float32)
    return shares


def _drawn(histories: Histories, newest_steps: int, most_rows: int, seed: int) -> Histories:
    """All users, or some with at least two steps, whose rows are few enough; at least one."""
    n_steps = np.bincount(histories.users_of_events[histories.starts_step], minlength=histories.n_users)
    n_rows = np.minimum(n_steps - 1, newest_steps).clip(min=0)
    if n_rows.sum() <= most_rows:
        return histories
    users = np.random.default_rng(seed).permutation(np.flatnonzero(n_rows))
    n_drawn = int(np.searchsorted(np.cumsum(n_rows[users]), most_rows, side="right"))
    return histories.take(np.sort(users[: max(n_drawn, 1)]))
