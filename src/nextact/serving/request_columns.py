"""Which column of a request is which: the raw table's own, read as training read them, or Nextact's names for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, NamedTuple

import pandas as pd

from nextact.errors import NextactError, suggest
from nextact.events import columns as c
from nextact.events.contract import MAPPED_COLUMNS, ColumnMap, EventOptions, TimestampUnit
from nextact.events.reading import UNITS_PER_SECOND

HISTORY = "history"  # the request's table in messages
UNIT_WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds"}
ISO = "iso"
Names = dict[str, str | None]  # contract column -> column of a table
TYPO = 0.8  # likeness from which a name that means nothing is taken for a misspelt one


class RequestColumns(NamedTuple):
    """How the rows of one source are read.

    Attributes:
        map: Where the request keeps what the contract asks for.
        ignored: Columns that say nothing to the model, in the order given.
    """

    map: ColumnMap
    ignored: tuple[str, ...]


def request_columns(frame: pd.DataFrame, events: EventOptions) -> dict[str, RequestColumns]:
    """How each source of a request is read: of every source that a column ``source`` names, else of the one that fits.

    A raw column has its own name, or that of the option that maps it (``user_id`` for ``household_id``). Numbers are
    times in the log's unit, microseconds where its times are text; text is read as the log's, or else as ISO; both in
    the log's zone where they name no offset. A behaviour may be said in the codes of the raw column or by its name.

    Args:
        frame: At least one row.
        events: The log's contract.

    Raises:
        NextactError: If a column is missing, seems misspelt, or fits several sources that would read it differently.
    """
    maps = events.column_maps()
    if events.sources and c.SOURCE in frame:
        return {name: _of_named_source(frame, name, maps[name], events) for name in _sources(frame, maps)}
    names = {source: _names(frame, columns, events) for source, columns in maps.items()}
    fitting = [source for source in maps if not _missing(names[source], maps[source], events)]
    if not fitting:
        raise _missing_column(frame, names, maps, events)
    own = {source: sum(name in frame for name in _used(maps[source].columns())) for source in fitting}
    best = {
        source: _read_as(frame, names[source], maps[source], events)
        for source in fitting
        if own[source] == max(own.values())
    }
    if len({repr(one.map) for one in best.values()}) > 1:
        raise NextactError(
            f"{HISTORY}: these columns fit the sources {', '.join(best)}, which read them differently; name the source "
            f"of each row in a column {c.SOURCE!r}"
        )
    source, found = next(iter(best.items()))
    _refuse_misspelt(found.ignored, names[source], maps[source], events)
    return {source: found}


def with_event_columns(frame: pd.DataFrame, events: EventOptions) -> pd.DataFrame:
    """The frame, where it names users and nothing else with empty columns of the source whose users these are."""
    given = {str(name) for name in frame}
    for columns in events.column_maps().values():
        if given <= {columns.user_id, c.USER_ID}:
            return frame.assign(
                **{name: None for name in _used(columns.columns()) if name not in {*given, columns.user_id}}
            )
    return frame


def input_names(events: EventOptions) -> dict[str, tuple[str, ...]]:
    """Contract column -> the names that it may have in a request, the raw table's own first.

    Example:
        >>> input_names(EventOptions(user_id="customer", timestamp="when", position="line"))["user_id"]
        ('customer', 'user_id')
    """
    names: dict[str, dict[str, None]] = {}
    for columns in events.column_maps().values():
        taken = _used(columns.columns())
        for field in MAPPED_COLUMNS:
            own = getattr(columns, field)
            also = [field] if field not in taken and _may_be_said(field, columns, events) else []
            for name in ([own] if own else []) + also:
                names.setdefault(field, {})[name] = None
    return {field: tuple(given) for field, given in names.items()}


def _may_be_said(field: str, columns: ColumnMap, events: EventOptions) -> bool:
    """Whether a request may use the option's own name: for what the log has, and for what stands in its place."""
    if field == c.EVENT_TYPE:
        return columns.event_type is not None or len(events.event_types) > 1
    if field == c.TIMESTAMP:  # of a log without times it is the place in the user's order
        return True
    return getattr(columns, field) is not None


def _names(frame: pd.DataFrame, columns: ColumnMap, events: EventOptions) -> Names:
    """The column of the request for each of the contract's; None where it has none."""
    taken, found = set(_used(columns.columns())), {}
    for field in MAPPED_COLUMNS:
        own = getattr(columns, field)
        said = field in frame and field not in taken and _may_be_said(field, columns, events)
        found[field] = own if own in frame else field if said else None
    if columns.timestamp is None:
        found[c.POSITION] = found[c.POSITION] or found[c.TIMESTAMP]
        found[c.TIMESTAMP] = None
    return found


def _read_as(frame: pd.DataFrame, names: Names, columns: ColumnMap, events: EventOptions) -> RequestColumns:
    changes: dict[str, Any] = names | _type_reading(names[c.EVENT_TYPE], columns, events)
    if (time := names[c.TIMESTAMP]) is not None:
        changes |= time_reading(frame[time], columns)
    if names[c.VALUE] != columns.value:
        changes["value_decimal"] = None
    ignored = tuple(str(name) for name in frame if name not in _used(names))
    return RequestColumns(replace(columns, **changes), ignored)


def _used(names: Names) -> list[str]:
    return [name for name in names.values() if name]


def _type_reading(given: str | None, columns: ColumnMap, events: EventOptions) -> dict[str, Any]:
    if given is None:
        return {"event_type_map": None}
    codes = columns.event_type_map if given == columns.event_type else None
    named = {name: name for name in events.event_types}
    return {"event_type_value": None, "event_type_map": None if codes is None else named | codes}


def time_reading(column: pd.Series, columns: ColumnMap) -> dict[str, Any]:
    """Unit and formats by which a column of a request is read, given those of the log.

    Example:
        >>> in_seconds = ColumnMap(timestamp_unit="s")
        >>> time_reading(pd.Series(["1704067200"]), in_seconds)["timestamp_unit"]
        's'
        >>> time_reading(pd.Series(["2024-01-01"]), in_seconds)["timestamp_unit"]
        'iso'
    """
    unit: TimestampUnit = columns.timestamp_unit
    kind = pd.api.types.infer_dtype(column, skipna=True)
    in_numbers = unit in UNITS_PER_SECOND
    if kind in ("integer", "floating", "decimal", "mixed-integer-float"):
        if columns.formats is not None and kind == "integer":
            return {}
        return {"timestamp_unit": unit if in_numbers else "us", "timestamp_format": None}
    if kind in ("string", "empty"):
        if columns.formats is not None:
            return {"timestamp_format": tuple(dict.fromkeys([*columns.formats, ISO]))}
        are_numbers = in_numbers and pd.to_numeric(column.dropna(), errors="coerce").notna().all()
        return {"timestamp_unit": unit if are_numbers else ISO}
    if kind in ("datetime64", "datetime", "date"):
        return {"timestamp_unit": "native", "timestamp_format": None}
    return {}  # what the contract refuses


def _missing(names: Names, columns: ColumnMap, events: EventOptions) -> list[str]:
    """What a request cannot do without."""
    needed = [c.USER_ID, c.ITEM_ID]
    if columns.event_type_value is None and len(events.event_types) > 1:
        needed.append(c.EVENT_TYPE)
    if events.has_times:
        needed.append(c.TIMESTAMP)
    elif columns.position is not None:
        needed.append(c.POSITION)
    return [name for name in needed if names[name] is None]


def _missing_column(
    frame: pd.DataFrame, names: Mapping[str, Names], maps: Mapping[str, ColumnMap], events: EventOptions
) -> NextactError:
    """Of the source that lacks least."""
    source = min(names, key=lambda one: len(_missing(names[one], maps[one], events)))
    field = _missing(names[source], maps[source], events)[0]
    own = getattr(maps[source], field) or field
    also = f" (or {field!r})" if own != field and _may_be_said(field, maps[source], events) else ""
    given = [str(one) for one in frame]
    return NextactError(f"{HISTORY}: column {own!r}{also} is missing; {suggest(own, given)}")


def _sources(frame: pd.DataFrame, maps: Mapping[str, ColumnMap]) -> list[str]:
    given = frame[c.SOURCE]
    for one in given.unique():
        if one not in maps:
            raise NextactError(
                f"{HISTORY}[{c.SOURCE!r}]: no source {one!r} in {int((given == one).sum()) or int(given.isna().sum())} "
                f"row(s); {suggest(str(one), maps)}"
            )
    return [name for name in maps if (given == name).any()]


def _of_named_source(frame: pd.DataFrame, source: str, columns: ColumnMap, events: EventOptions) -> RequestColumns:
    rows = frame[frame[c.SOURCE] == source].drop(columns=c.SOURCE).dropna(axis="columns", how="all")
    names = _names(rows, columns, events)
    if _missing(names, columns, events):
        raise _missing_column(rows, {source: names}, {source: columns}, events)
    found = _read_as(rows, names, columns, events)
    _refuse_misspelt(found.ignored, names, columns, events)
    return found


def _refuse_misspelt(ignored: Iterable[str], names: Names, columns: ColumnMap, events: EventOptions) -> None:
    """A raw table may have columns that nobody mapped; one that is nearly a name that is lacking is refused."""
    lacking = [field for field in MAPPED_COLUMNS if names[field] is None and _may_be_said(field, columns, events)]
    wanted = {name for field in lacking for name in (getattr(columns, field), field) if name}
    for name in ignored:
        if get_close_matches(name, wanted, 1, TYPO):
            raise NextactError(f"{HISTORY}: unknown column {name!r}; {suggest(name, wanted)}")
