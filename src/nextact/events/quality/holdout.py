"""What validation asks for, beside what training holds. Test stays closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import pandas as pd

from nextact.events import columns as c
from nextact.events.engines import keep
from nextact.events.quality.bins import bin_bounds, bin_label, jensen_shannon, shares_of, stability_index
from nextact.events.quality.counts import records
from nextact.events.quality.shapes import ratio
from nextact.results.quality import CoreRow, Drift, Shift, ValidationTargets

IN_TRAINING, IN_VALIDATION = "n_training", "n_validation"


@dataclass(frozen=True)
class ItemGroup:
    """Items with the same number of training events, in the catalogue or not.

    Attributes:
        n_training: Events of each.
        in_catalogue: Whether they can be recommended.
        items: How many.
        n_validation: Events of all together.
        n_targets: Validation targets of all together.
    """

    n_training: int
    in_catalogue: bool
    items: int
    n_validation: int
    n_targets: int


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


def by_training_count(items: ibis.Table) -> list[ItemGroup]:
    """Items of :func:`items_of`, grouped by their training events."""
    found = items.group_by(IN_TRAINING, "in_catalogue").aggregate(
        items=items.count(), n_validation=items[IN_VALIDATION].sum(), n_targets=items["n_targets"].sum()
    )
    return [ItemGroup(**row) for row in records(found)]


def describe_core(groups: Sequence[ItemGroup]) -> tuple[CoreRow, ...]:
    """How often items are held out for validation, by how often they were seen in training.

    A k-core over the whole log keeps an item that is rare in training only because it is held out, so rare items are
    asked for far more often than their training events foretell, and a model can harvest that.

    Returns:
        A row for each bin of training events that holds an item.
    """
    largest = max((group.n_training for group in groups), default=-1)
    seen = [group for group in groups if group.n_training > 0]
    per_item = ratio(_targets(groups), _items(groups))
    per_event = ratio(_targets(seen), _events(seen))
    rows = [_core_row(groups, low, high, per_item, per_event) for low, high in bin_bounds(largest)]
    return tuple(row for row in rows if row.items)


def describe_targets(events: ibis.Table, vocabulary: pd.DataFrame) -> ValidationTargets:
    """The validation targets: distinct pairs of user and item."""
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
    counts = {name: int(n or 0) for name, n in found.items()}
    return ValidationTargets(
        **counts,
        unreachable_share=ratio(counts["all"] - counts["reachable"], counts["all"]),
        seen_share=ratio(counts["seen"], counts["all"]),
    )


def describe_drift(
    events: ibis.Table, users: ibis.Table, groups: Sequence[ItemGroup], event_types: Sequence[str]
) -> Drift:
    """How validation differs from training.

    Args:
        events: Accepted events outside test.
        users: Of :func:`users_of`.
        groups: Of :func:`by_training_count`.
        event_types: Declared behaviours.
    """
    n_validation = _held_out(groups)
    unseen = _held_out([group for group in groups if not group.n_training])
    active = users.filter(users[IN_VALIDATION] > 0)
    row = records(active.aggregate(n=active.count(), new=(active[IN_TRAINING] == 0).sum()))[0]
    return Drift(
        validation_events=n_validation,
        unseen_items=ratio(unseen, n_validation),
        new_users=ratio(row["new"], row["n"]),
        event_types=_compare(_types(events, event_types)),
        popularity=_compare(_popularity(groups)),
    )


def _types(events: ibis.Table, event_types: Sequence[str]) -> dict[str, tuple[int, int]]:
    counts = records(events.group_by(c.EVENT_TYPE, c.SPLIT).aggregate(n=events.count()))
    found = {(row[c.EVENT_TYPE], row[c.SPLIT]): row["n"] for row in counts}
    return {kind: (found.get((kind, "train"), 0), found.get((kind, "validation"), 0)) for kind in event_types}


def _popularity(groups: Sequence[ItemGroup]) -> dict[str, tuple[int, int]]:
    largest = max((group.n_training for group in groups), default=0)
    bins = {bounds: _within(groups, *bounds) for bounds in bin_bounds(largest)[1:]}
    sides = {bin_label(*bounds): (_events(inside), _held_out(inside)) for bounds, inside in bins.items()}
    return {name: side for name, side in sides.items() if any(side)}


def _compare(sides: dict[str, tuple[int, int]]) -> Shift:
    train, validation = [side[0] for side in sides.values()], [side[1] for side in sides.values()]
    return Shift(
        classes=tuple(sides),
        train=tuple(shares_of(train)),
        validation=tuple(shares_of(validation)),
        jensen_shannon=jensen_shannon(train, validation),
        stability_index=stability_index(train, validation),
    )


def _core_row(groups: Sequence[ItemGroup], low: int, high: int, per_item: float, per_event: float) -> CoreRow:
    inside = _within(groups, low, high)
    n_items, n_events, n_targets = _items(inside), _events(inside), _targets(inside)
    return CoreRow(
        bin=bin_label(low, high),
        items=n_items,
        events=n_events,
        targets=n_targets,
        targets_per_item=ratio(n_targets, n_items),
        ratio_per_item=ratio(ratio(n_targets, n_items), per_item),
        targets_per_event=n_targets / n_events if n_events else None,
        ratio=ratio(n_targets / n_events, per_event) if n_events else None,
    )


def _within(groups: Sequence[ItemGroup], low: int, high: int) -> list[ItemGroup]:
    return [group for group in groups if low <= group.n_training <= high]


def _items(groups: Sequence[ItemGroup]) -> int:
    return sum(group.items for group in groups)


def _events(groups: Sequence[ItemGroup]) -> int:
    return sum(group.n_training * group.items for group in groups)


def _held_out(groups: Sequence[ItemGroup]) -> int:
    return sum(group.n_validation for group in groups)


def _targets(groups: Sequence[ItemGroup]) -> int:
    return sum(group.n_targets for group in groups)
