"""Name the rows that break the contract; none is dropped, each keeps its reason."""

from __future__ import annotations

from dataclasses import dataclass

import ibis

from nextact.errors import NextactError, TableError
from nextact.events import columns as c
from nextact.events import reasons
from nextact.events.coding import Texts, encode
from nextact.events.contract import EventOptions, raw_sources
from nextact.events.engines import fingerprint, keep, repeated
from nextact.events.moments import DAY, iso_moment, microseconds
from nextact.events.source_rows import to_contract
from nextact.events.tables import RAW_EVENTS

__all__ = ["accepted", "clean_events", "count_reasons", "iso_moment", "microseconds", "rejected"]

ACCEPTED = "accepted"  # the reason of good rows in counts


def clean_events(raw_events: object, options: EventOptions, items: ibis.Table | None = None) -> ibis.Table:
    """Every raw row in the contract's columns, with ``rejected_reason`` null where the row is good.

    Args:
        raw_events: One row per logged action: an Ibis table or a frame, or one a source by name.
        options: Column mapping and limits.
        items: The item table; needed where ``unknown_items`` is ``reject``.

    Returns:
        The columns of :func:`~nextact.events.source_rows.to_contract` of all sources. The first reason that applies is
        given, in the order of :mod:`nextact.events.reasons`: what one row shows alone, then unknown items, repeats (all
        but the first row by source and place in it), then users with too many events on one day.

    Raises:
        TableError: If more than ``stop_above_rejected_share`` of the rows are rejected.
        NextactError: If a source is empty, or a mapped column is missing.
    """
    cleaned = clean_coded(raw_events, options, items)
    return cleaned.texts.decoded(cleaned.events)


@dataclass(frozen=True)
class Cleaned:
    """Rows with codes for text where the engine is the better for it.

    Attributes:
        events: All rows, as :func:`clean_events` gives them.
        rejected: Those with a reason, kept.
        texts: What the codes stand for.
    """

    events: ibis.Table
    rejected: ibis.Table
    texts: Texts


def clean_coded(raw_events: object, options: EventOptions, items: ibis.Table | None = None) -> Cleaned:
    """The rows of :func:`clean_events`, coded."""
    maps = options.column_maps()
    raw = raw_sources(raw_events, options)
    rows = {source: to_contract(raw[source], source, maps[source], options) for source in raw}
    empty = () if any(one.session_id for one in maps.values()) else (c.SESSION_ID,)
    read, texts = encode(rows, empty, options.has_positions)
    events = read
    if options.unknown_items == "reject":
        events = _mark_unknown_items(events, items, texts)
    if options.repeat_columns:
        events = mark_repeats(events, options.repeat_columns)
    if options.max_events_per_day is not None:
        events = _mark_crowded_users(events, options.max_events_per_day)
    if options.max_events_per_day is not None or not texts.of:  # else few rows more are marked, as often as asked for
        events = texts.keep(events)
    cleaned = Cleaned(events, texts.keep(rejected(events)), texts)
    _stop_if_mostly_rejected(read, cleaned, options)
    return cleaned


def accepted(events: ibis.Table) -> ibis.Table:
    """Rows without a reason, in the contract's columns."""
    return events.filter(events[c.REJECTED_REASON].isnull()).drop(c.REJECTED_REASON)


def rejected(events: ibis.Table) -> ibis.Table:
    """Rows with a reason."""
    return events.filter(events[c.REJECTED_REASON].notnull())


def count_reasons(events: ibis.Table) -> dict[str, int]:
    """Rows by reason, the accepted ones under ``"accepted"``."""
    reason = events[c.REJECTED_REASON].fill_null(ACCEPTED)
    counts = events.group_by(reason=reason).aggregate(n=events.count()).execute()
    return {str(k): int(n) for k, n in sorted(zip(counts["reason"], counts["n"], strict=True))}


def count_by_source(events: ibis.Table, texts: Texts | None = None) -> dict[str, dict[str, int]]:
    """Source -> rows by reason, as :func:`count_reasons` gives them; ``texts`` where the sources are coded."""
    counted = events.group_by(c.SOURCE, c.REJECTED_REASON).aggregate(n=events.count())
    counts = (texts or Texts()).decoded(counted).execute().fillna({c.REJECTED_REASON: ACCEPTED})
    by_source: dict[str, dict[str, int]] = {}
    for source, why, n in sorted(zip(counts[c.SOURCE], counts[c.REJECTED_REASON], counts["n"], strict=True)):
        by_source.setdefault(str(source), {})[str(why)] = int(n)
    return by_source


def _mark(events: ibis.Table, condition: ibis.Value, reason: str) -> ibis.Table:
    """Give rows that no earlier check rejected a reason where the condition holds."""
    already = events[c.REJECTED_REASON]
    marked = (already.isnull() & condition).ifelse(reasons.as_in(already, reason), already)
    return events.mutate(**{c.REJECTED_REASON: marked})


def _mark_unknown_items(events: ibis.Table, items: ibis.Table | None, texts: Texts) -> ibis.Table:
    if items is None:
        raise NextactError("events.unknown_items: 'reject' needs the item table")
    known = items.filter(items[c.ITEM_ID].notnull())[c.ITEM_ID]
    if not texts.of:
        return _mark(events, events[c.ITEM_ID].notin(known), reasons.UNKNOWN_ITEM)
    coded = texts.of[c.ITEM_ID]
    unknown = keep(coded.filter(coded[f"{c.ITEM_ID}_text"].notin(known)).select(f"{c.ITEM_ID}_code"))
    return _mark(events, events[c.ITEM_ID].isin(unknown[f"{c.ITEM_ID}_code"]), reasons.UNKNOWN_ITEM)


def mark_repeats(events: ibis.Table, repeat_columns: tuple[str, ...]) -> ibis.Table:
    """Give good rows that equal an earlier good one in these columns their reason."""
    good = events.filter(events[c.REJECTED_REASON].isnull()).select(c.SOURCE, c.SOURCE_ROW, *_distinct(repeat_columns))
    hashed = good.mutate(alike=fingerprint(good, repeat_columns))
    suspects = hashed.semi_join(repeated(hashed, "alike"), "alike")  # few rows: sorting by all columns is cheap
    same = ibis.window(group_by=list(repeat_columns), order_by=[c.SOURCE, c.SOURCE_ROW])
    repeats = suspects.mutate(nth=ibis.row_number().over(same)).filter(lambda t: t.nth > 0)
    found = keep(repeats.select(c.SOURCE, c.SOURCE_ROW, is_repeat=ibis.literal(True)))
    joined = events.left_join(found, [c.SOURCE, c.SOURCE_ROW])
    return _mark(joined, joined["is_repeat"].fill_null(False), reasons.REPEAT).select(*events.columns)


def _distinct(names: tuple[str, ...]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name != c.SOURCE]


def _mark_crowded_users(events: ibis.Table, max_events_per_day: int) -> ibis.Table:
    good = events[c.REJECTED_REASON].isnull()
    within_day = (events[c.TIMESTAMP] % DAY + DAY) % DAY
    day = events[c.TIMESTAMP] - within_day
    on_day = good.cast("int64").sum().over(ibis.window(group_by=[events[c.USER_ID], day]))
    busiest = events.mutate(on_day=good.ifelse(on_day, 0))
    most = busiest.on_day.max().over(ibis.window(group_by=busiest[c.USER_ID]))
    marked = busiest.mutate(most=most)
    return _mark(marked, marked.most > max_events_per_day, reasons.TOO_MANY).drop("on_day", "most")


def _stop_if_mostly_rejected(read: ibis.Table, cleaned: Cleaned, options: EventOptions) -> None:
    n_read = _rows_by_source(read, cleaned.texts)
    for source in options.column_maps():
        if source not in n_read:
            raise NextactError(f"{source}: the table is empty")
    by_source = count_by_source(cleaned.rejected, cleaned.texts)
    counts = {(source, why): n for source, found in by_source.items() for why, n in found.items()}
    n_rows, n_rejected = sum(n_read.values()), sum(counts.values())
    if n_rejected <= options.stop_above_rejected_share * n_rows:
        return
    source, worst = max(counts, key=lambda one: counts[one])
    lines = "; ".join(f"{one}: {reason}: {n:,}" for (one, reason), n in counts.items())
    raise TableError(
        RAW_EVENTS,
        f"{n_rejected / n_rows:.1%} of the rows are rejected, more than the {options.stop_above_rejected_share:.1%} "
        f"allowed (events.stop_above_rejected_share): {lines}; the most frequent, {worst!r} of {source},",
        counts[source, worst],
        _example(cleaned.texts.decoded(cleaned.rejected), source, worst),
    )


def _rows_by_source(events: ibis.Table, texts: Texts) -> dict[str, int]:
    counts = texts.decoded(events.group_by(c.SOURCE).aggregate(n=events.count())).execute()
    return {str(source): int(n) for source, n in zip(counts[c.SOURCE], counts["n"], strict=True)}


def _example(events: ibis.Table, source: str, reason: str) -> str:
    found = events.filter(events[c.SOURCE] == source, events[c.REJECTED_REASON] == reason)
    row = found.order_by(c.SOURCE_ROW).limit(1).to_pyarrow().to_pylist()[0]
    return f"row {row[c.SOURCE_ROW]}: " + ", ".join(f"{key} {row[key]!r}" for key in EXAMPLE_COLUMNS)


EXAMPLE_COLUMNS = (c.USER_ID, c.ITEM_ID, c.EVENT_TYPE, c.TIMESTAMP, c.POSITION, c.VALUE)
