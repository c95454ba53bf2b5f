"""Name the rows that break the contract; none is dropped, each keeps its reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis

from nextact.errors import NextactError, TableError
from nextact.events import columns as c
from nextact.events import reasons
from nextact.events.coding import Texts, encode
from nextact.events.contract import EventOptions, raw_sources
from nextact.events.engines import fingerprint, keep, repeated
from nextact.events.moments import DAY, iso_moment, microseconds
from nextact.events.other_forms import other_form
from nextact.events.reading import UNITS_PER_SECOND
from nextact.events.source_rows import to_contract
from nextact.events.tables import RAW_EVENTS, as_table
from nextact.events.units import DATED, other_reading, sensible, too_small

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
        given, in the order of :mod:`nextact.events.reasons`: what one row shows alone, then times in another unit than
        the rest of a dated log, unknown items, repeats (all but the first row by source and place in it), then users
        with too many events on one day.

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
    events = _mark_other_units(read, texts, options)
    if options.unknown_items == "reject":
        events = _mark_unknown_items(events, items, texts)
    if options.repeat_columns:
        events = mark_repeats(events, options.repeat_columns)
    if options.max_events_per_day is not None:
        events = _mark_crowded_users(events, options.max_events_per_day)
    if options.max_events_per_day is not None or not texts.of:  # else few rows more are marked, as often as asked for
        events = texts.keep(events)
    cleaned = Cleaned(events, texts.keep(rejected(events)), texts)
    _stop_if_mostly_rejected(read, cleaned, options, raw)
    return cleaned


def accepted(events: ibis.Table) -> ibis.Table:
    """Rows without a reason, in the contract's columns."""
    of_rejected = [name for name in (c.REJECTED_REASON, c.REJECTED_CELLS) if name in events.columns]
    return events.filter(events[c.REJECTED_REASON].isnull()).drop(*of_rejected)


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


def mark(events: ibis.Table, condition: ibis.Value, reason: str) -> ibis.Table:
    """Give rows that no earlier check rejected a reason where the condition holds."""
    already = events[c.REJECTED_REASON]
    marked = (already.isnull() & condition).ifelse(reasons.as_in(already, reason), already)
    return events.mutate(**{c.REJECTED_REASON: marked})


def _mark_other_units(read: ibis.Table, texts: Texts, options: EventOptions) -> ibis.Table:
    """Give times in another unit their reason, in sources whose other times are dates of our days.

    Times that merely count from the start of a log have no unit to be wrong in, and lie beside those windows too.
    """
    if not options.has_times:
        return read
    limits = microseconds(options.earliest), microseconds(options.latest)
    units = {source: columns.timestamp_unit for source, columns in options.column_maps().items()}
    time, good = read[c.TIMESTAMP], read[c.REJECTED_REASON].isnull()
    small = {unit: too_small(time, unit, *limits) for unit in set(units.values())}
    dated = {f"dated {unit}": (good & (found | sensible(time))).cast("int64").sum() for unit, found in small.items()}
    n_small = {f"small {unit}": (good & found).cast("int64").sum() for unit, found in small.items()}
    counted = read.group_by(c.SOURCE).aggregate(n=good.cast("int64").sum(), **dated, **n_small)
    named = texts.decoded(counted.mutate(code=counted[c.SOURCE]), [c.SOURCE]).to_pyarrow().to_pylist()
    for row in named:
        unit = units[row[c.SOURCE]]
        if row[f"small {unit}"] and row[f"dated {unit}"] >= DATED * row["n"]:
            wrong = (read[c.SOURCE] == row["code"]) & too_small(read[c.TIMESTAMP], unit, *limits)
            read = mark(read, wrong, reasons.OTHER_UNIT)
    return read


def _mark_unknown_items(events: ibis.Table, items: ibis.Table | None, texts: Texts) -> ibis.Table:
    if items is None:
        raise NextactError("events.unknown_items: 'reject' needs the item table")
    known = items.filter(items[c.ITEM_ID].notnull())[c.ITEM_ID]
    if not texts.of:
        return mark(events, events[c.ITEM_ID].notin(known), reasons.UNKNOWN_ITEM)
    coded = texts.of[c.ITEM_ID]
    unknown = keep(coded.filter(coded[f"{c.ITEM_ID}_text"].notin(known)).select(f"{c.ITEM_ID}_code"))
    return mark(events, events[c.ITEM_ID].isin(unknown[f"{c.ITEM_ID}_code"]), reasons.UNKNOWN_ITEM)


def mark_repeats(events: ibis.Table, repeat_columns: tuple[str, ...]) -> ibis.Table:
    """Give good rows that equal an earlier good one in these columns their reason."""
    good = events.filter(events[c.REJECTED_REASON].isnull()).select(c.SOURCE, c.SOURCE_ROW, *_distinct(repeat_columns))
    hashed = good.mutate(alike=fingerprint(good, repeat_columns))
    suspects = hashed.semi_join(repeated(hashed, "alike"), "alike")  # few rows: sorting by all columns is cheap
    same = ibis.window(group_by=list(repeat_columns), order_by=[c.SOURCE, c.SOURCE_ROW])
    repeats = suspects.mutate(nth=ibis.row_number().over(same)).filter(lambda t: t.nth > 0)
    found = keep(repeats.select(c.SOURCE, c.SOURCE_ROW, is_repeat=ibis.literal(True)))
    joined = events.left_join(found, [c.SOURCE, c.SOURCE_ROW])
    return mark(joined, joined["is_repeat"].fill_null(False), reasons.REPEAT).select(*events.columns)


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
    return mark(marked, marked.most > max_events_per_day, reasons.TOO_MANY).drop("on_day", "most")


def _stop_if_mostly_rejected(
    read: ibis.Table, cleaned: Cleaned, options: EventOptions, raw: Mapping[str, object]
) -> None:
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
    if worst in (reasons.OTHER_UNIT, reasons.TOO_EARLY, reasons.TOO_LATE):
        lines += _other_reading(raw[source], source, options, read, cleaned.texts)
    if form := other_form(raw[source], source, options.column_maps()[source], worst):
        lines += f"; to read them state {f'events.sources.{source}' if options.sources else 'events'}.{form}"
    raise TableError(
        RAW_EVENTS,
        f"{n_rejected / n_rows:.1%} of the rows are rejected, more than the {options.stop_above_rejected_share:.1%} "
        f"allowed (events.stop_above_rejected_share): {lines}; the most frequent, {worst!r} of {source},",
        counts[source, worst],
        _example(cleaned.texts.decoded(cleaned.rejected), source, worst),
    )


def _other_reading(raw: object, source: str, options: EventOptions, read: ibis.Table, texts: Texts) -> str:
    columns = options.column_maps()[source]
    if columns.timestamp is not None and columns.timestamp_unit in UNITS_PER_SECOND:
        numbers = as_table(raw, source, columns.columns())[columns.timestamp].try_cast("float64")  # times are bounded
    else:
        rows = texts.decoded(read.select(c.SOURCE, c.TIMESTAMP))
        numbers = rows.filter(rows[c.SOURCE] == source)[c.TIMESTAMP].cast("float64")
    option = f"events.sources.{source}.timestamp_unit" if options.sources else "events.timestamp_unit"
    found = other_reading(numbers.name("number"), columns.timestamp_unit, option)
    return f"; {found}; if they are right as stated, set events.earliest before 1970" if found else ""


def _rows_by_source(events: ibis.Table, texts: Texts) -> dict[str, int]:
    counts = texts.decoded(events.group_by(c.SOURCE).aggregate(n=events.count())).execute()
    return {str(source): int(n) for source, n in zip(counts[c.SOURCE], counts["n"], strict=True)}


def _example(events: ibis.Table, source: str, reason: str) -> str:
    found = events.filter(events[c.SOURCE] == source, events[c.REJECTED_REASON] == reason)
    row = found.order_by(c.SOURCE_ROW).limit(1).to_pyarrow().to_pylist()[0]
    return f"row {row[c.SOURCE_ROW]}: {shown(row, EXAMPLE_COLUMNS, reason)}"


def shown(row: Mapping[str, Any], names: Iterable[str], reason: str) -> str:
    """The cells of a rejected row, first what the reason is about; what could not be read as the raw table writes it.

    Example:
        >>> row = {"user_id": "u", "timestamp": None, "rejected_cells": "timestamp 'soon'"}
        >>> shown(row, ["user_id", "timestamp"], "timestamp is missing or unreadable")
        "timestamp 'soon', user_id 'u'"
    """
    written = row[c.REJECTED_CELLS] or ""
    cells = [f"{name} {row[name]!r}" for name in names if f"{name} '" not in written] + ([written] if written else [])
    concerned = reason.partition(" ")[0]
    return ", ".join(sorted(cells, key=lambda cell: not cell.startswith(concerned)))


EXAMPLE_COLUMNS = (c.USER_ID, c.ITEM_ID, c.EVENT_TYPE, c.TIMESTAMP, c.POSITION, c.VALUE)
