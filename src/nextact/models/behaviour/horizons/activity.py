"""Recency, frequency and weekly rhythm of a history, seen from a moment.

Shapes: U users, C event types, F features, R rhythm features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.events.moments import DAY
from nextact.sequences.histories import Histories
from nextact.sequences.moments import Moments

WINDOW_DAYS = (7, 30, 90)
RHYTHM_WEEKS = (4, 12, 26)
Features = NDArray[np.float32]


def activity_features(histories: Histories, moments: Moments, n_event_types: int) -> Features:
    """What was done how lately and how often, [U, F]; columns as in :func:`activity_names`.

    Counted are steps (baskets), so that a long receipt counts once. Days and counts are ``log1p``. A type that a user
    never had counts as had longest ago: at the user's first event.

    Args:
        histories: U users with times, each with an event, all of them before the user's moment.
        moments: int64 [U], microseconds since 1970 UTC.
        n_event_types: C.
    """
    step_user, step_time, has_type_SC = _steps(histories, n_event_types)
    age = (moments[step_user] - step_time) / DAY
    first = histories.offsets[:-1] - histories.offsets[0]
    tenure = (moments - histories.timestamp[histories.offsets[:-1]]) / DAY
    columns: list[NDArray[Any]] = [_last(age, step_user, np.ones(len(age), np.bool_), tenure)]
    columns += [_last(age, step_user, has_type, tenure) for has_type in has_type_SC.T]
    for days in (*WINDOW_DAYS, np.inf):
        recent = age <= days
        columns.append(np.bincount(step_user[recent], minlength=len(first)))
        columns += [np.bincount(step_user[recent & has], minlength=len(first)) for has in has_type_SC.T]
    columns += [tenure, *_gaps(step_user, age, len(first))]
    never = [~np.isin(np.arange(len(first)), step_user[has]) for has in has_type_SC.T]
    logs = np.log1p(np.column_stack(columns).astype(np.float64))
    week = 2 * np.pi * (moments % (7 * DAY)) / (7 * DAY)
    phases = [turn(times * week) for times in (1, 2) for turn in (np.sin, np.cos)]
    return np.column_stack([logs, *never, *phases]).astype(np.float32)


def rhythm_features(histories: Histories, moments: Moments) -> Features:
    """On which days of the week, counted from the moment, a user was active, [U, R].

    For each span of :data:`RHYTHM_WEEKS` and each of seven days: the share of the span's weeks in which the user had an
    event on that day. Day 0 is the day before the moment (and every seventh before it), day 6 the day after the moment
    a week ago: who shops on Saturdays stands out on a Friday night.

    Args:
        histories: U users with times, all events before the user's moment.
        moments: int64 [U], microseconds since 1970 UTC.

    Example:
        >>> histories = Histories.from_lists([[1, 1]], timestamps=[[0, 7 * DAY]])
        >>> rhythm_features(histories, np.array([8 * DAY]))[0, :7].tolist()
        [0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    most = max(RHYTHM_WEEKS)
    days_ago = (moments[histories.users_of_events] - histories.timestamp) // DAY
    # an event exactly a whole number of days ago belongs to the day that began then
    days_ago -= (moments[histories.users_of_events] - histories.timestamp) % DAY == 0
    recent = days_ago < 7 * most
    active = np.zeros((histories.n_users, most * 7), np.float32)
    active[histories.users_of_events[recent], days_ago[recent]] = 1
    by_week = active.reshape(histories.n_users, most, 7)
    return np.concatenate([by_week[:, :weeks].mean(axis=1) for weeks in RHYTHM_WEEKS], axis=1)


def activity_names(event_types: Sequence[str]) -> list[str]:
    """Names of the features.

    Example:
        >>> activity_names(["buy"])[:4]
        ['days since any', 'days since buy', 'any in 7 days', 'buy in 7 days']
    """
    kinds = ["any", *event_types]
    names = [f"days since {kind}" for kind in kinds]
    names += [f"{kind} in {days} days" for days in WINDOW_DAYS for kind in kinds]
    names += [f"{kind} in all" for kind in kinds]
    names += ["tenure", "mean gap", "deviation of gaps", "days since any in gaps"]
    names += [f"never {kind}" for kind in event_types]
    return names + [f"{turn} of {times} weeks" for times in (1, 2) for turn in ("sin", "cos")]


def _steps(histories: Histories, n_event_types: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """User and time of each step, and which types it holds, bool [steps, C]."""
    starts = histories.step_bounds()
    users = histories.users_of_events[starts]
    has_type = np.zeros((len(starts), n_event_types), np.bool_)
    has_type[histories.steps_of_events(), histories.event_type] = True
    return users, np.asarray(histories.timestamp[starts], np.int64), has_type


def _last(
    age: NDArray[np.float64], users: NDArray[np.int64], counted: NDArray[np.bool_], never: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Days since each user's newest counted step; ``never`` where there is none."""
    found = never.copy()
    np.minimum.at(found, users[counted], age[counted])
    return found


def _gaps(users: NDArray[np.int64], age: NDArray[np.float64], n_users: int) -> list[NDArray[np.float64]]:
    """Mean and standard deviation of the days between days of activity, and days since the last in such means."""
    day = np.floor(age).astype(np.int64)  # days before the moment: no calendar is needed
    new = np.ones(len(day), np.bool_)
    new[1:] = (users[1:] != users[:-1]) | (day[1:] != day[:-1])
    users, day = users[new], day[new]
    gap = np.append(0, -np.diff(day)).astype(np.float64)
    inside = np.append(False, users[1:] == users[:-1])
    n_gaps = np.bincount(users[inside], minlength=n_users)
    tenure = np.zeros(n_users)
    np.maximum.at(tenure, users, day + 1.0)
    mean = tenure / (n_gaps + 1)  # the open gap counts, so that one day alone has a mean, too
    squares = np.bincount(users[inside], weights=np.square(gap - mean[users])[inside], minlength=n_users)
    last = tenure.copy()
    np.minimum.at(last, users, day.astype(np.float64))
    return [mean, np.sqrt(squares / np.maximum(n_gaps, 1)), last / mean]
