"""What a stacked ranker knows of a candidate: the members' opinions, and the user's own past with the item.

Shapes: U users, C candidates, M members, V views, S members that add up over the history, F features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from nextact.events.moments import DAY
from nextact.models.baselines.history_weights import steps_back
from nextact.models.hybrid.candidates import Candidates
from nextact.models.hybrid.item_facts import FACTS, LASTING
from nextact.models.hybrid.likeness import Vectors, likeness_names, likeness_to_newest
from nextact.models.hybrid.pairs import pairs
from nextact.sequences.histories import Histories

Features = NDArray[np.float32]
OWN_RECENT = (1, 5, 20)  # newest steps in which the user's own events are counted
OWN = (
    *("own_events", "own_share", "days_since", "steps_since", "gap_days", "age_in_gaps"),
    *("gap_steps", "steps_in_gaps"),
    *(f"own_last_{n_steps}" for n_steps in OWN_RECENT),
)
OF_USER = ("user_events", "user_steps", "user_items", "user_repeat_share", "user_span_days", "user_last_gap_days")
SHORT_LIST = 20  # ranks up to which a member is said to list an item
OF_ITEM = (*FACTS[:3], "item_days_since", "item_age_days", *LASTING, "last_item_log_popularity")


@dataclass(frozen=True)
class FeatureGroups:
    """Which features are wanted.

    Attributes:
        member_scores: The members' scores beside their ranks.
        users: The users' activity.
        items: Popularity, ages and repeats of the items.
    """

    member_scores: bool = True
    users: bool = True
    items: bool = True


def feature_names(
    members: list[str],
    adding: list[str],
    views: int,
    asked: FeatureGroups,
    blocks: Mapping[str, Vectors] = MappingProxyType({}),
) -> list[str]:
    """In the order of the last axis of :func:`features`; no view has no summary either."""
    of_members = [f"{name}_{what}" for what in ("score", "rank") for name in members]
    by_step = [f"{name}_{back + 1}_back" for back in range(views) for name in adding]
    summed = [f"{name}_{what}_back" for what in ("most", "mean") for name in (adding if views else [])]
    return [
        *(of_members if asked.member_scores else of_members[len(members) :]),
        *(*by_step, *summed, "votes", "best_rank", *OWN, *likeness_names(blocks)),
        *(OF_USER if asked.users else ()),
        *(OF_ITEM if asked.items else ()),
    ]


def features(
    candidates: Candidates,
    histories: Histories,
    facts: NDArray[np.float32],
    asked: FeatureGroups,
    blocks: Mapping[str, Vectors] = MappingProxyType({}),
) -> Features:
    """Features of every candidate as of the end of its user's history.

    A candidate that is not in the history has no age and no gap: those are NaN, which gradient boosting reads as
    "unknown". Ages run to the user's newest event, since the moment of the request is not part of a history.

    Args:
        candidates: Of U users.
        histories: Of the same users.
        facts: Of the items, from :func:`nextact.models.hybrid.item_facts.item_facts`.
        asked: Which features.
        blocks: Unit vectors of the items, for the likeness to the newest step.

    Returns:
        float32 [U, C, F].
    """
    by_member = ranks(candidates)
    parts = [
        *([candidates.scores] if asked.member_scores else []),
        by_member,
        of_views(candidates.views),
        (by_member <= SHORT_LIST).sum(axis=2, dtype=np.float32)[..., None],
        by_member.min(axis=2)[..., None],
        own_past(candidates.item_index, histories),
        likeness_to_newest(candidates.item_index, histories, blocks),
    ]
    if asked.users:
        parts.append(np.broadcast_to(of_users(histories)[:, None], (*candidates.item_index.shape, len(OF_USER))))
    if asked.items:
        parts.append(of_items(candidates.item_index, histories, facts))
    return np.concatenate(parts, axis=2, dtype=np.float32)


def of_views(views: NDArray[np.float32]) -> Features:
    """Each view of each member, then the largest and the mean of the views, float32 [U, C, (V + 2) * S]; 0 of none."""
    shape = views.shape[:2]
    if not views.shape[2]:
        return np.zeros((*shape, 0), np.float32)
    summed = [views.max(axis=2), views.mean(axis=2)]
    return np.concatenate([views.reshape(*shape, views.shape[2] * views.shape[3]), *summed], axis=2)


def of_items(item_index: NDArray[np.int32], histories: Histories, facts: NDArray[np.float32]) -> Features:
    """Facts of each candidate, its age at the user's newest event, and the popularity of the user's newest item."""
    of_candidates = facts[item_index]
    has_events = histories.lengths > 0
    newest = histories.offsets[1:][has_events] - 1
    today, last = np.full((2, len(item_index), 1), np.nan)
    today[has_events, 0] = histories.timestamp[newest] / DAY
    last[has_events, 0] = facts[histories.item_index[newest], 0]
    ages = np.stack([today - of_candidates[..., 3], today - of_candidates[..., 4]], axis=2)
    newest_item = np.broadcast_to(last[..., None], (*item_index.shape, 1))
    return np.concatenate([of_candidates[..., :3], ages, of_candidates[..., 5:], newest_item], axis=2, dtype=np.float32)


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
    more); days since the newest in units of that mean gap: above 1 the item is due; the same gap in steps, and steps
    since in units of it; and the events in the newest 1, 5 and 20 steps.
    """
    found = np.full((*item_index.shape, len(OWN)), np.nan, np.float32)
    found[..., :2] = 0
    found[..., -len(OWN_RECENT) :] = 0
    if not histories.n_events or not item_index.size:
        return found
    width = np.int64(max(item_index.max(), histories.item_index.max()) + 1)
    key_of_event = histories.users_of_events * width + histories.item_index
    keys, first, last, counts = pairs(key_of_event)
    wanted = np.arange(len(item_index))[:, None] * width + item_index
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    known = (keys[places] == wanted) & (item_index > 0)
    users = np.broadcast_to(np.arange(len(item_index))[:, None], item_index.shape)[known]
    pair = places[known]
    newest = histories.offsets[1:][users] - 1
    days = (histories.timestamp[newest] - histories.timestamp[last[pair]]) / DAY
    steps = histories.steps_of_events()
    span = (histories.timestamp[last[pair]] - histories.timestamp[first[pair]]) / DAY
    gap = np.where((counts[pair] > 1) & (span > 0), span / np.maximum(counts[pair] - 1, 1), np.nan)
    since = steps[newest] - steps[last[pair]]
    n_between = steps[last[pair]] - steps[first[pair]]
    gap_steps = np.where(n_between > 0, n_between / np.maximum(counts[pair] - 1, 1), np.nan)
    columns = (counts[pair], counts[pair] / histories.lengths[users], days, since, gap, days / gap)
    recent = [_recent_counts(keys, key_of_event, histories, n_steps)[pair] for n_steps in OWN_RECENT]
    found[known] = np.stack([*columns, gap_steps, since / gap_steps, *recent], axis=1)
    return found


def _recent_counts(
    keys: NDArray[np.int64], key_of_event: NDArray[np.int64], histories: Histories, n_steps: int
) -> NDArray[np.int64]:
    """Events of each pair of user and item in the user's newest ``n_steps`` steps."""
    recent = key_of_event[steps_back(histories) < n_steps]
    return np.bincount(np.searchsorted(keys, recent), minlength=len(keys))


def of_users(histories: Histories) -> Features:
    """Activity of each user, float32 [U, len(OF_USER)].

    Events, steps, distinct items, the share of events that repeat an item, days from the first to the newest event, and
    days between the newest two steps (NaN where there are fewer).
    """
    events = histories.lengths.astype(np.float32)
    steps = np.bincount(histories.users_of_events[histories.starts_step], minlength=histories.n_users)
    width = np.int64(histories.item_index.max(initial=0) + 1)
    distinct = np.unique(histories.users_of_events * width + histories.item_index) // width
    items = np.bincount(distinct, minlength=histories.n_users)
    repeats = np.divide(events - items, events, out=np.zeros_like(events), where=events > 0)
    spans = [_days_from(histories, histories.offsets[:-1]), _days_from(histories, histories.step_start(1) - 1)]
    return np.stack([events, steps, items, repeats, *spans], axis=1).astype(np.float32)


def _days_from(histories: Histories, position: NDArray[np.int64]) -> NDArray[np.float64]:
    """Days from the event at ``position`` to each user's newest event; NaN where it is not one of the user's."""
    days = np.full(histories.n_users, np.nan)
    known = (position >= histories.offsets[:-1]) & (histories.lengths > 0)
    newest = histories.timestamp[histories.offsets[1:][known] - 1]
    days[known] = (newest - histories.timestamp[position[known]]) / DAY
    return days
