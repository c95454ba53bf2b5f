"""Histories cut at moments of one's own choice, and what came after them.

Shapes: U users, C event types.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextact.events.moments import DAY, microseconds
from nextact.protocol import Split
from nextact.sequences.histories import Histories

Moments = NDArray[np.int64]


def known_before(histories: Histories, moments: Moments) -> Histories:
    """Each user's events before a moment.

    Args:
        histories: U users with times.
        moments: int64 [U], microseconds since 1970 UTC; an event at the moment itself is not known.

    Example:
        >>> histories = Histories.from_lists([[1, 2, 3]], timestamps=[[10, 20, 30]])
        >>> known_before(histories, np.array([20])).item_index.tolist()
        [1]
    """
    starts = histories.offsets[:-1]
    return histories.between(starts, starts + _n_before(histories, moments))


def days_to_first(histories: Histories, moments: Moments, n_event_types: int, until: int) -> NDArray[np.float64]:
    """Days from a moment to each user's first event of each type at or after it, [U, C]; inf where there is none.

    Args:
        histories: U users with times.
        moments: int64 [U], microseconds since 1970 UTC.
        n_event_types: C.
        until: End of observation, in the same unit; events at or after it are not looked at.

    Example:
        >>> histories = Histories.from_lists([[1, 2]], [[0, 1]], [[DAY, 3 * DAY]])
        >>> days_to_first(histories, np.array([DAY]), n_event_types=3, until=4 * DAY).tolist()
        [[0.0, 2.0, inf]]
    """
    users, owned = histories.users_of_events, _owned(histories)
    time = histories.timestamp[owned]
    seen = (time >= moments[users]) & (time < until)
    users, kind, time = users[seen], histories.event_type[owned][seen].astype(np.int64), time[seen]
    found = np.full((histories.n_users, n_event_types), np.inf)
    np.minimum.at(found, (users, kind), (time - moments[users]) / DAY)
    return found


def observed_until(split: Split, training: Histories, refitted: bool = False) -> int | None:
    """Moment up to which every training user was observed, in microseconds since 1970 UTC; None where nobody knows.

    Args:
        split: As the certificate names it. Under ``leave_one_out`` a user's held-out steps follow at times that
            training must not know, so nothing says whether a quiet user was quiet.
        training: Training events; in a refit those of the validation window too.
        refitted: Whether it is a refit.
    """
    if split.kind == "global_time":
        return microseconds(str(split.test_from if refitted else split.validation_from))
    if split.kind == "unseen_users" and training.n_events:
        return int(training.timestamp.max()) + 1
    return None


def holdout_window(split: Split, part: str, histories: Histories) -> tuple[int, int] | None:
    """Moment of prediction and end of observation, the same for all users; None where users have moments of their own.

    Args:
        split: As the certificate names it.
        part: ``validation`` or ``test``.
        histories: All events; the newest of them ends the test window.

    Returns:
        ``(moment, until)`` in microseconds since 1970 UTC, the end not included.
    """
    if split.kind != "global_time":
        return None
    moments = {"validation": microseconds(str(split.validation_from)), "test": microseconds(str(split.test_from))}
    if part == "validation":
        return moments["validation"], moments["test"]
    return moments["test"], int(histories.timestamp.max()) + 1


def _n_before(histories: Histories, moments: Moments) -> NDArray[np.int64]:
    """Events of each user up to their first one at or after the moment, so that no later one is ever among them."""
    users = histories.users_of_events
    late = np.flatnonzero(histories.timestamp[_owned(histories)] >= moments[users])
    n_before = histories.lengths.copy()
    np.minimum.at(n_before, users[late], late - (histories.offsets[:-1] - histories.offsets[0])[users[late]])
    return n_before


def _owned(histories: Histories) -> slice:
    """The part of the flat arrays that the users own."""
    return slice(int(histories.offsets[0]), int(histories.offsets[-1]))
