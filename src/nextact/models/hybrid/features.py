"""What a stacked ranker knows of a candidate: the members' opinions, and the user's own past with the item.

Shapes: U users, C candidates, M members, F features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextact.models.hybrid.candidates import Candidates
from nextact.sequences.histories import Histories

Features = NDArray[np.float32]
MICROSECONDS_PER_DAY = 86_400_000_000
OWN = ("own_events", "own_share", "days_since", "steps_since", "gap_days", "age_in_gaps")
OF_USER = ("user_events", "user_steps", "user_items", "user_repeat_share")
POPULARITY = "log_popularity"


def feature_names(members: list[str], popularity: bool) -> list[str]:
    """In the order of the last axis of :func:`features`."""
    of_members = [f"{name}_{what}" for what in ("score", "rank") for name in members]
    return [*of_members, "votes", *OWN, *OF_USER, *([POPULARITY] if popularity else [])]


def features(candidates: Candidates, histories: Histories, log_popularity: NDArray[np.float32] | None) -> Features:
    """Features of every candidate as of the end of its user's history.

    A candidate that is not in the history has no age and no gap: those are NaN, which gradient boosting reads as
    "unknown". Ages run to the user's newest event, since the moment of the request is not part of a history.

    Args:
        candidates: Of U users.
        histories: Of the same users.
        log_popularity: float32 [items + 1]; None leaves the feature out.

    Returns:
        float32 [U, C, F].
    """
    parts = [
        candidates.scores,
        ranks(candidates),
        (candidates.scores > 0).sum(axis=2, dtype=np.float32)[..., None],
        own_past(candidates.item_index, histories),
        np.broadcast_to(of_users(histories)[:, None], (*candidates.item_index.shape, len(OF_USER))),
    ]
    if log_popularity is not None:
        parts.append(log_popularity[candidates.item_index][..., None])
    return np.concatenate(parts, axis=2, dtype=np.float32)


def ranks(candidates: Candidates) -> Features:
    """1-based rank of each candidate among its user's by each member, float32 [U, C, M]; equal ones by place."""
    scores = np.where(candidates.item_index[..., None] > 0, candidates.scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")
    found = np.empty(order.shape, np.float32)
    places = np.arange(1, order.shape[1] + 1, dtype=np.float32)[None, :, None]
    np.put_along_axis(found, order, np.broadcast_to(places, order.shape), axis=1)
    return found


def own_past(item_index: NDArray[np.int32], histories: Histories) -> Features:
    """The user's own events with each candidate, float32 [U, C, len(OWN)].

    ``own_events``; their share of the history; days and steps since the newest; mean days between them (two or
    more); and days since the newest in units of that mean gap: above 1 the item is due.
    """
    found = np.full((*item_index.shape, len(OWN)), np.nan, np.float32)
    found[..., :2] = 0
    if not histories.n_events or not item_index.size:
        return found
    width = np.int64(max(item_index.max(), histories.item_index.max()) + 1)
    keys, first, last, counts = _pairs(histories.users_of_events * width + histories.item_index)
    wanted = np.arange(len(item_index))[:, None] * width + item_index
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    known = (keys[places] == wanted) & (item_index > 0)
    users = np.broadcast_to(np.arange(len(item_index))[:, None], item_index.shape)[known]
    pair = places[known]
    newest = histories.offsets[1:][users] - 1
    days = (histories.timestamp[newest] - histories.timestamp[last[pair]]) / MICROSECONDS_PER_DAY
    steps = histories.steps_of_events()
    span = (histories.timestamp[last[pair]] - histories.timestamp[first[pair]]) / MICROSECONDS_PER_DAY
    gap = np.where((counts[pair] > 1) & (span > 0), span / np.maximum(counts[pair] - 1, 1), np.nan)
    columns = (counts[pair], counts[pair] / histories.lengths[users], days, steps[newest] - steps[last[pair]], gap)
    found[known] = np.stack([*columns, days / gap], axis=1)
    return found


def of_users(histories: Histories) -> Features:
    """Events, steps, distinct items, and the share of events that repeat an item, float32 [U, len(OF_USER)]."""
    events = histories.lengths.astype(np.float32)
    steps = np.bincount(histories.users_of_events[histories.starts_step], minlength=histories.n_users)
    width = np.int64(histories.item_index.max(initial=0) + 1)
    distinct = np.unique(histories.users_of_events * width + histories.item_index) // width
    items = np.bincount(distinct, minlength=histories.n_users)
    repeats = np.divide(events - items, events, out=np.zeros_like(events), where=events > 0)
    return np.stack([events, steps, items, repeats], axis=1).astype(np.float32)


def _pairs(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Distinct keys ascending, the positions of the first and of the last event of each, and how many there are."""
    order = np.argsort(keys, kind="stable")
    distinct, start, counts = np.unique(keys[order], return_index=True, return_counts=True)
    return distinct, order[start], order[start + counts - 1], counts
