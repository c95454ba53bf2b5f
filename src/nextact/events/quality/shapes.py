"""How events lie: per user, per item, repeated, tied."""

from __future__ import annotations

from typing import Any

import ibis

from nextact.events import columns as c
from nextact.events.moments import DAY, MINUTE, SECOND
from nextact.events.quality.bins import Frequencies, describe, histogram
from nextact.events.quality.counts import records
from nextact.results.quality import HistoryLength, NeighbourTies, Popularity, Repeats

CURVE_POINTS = 120
TOP_SHARES = (0.01, 0.1)


def frequencies(table: ibis.Table, column: str) -> dict[int, int]:
    """How many rows have each value above 0."""
    there = table.filter(table[column] > 0)
    counted = there.group_by(value=there[column]).aggregate(n=there.count())
    return {int(row["value"]): int(row["n"]) for row in records(counted)}


def describe_histories(users: ibis.Table) -> HistoryLength:
    """Training events and steps a user who has any.

    Args:
        users: One row a user, with ``n_training`` and ``n_training_steps``.
    """
    events, steps = frequencies(users, "n_training"), frequencies(users, "n_training_steps")
    return HistoryLength(events=describe(events), steps=describe(steps), histogram=histogram(events))


def describe_popularity(items: ibis.Table) -> Popularity:
    """Training events an item that has any.

    Args:
        items: One row an item, with ``n_training``.

    Returns:
        Top shares of the most popular 1 % and 10 % of the items; on the curve, the last of equally popular items.
    """
    found = frequencies(items, "n_training")
    return Popularity(
        events=describe(found),
        histogram=histogram(found),
        top_shares={str(share): top_share(found, share) for share in TOP_SHARES},
        curve=rank_curve(found, CURVE_POINTS),
    )


def top_share(found: Frequencies, share: float) -> float:
    """The share of all events that the most popular ``share`` of the items have; 0 of no items.

    Example:
        >>> top_share({8: 1, 1: 2}, 1 / 3)
        0.8
    """
    left = share * sum(found.values())
    taken = 0.0
    for value in sorted(found, reverse=True):
        n = min(float(found[value]), left)
        taken, left = taken + value * n, left - n
    total = sum(value * n for value, n in found.items())
    return taken / total if total else 0.0


def rank_curve(found: Frequencies, n_points: int) -> tuple[tuple[int, int], ...]:
    """``(rank, value)`` of the last item with each value, thinned evenly on a logarithmic axis of ranks.

    Example:
        >>> rank_curve({8: 1, 1: 2}, 10)
        ((1, 8), (3, 1))
    """
    points, rank = [], 0
    for value in sorted(found, reverse=True):
        rank += found[value]
        points.append((rank, value))
    kept: list[tuple[int, int]] = []
    step = max(rank, 1) ** (1 / n_points)
    for point in points:
        if not kept or point is points[-1] or point[0] >= kept[-1][0] * step:
            kept.append(point)
    return tuple(kept)


def describe_repeats(events: ibis.Table) -> Repeats:
    """Events whose item the user had in an earlier step."""
    pair = ibis.window(group_by=[c.USER_ID, c.ITEM_ID])
    marked = events.select(seen=events[c.STEP] > events[c.STEP].min().over(pair))
    row = records(marked.aggregate(events=marked.count(), n=marked["seen"].sum()))[0]
    return Repeats(events=int(row["events"]), n=int(row["n"] or 0), share=ratio(row["n"], row["events"]))


def describe_ties(events: ibis.Table) -> NeighbourTies:
    """Neighbouring events of a user that share a moment.

    A user's events are ordered by time; those of one moment are neighbours whatever their order.
    """
    moments = events.group_by(c.USER_ID, c.TIMESTAMP).aggregate(n=events.count())
    users = moments.group_by(c.USER_ID).aggregate(n=moments["n"].sum(), moments=moments.count())
    row = records(users.aggregate(neighbours=(users["n"] - 1).sum(), n=(users["n"] - users["moments"]).sum()))[0]
    neighbours = int(row["neighbours"] or 0)
    return NeighbourTies(neighbours=neighbours, n=int(row["n"] or 0), share=ratio(row["n"], neighbours))


def resolution(events: ibis.Table) -> str:
    """The coarsest clock that could have written the times: ``day``, ``hour``, ``minute``, ``second`` or ``finer``.

    A log holds days where its events lie at one or two times of day (two, since local midnight moves with summer time).
    """
    timestamp = events[c.TIMESTAMP]
    units = {"hour": DAY // 24, "minute": MINUTE, "second": SECOND}
    fits = {name: (timestamp % unit == 0).all() for name, unit in units.items()}
    row = records(events.aggregate(times=(timestamp % DAY).nunique(), days=timestamp.floordiv(DAY).nunique(), **fits))[
        0
    ]
    if row["times"] <= 2 < row["days"]:
        return "day"
    return next((name for name in units if row[name]), "finer")


def ratio(part: Any, whole: Any) -> float:
    """A share; 0 of nothing."""
    return float(part or 0) / float(whole) if whole else 0.0
