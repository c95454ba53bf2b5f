"""What validation asks for, beside what training holds. Test stays closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import pandas as pd

from nextact.events import columns as c
from nextact.events.engines import keep
from nextact.events.quality.bins import bin_bounds, bin_label, jensen_shannon, shares_of, stability_index
from nextact.events.quality.counts import Part, records
from nextact.events.quality.shapes import ratio

IN_TRAINING, IN_VALIDATION = "n_training", "n_validation"


def users_of(events: ibis.Table) -> ibis.Table:
    """One row a user: ``n_events``, ``n_training``, ``n_training_steps``, ``n_validation``.

    Args:
        events: Accepted events outside test.
    """
    training = events[c.SPLIT] == "train"
    return events.group_by(c.USER_ID).aggregate(
        n_events=events.count(),
        n_training=training.sum(),
        n_training_steps=events[c.STEP].nunique(where=training),
        n_validation=(events[c.SPLIT] == "validation").sum(),
    )


def items_of(events: ibis.Table, vocabulary: pd.DataFrame) -> ibis.Table:
    """One row an item: ``n_training``, ``n_validation`` events, ``n_targets``, ``in_catalogue``.

    ``n_targets`` counts the users whose validation target holds the item.

    Args:
        events: Accepted events outside test.
        vocabulary: The catalogue.
    """
    validation = events[c.SPLIT] == "validation"
    counted = events.group_by(c.ITEM_ID).aggregate(
        n_training=(events[c.SPLIT] == "train").sum(),
        n_validation=validation.sum(),
        n_targets=events[c.USER_ID].nunique(where=validation & events[c.IS_TARGET]),
    )
    catalogue = ibis.memtable(vocabulary[[c.ITEM_ID]]).mutate(in_catalogue=ibis.literal(True))
    joined = counted.outer_join(catalogue, c.ITEM_ID)
    counts = {name: joined[name].fill_null(0) for name in (IN_TRAINING, IN_VALIDATION, "n_targets")}
    return joined.select(**counts, in_catalogue=joined["in_catalogue"].fill_null(False))


def by_training_count(items: ibis.Table) -> list[dict[str, Any]]:
    """Items grouped by their training events, a small table: ``items``, ``n_validation``, ``n_targets`` of each."""
    found = items.group_by(IN_TRAINING, "in_catalogue").aggregate(
        items=items.count(), n_validation=items[IN_VALIDATION].sum(), n_targets=items["n_targets"].sum()
    )
    return records(found)


def describe_core(groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """How often items are held out for validation, by how often they were seen in training.

    A k-core over the whole log keeps an item that is rare in training only because it is held out, so rare items are
    asked for far more often than their training events foretell, and a model can harvest that.

    Returns:
        A row for each bin of training events: ``bin``, ``items``, ``events`` (training), ``targets`` (pairs of user and
        item), ``targets_per_item`` and ``ratio_per_item`` (to that of all items), ``targets_per_event`` (None at 0
        events) and ``ratio`` (to that of all items seen in training): 1 where the past foretells the future.
    """
    largest = max((group[IN_TRAINING] for group in groups), default=-1)
    seen = [group for group in groups if group[IN_TRAINING] > 0]
    per_item = ratio(_sum(groups, "n_targets"), _sum(groups, "items"))
    per_event = ratio(_sum(seen, "n_targets"), _events(seen))
    rows = [_core_row(groups, low, high, per_item, per_event) for low, high in bin_bounds(largest)]
    return [row for row in rows if row["items"]]


def describe_targets(events: ibis.Table, vocabulary: pd.DataFrame) -> Part:
    """The validation targets: distinct pairs of user and item.

    Returns:
        ``users`` who have one, ``users_without_history`` of them (no catalogue item before the target, so that they are
        not evaluated), ``all`` targets, ``reachable`` ones (the item is in the catalogue), ``unreachable_share``,
        ``seen``: those that the user had in an earlier step, and ``seen_share``.
    """
    asked = (events[c.SPLIT] == "validation") & events[c.IS_TARGET]
    catalogue = ibis.memtable(vocabulary[[c.ITEM_ID]])
    pairs = events.group_by(c.USER_ID, c.ITEM_ID).aggregate(
        asked_in=events[c.STEP].min(where=asked), first=events[c.STEP].min()
    )
    pairs = keep(pairs.mutate(reachable=pairs[c.ITEM_ID].isin(catalogue[c.ITEM_ID])))
    users = pairs.group_by(c.USER_ID).aggregate(
        asked_in=pairs["asked_in"].min(), starts=pairs["first"].min(where=pairs["reachable"])
    )
    users = users.filter(users["asked_in"].notnull())
    no_history = users["starts"].isnull() | (users["starts"] >= users["asked_in"])
    targets = pairs.filter(pairs["asked_in"].notnull())
    seen = targets["first"] < targets["asked_in"]
    found = records(users.aggregate(users=users.count(), users_without_history=no_history.sum()))[0]
    found |= records(targets.aggregate(all=targets.count(), reachable=targets["reachable"].sum(), seen=seen.sum()))[0]
    found = {name: int(n or 0) for name, n in found.items()}
    return found | {
        "unreachable_share": ratio(found["all"] - found["reachable"], found["all"]),
        "seen_share": ratio(found["seen"], found["all"]),
    }


def describe_drift(
    events: ibis.Table, users: ibis.Table, groups: Sequence[dict[str, Any]], event_types: Sequence[str]
) -> Part:
    """How validation differs from training.

    Args:
        events: Accepted events outside test.
        users: Of :func:`users_of`.
        groups: Of :func:`by_training_count`.
        event_types: Declared behaviours.

    Returns:
        ``unseen_items``: share of validation events on items without a training event. ``new_users``: share of the
        users of validation without one. ``event_types`` and ``popularity``: the shares of both sides, their
        Jensen-Shannon divergence in bits and stability index; popularity compares events on items seen in training, by
        bins of training events.
    """
    n_validation = _sum(groups, IN_VALIDATION)
    unseen = _sum([group for group in groups if not group[IN_TRAINING]], IN_VALIDATION)
    active = users.filter(users[IN_VALIDATION] > 0)
    row = records(active.aggregate(n=active.count(), new=(active[IN_TRAINING] == 0).sum()))[0]
    return {
        "validation_events": n_validation,
        "unseen_items": ratio(unseen, n_validation),
        "new_users": ratio(row["new"], row["n"]),
        "event_types": _compare(_types(events, event_types)),
        "popularity": _compare(_popularity(groups)),
    }


def _types(events: ibis.Table, event_types: Sequence[str]) -> dict[str, tuple[int, int]]:
    counts = records(events.group_by(c.EVENT_TYPE, c.SPLIT).aggregate(n=events.count()))
    found = {(row[c.EVENT_TYPE], row[c.SPLIT]): row["n"] for row in counts}
    return {kind: (found.get((kind, "train"), 0), found.get((kind, "validation"), 0)) for kind in event_types}


def _popularity(groups: Sequence[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    largest = max((group[IN_TRAINING] for group in groups), default=0)
    bins = {bounds: _within(groups, *bounds) for bounds in bin_bounds(largest)[1:]}
    sides = {bin_label(*bounds): (_events(inside), _sum(inside, IN_VALIDATION)) for bounds, inside in bins.items()}
    return {name: side for name, side in sides.items() if any(side)}


def _compare(sides: dict[str, tuple[int, int]]) -> Part:
    train, validation = [side[0] for side in sides.values()], [side[1] for side in sides.values()]
    return {
        "classes": list(sides),
        "train": shares_of(train),
        "validation": shares_of(validation),
        "jensen_shannon": jensen_shannon(train, validation),
        "stability_index": stability_index(train, validation),
    }


def _core_row(
    groups: Sequence[dict[str, Any]], low: int, high: int, per_item: float, per_event: float
) -> dict[str, Any]:
    inside = _within(groups, low, high)
    n_items, n_events, n_targets = _sum(inside, "items"), _events(inside), _sum(inside, "n_targets")
    return {
        "bin": bin_label(low, high),
        "items": n_items,
        "events": n_events,
        "targets": n_targets,
        "targets_per_item": ratio(n_targets, n_items),
        "ratio_per_item": ratio(ratio(n_targets, n_items), per_item),
        "targets_per_event": n_targets / n_events if n_events else None,
        "ratio": ratio(n_targets / n_events, per_event) if n_events else None,
    }


def _within(groups: Sequence[dict[str, Any]], low: int, high: int) -> list[dict[str, Any]]:
    return [group for group in groups if low <= group[IN_TRAINING] <= high]


def _sum(groups: Sequence[dict[str, Any]], name: str) -> int:
    return sum(int(group[name]) for group in groups)


def _events(groups: Sequence[dict[str, Any]]) -> int:
    return sum(int(group[IN_TRAINING]) * int(group["items"]) for group in groups)
