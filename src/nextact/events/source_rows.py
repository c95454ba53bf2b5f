"""One raw table in the contract's columns, every row with what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import numpy as np
import pyarrow as pa

from nextact.events import columns as c
from nextact.events import reasons
from nextact.events.contract import ColumnMap, EventOptions
from nextact.events.engines import in_memory, number_rows
from nextact.events.moments import microseconds
from nextact.events.reading import (
    EXACT_BELOW,
    LARGEST_FLOAT,
    Cells,
    exact_below,
    is_exact,
    is_whole,
    read_id,
    read_number,
    read_time,
)
from nextact.events.tables import as_arrow, as_table

READ_TIME, READ_ROW = "nextact_time", "nextact_row"  # a raw table may have a column of any other name
CONTRACT = (
    c.SOURCE,
    c.SOURCE_ROW,
    c.USER_ID,
    c.ITEM_ID,
    c.EVENT_TYPE,
    c.TIMESTAMP,
    c.POSITION,
    c.VALUE,
    c.SESSION_ID,
    c.REJECTED_REASON,
    c.REJECTED_CELLS,
)


def to_contract(raw: object, source: str, columns: ColumnMap, events: EventOptions) -> ibis.Table:
    """Every row of one raw table, with nulls where a cell cannot be read.

    Args:
        raw: An Ibis table or a frame.
        source: Its name.
        columns: Where it keeps what.
        events: Declared behaviours and the limits of time.

    Returns:
        One row per raw row: ``source``, ``source_row`` (0-based), ``user_id``, ``item_id``, ``event_type`` (text),
        ``timestamp`` (int64 microseconds since 1970 UTC; the position where there are no times), ``position``
        (float64), ``value`` (float64), ``session_id`` (text), ``rejected_reason``: the first that applies, null
        where none does, and ``rejected_cells``: times, positions and values that are wrong, as the table writes them.

    Raises:
        NextactError: If a mapped column is missing, or its type cannot hold what it is mapped to.
    """
    table = _numbered(raw, source, columns)
    if columns.timestamp is not None:  # a step of its own: the expression is long, and what follows reads it often
        place = f"{source}[{columns.timestamp!r}]"
        time = read_time(table[columns.timestamp], columns.timestamp_unit, columns.timezone, place, columns.formats)
        table = table.mutate(**{READ_TIME: time.values})
    position = _position(table, source, columns)
    read = {
        c.USER_ID: read_id(table[columns.user_id], c.USER_ID, f"{source}[{columns.user_id!r}]"),
        c.ITEM_ID: read_id(table[columns.item_id], c.ITEM_ID, f"{source}[{columns.item_id!r}]"),
        c.EVENT_TYPE: _event_type(table, source, columns, events),
        c.TIMESTAMP: _place_in_order(position)
        if columns.timestamp is None
        else _within_limits(table[READ_TIME], events),
        c.POSITION: position,
        c.VALUE: _value(table, source, columns),
        c.SESSION_ID: _session(table, source, columns),
    }
    values = {name: cells.values for name, cells in read.items()}
    reason = ibis.coalesce(*(cells.problems for cells in read.values()))
    mapped = {c.TIMESTAMP: columns.timestamp, c.POSITION: columns.position, c.VALUE: columns.value}
    as_written = {name: (read[name], table[column]) for name, column in mapped.items() if column is not None}
    return table.select(
        **{
            c.SOURCE: ibis.literal(source),
            c.SOURCE_ROW: table[READ_ROW],
            **values,
            c.REJECTED_REASON: reason,
            c.REJECTED_CELLS: rejected_cells(as_written),
        }
    ).select(*CONTRACT)


def rejected_cells(read: Mapping[str, tuple[Cells, ibis.Value]]) -> ibis.Value:
    """The cells that are wrong as the raw table writes them: ``timestamp 'yesterday', value '€5'``; null if none is.

    Args:
        read: Name of the contract's column -> the cells as they were read, and the raw column.
    """
    written = [
        (cells.problems.notnull() & raw.notnull()).ifelse(
            ibis.literal(f"{name} '") + _as_written(raw) + "'", ibis.null("string")
        )
        for name, (cells, raw) in read.items()
    ]
    return ibis.literal(", ").join(written).nullif("") if written else ibis.null("string")


def _as_written(column: ibis.Value) -> ibis.Value:
    """A cell as text; what is endless or no number is called alike by every engine."""
    if not column.type().is_floating():
        return column.cast("string")
    return ibis.cases(
        (column.isnan(), "nan"),  # first: to DuckDB it is more than any number
        (column > LARGEST_FLOAT, "inf"),
        (column < -LARGEST_FLOAT, "-inf"),
        else_=column.cast("string"),
    )


def _numbered(raw: object, source: str, columns: ColumnMap) -> ibis.Table:
    """The mapped columns with the 0-based place of each row; frames have an order, engines are asked for theirs."""
    if isinstance(raw, ibis.Table):
        return number_rows(as_table(raw, source, columns.columns()), READ_ROW)
    rows = as_arrow(raw, source, columns.columns())
    return in_memory(rows.append_column(READ_ROW, pa.array(np.arange(len(rows)))))


def _nothing(kind: str) -> Cells:
    return Cells(ibis.null(kind), ibis.null("string"))


def _event_type(table: ibis.Table, source: str, columns: ColumnMap, events: EventOptions) -> Cells:
    if columns.event_type is None:
        return Cells(ibis.literal(events.event_type_of(columns)), ibis.null("string"))
    column = table[columns.event_type]
    given = column.cast("string") if column.type().is_boolean() else _id_text(column, source, columns.event_type)
    meant = given
    if columns.event_type_map is not None:
        branches = [(given == value, meaning) for value, meaning in columns.event_type_map.items()]
        meant = ibis.cases(*branches, else_=ibis.null("string"))
    problems = ibis.cases(
        (given.isnull() | (given == ""), reasons.MISSING.format(c.EVENT_TYPE)),
        (meant.isnull(), reasons.NOT_IN_MAP),
        (meant.notin(list(events.event_types)), reasons.NOT_DECLARED),
        else_=ibis.null("string"),
    )
    return Cells(meant.coalesce(given), problems)  # a rejected row shows what the table said


def _id_text(column: ibis.Value, source: str, name: str) -> ibis.Value:
    return read_id(column, name, f"{source}[{name!r}]").values


def _place_in_order(position: Cells) -> Cells:
    """An order is enough: positions stand in for times, and have no earliest and latest."""
    whole = is_whole(position.values) | position.values.isnull() | (position.values.abs() >= EXACT_BELOW)
    return Cells(
        position.values.try_cast("int64"), whole.ifelse(ibis.null("string"), reasons.NOT_WHOLE.format(c.POSITION))
    )


def _within_limits(time: ibis.Value, events: EventOptions) -> Cells:
    problems = ibis.cases(
        (time.isnull(), reasons.NO_TIME),
        (time < microseconds(events.earliest), reasons.TOO_EARLY),
        (time >= microseconds(events.latest), reasons.TOO_LATE),
        else_=ibis.null("string"),
    )
    return Cells(time, problems)


def _position(table: ibis.Table, source: str, columns: ColumnMap) -> Cells:
    if columns.position is None:
        return Cells(table[READ_ROW].cast("float64"), ibis.null("string"))
    column = table[columns.position]
    read = read_number(column, f"{source}[{columns.position!r}]")
    problems = ibis.cases(
        (read.values.isnull(), reasons.NO_POSITION),
        (~is_exact(read.values, exact_below(column.type())), reasons.INEXACT.format(c.POSITION)),
        else_=ibis.null("string"),
    )
    return Cells(read.values, problems)


def _value(table: ibis.Table, source: str, columns: ColumnMap) -> Cells:
    if columns.value is None:
        return _nothing("float64")
    return read_number(table[columns.value], f"{source}[{columns.value!r}]", columns.value_decimal)


def _session(table: ibis.Table, source: str, columns: ColumnMap) -> Cells:
    if columns.session_id is None:
        return _nothing("string")
    column = table[columns.session_id]
    if column.type().is_temporal() or column.type().is_boolean():
        return Cells(column.cast("string"), ibis.null("string"))
    read = read_id(column, c.SESSION_ID, f"{source}[{columns.session_id!r}]")
    given = read.problems != reasons.MISSING.format(c.SESSION_ID)  # an event need not belong to a session
    return Cells(read.values, given.ifelse(read.problems, ibis.null("string")))
