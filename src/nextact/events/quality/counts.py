"""What there is: rows by source and reason, events over time, and items without text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
import pandas as pd

from nextact.events import columns as c
from nextact.events.moments import DAY
from nextact.results.quality import ItemTexts, OverTime, Rows, SourceRows

EPOCH = date(1970, 1, 1)
MOST_DAYS, MOST_WEEKS = 62, 105  # longer logs are counted by week, by month


def records(table: ibis.Table) -> list[dict[str, Any]]:
    """Rows of a small table."""
    rows: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return rows


def count_rows(events: ibis.Table, rejected: ibis.Table, rows_by_split: Mapping[str, int]) -> Rows:
    """Rows by source and reason; tables without a ``source`` column have one source, None.

    Args:
        events: Accepted events outside test.
        rejected: Rejected rows, wherever they lie: they belong to no split.
        rows_by_split: Accepted rows.
    """
    reasons = _by_source(rejected.mutate(reason=rejected[c.REJECTED_REASON]))
    accepted = _by_source(events.mutate(reason=ibis.literal("accepted")))
    by_reason: dict[str, int] = defaultdict(int)
    for row in reasons:
        by_reason[row.reason] += row.n
    n_accepted, n_rejected = sum(rows_by_split.values()), sum(by_reason.values())
    return Rows(
        read=n_accepted + n_rejected,
        accepted=n_accepted,
        rejected=n_rejected,
        by_split=dict(rows_by_split),
        by_reason=dict(sorted(by_reason.items(), key=lambda one: -one[1])),
        by_source=(*accepted, *reasons),
    )


def count_over_time(events: ibis.Table, event_types: Sequence[str]) -> OverTime:
    """Events by type in equal stretches of time.

    Stretches are days up to 62 days, weeks (from Monday) up to 105 weeks, else months; those without an event count 0.

    Args:
        events: Accepted events with times.
        event_types: Declared behaviours.
    """
    day = events[c.TIMESTAMP].floordiv(DAY).cast("int64")
    daily = records(events.group_by(day=day, kind=events[c.EVENT_TYPE]).aggregate(n=events.count()))
    if not daily:
        return OverTime(bucket="day", first=None, last=None, starts=(), counts={})
    days = [EPOCH + timedelta(days=row["day"]) for row in daily]
    first, last = min(days), max(days)
    bucket = _bucket((last - first).days + 1)
    starts = _starts(first, last, bucket)
    counts = {kind: dict.fromkeys(starts, 0) for kind in event_types}
    for at, row in zip(days, daily, strict=True):
        counts[row["kind"]][_start(at, bucket)] += row["n"]
    return OverTime(
        bucket=bucket,
        first=first.isoformat(),
        last=last.isoformat(),
        starts=tuple(start.isoformat() for start in starts),
        counts={kind: tuple(one.values()) for kind, one in counts.items()},
    )


def count_texts(items: ibis.Table, vocabulary: pd.DataFrame, text_columns: Sequence[str]) -> ItemTexts:
    """Catalogue items that have no text in any text column; without text columns no item has text."""
    catalogue = ibis.memtable(vocabulary[[c.ITEM_ID]])
    places = {name: f"text_{at}" for at, name in enumerate(text_columns)}  # the id may be a text column, too
    texts = items.select(c.ITEM_ID, **{place: items[name] for name, place in places.items()})
    joined = catalogue.left_join(texts, c.ITEM_ID)
    filled = {name: (joined[at].cast("string").strip() != "").fill_null(False) for name, at in places.items()}
    anything = ibis.or_(*filled.values()) if filled else ibis.literal(False)
    found = records(
        joined.aggregate(
            without_text=(~anything).sum(),
            not_in_item_table=joined[f"{c.ITEM_ID}_right"].isnull().sum(),
            **{f"filled_{at}": one.mean() for at, one in enumerate(filled.values())},
        )
    )[0]
    return ItemTexts(
        items=len(vocabulary),
        without_text=int(found["without_text"] or 0),
        not_in_item_table=int(found["not_in_item_table"] or 0),
        filled={name: float(found[f"filled_{at}"] or 0.0) for at, name in enumerate(filled)},
    )


def iso_second(timestamp: int) -> str:
    """Microseconds since 1970 as an ISO second.

    Example:
        >>> iso_second(86_400_000_000)
        '1970-01-02T00:00:00'
    """
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=timestamp)).strftime("%Y-%m-%dT%H:%M:%S")


def _by_source(rows: ibis.Table) -> list[SourceRows]:
    source = rows[c.SOURCE] if c.SOURCE in rows.columns else ibis.null("string")
    counted = rows.group_by(source=source, reason=rows["reason"]).aggregate(n=rows.count())
    return [SourceRows(**row) for row in records(counted.order_by(["source", ibis.desc("n"), "reason"]))]


def _bucket(n_days: int) -> str:
    if n_days <= MOST_DAYS:
        return "day"
    return "week" if n_days <= 7 * MOST_WEEKS else "month"


def _start(at: date, bucket: str) -> date:
    if bucket == "week":
        return at - timedelta(days=at.weekday())
    return at.replace(day=1) if bucket == "month" else at


def _starts(first: date, last: date, bucket: str) -> list[date]:
    start, starts = _start(first, bucket), []
    while start <= last:
        starts.append(start)
        start = _start(start + timedelta(days={"day": 1, "week": 7, "month": 31}[bucket]), bucket)
    return starts
