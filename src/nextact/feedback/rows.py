"""A raw feedback table in the contract's columns, every row with what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

import ibis

from nextact.events import columns as c
from nextact.events.reading import Cells, read_id, read_number, read_time
from nextact.events.source_rows import rejected_cells
from nextact.events.tables import as_table
from nextact.events.units import DATED, SENSIBLE, sensible, too_small
from nextact.feedback import columns as f
from nextact.feedback.contract import FEEDBACK, SCHEMA, FeedbackOptions

NO_RANK = "rank is not a whole number"
LOW_RANK = "rank is below 1"
NO_SHOWN_AT = "shown_at is missing or unreadable"
ODD_SHOWN_AT = "shown_at is outside 1970 to 2100, or in another unit"
UNDECLARED = "outcome is not a declared event type"
NO_RESPONDED_AT = "responded_at is unreadable"
ODD_RESPONDED_AT = "responded_at is outside 1970 to 2100, or in another unit"
NO_PROPENSITY = "propensity is unreadable"
ODD_PROPENSITY = "propensity is outside (0, 1]"
NO_OUTCOME = "responded_at without an outcome"
TOO_SOON = "responded_at is before shown_at"


def to_contract(raw: object, options: FeedbackOptions, event_types: Sequence[str]) -> ibis.Table:
    """Every row of a raw table, with nulls where nothing is logged or a cell cannot be read.

    Args:
        raw: One row per shown item; an Ibis table or a frame.
        options: Where it keeps what.
        event_types: Declared behaviours; an outcome must be one of them.

    Returns:
        The columns of :data:`~nextact.feedback.contract.SCHEMA`, times in microseconds since 1970 UTC, an empty
        outcome as null, ``rejected_reason``: the first that applies in the order above, null where none does, and
        ``rejected_cells``: ranks, times and propensities that are wrong, as the table writes them.

    Raises:
        NextactError: If a mapped column is missing, or its type cannot hold what it is mapped to.
    """
    table = as_table(raw, FEEDBACK, options.columns())
    table = table.mutate(**{c.SOURCE_ROW: ibis.row_number().cast("int64")})
    read = {
        c.USER_ID: read_id(table[options.user_id], c.USER_ID, _place(options.user_id)),
        c.ITEM_ID: read_id(table[options.item_id], c.ITEM_ID, _place(options.item_id)),
        f.RANK: _rank(table[options.rank], _place(options.rank)),
        f.SHOWN_AT: _time(table, options.shown_at, options, NO_SHOWN_AT, ODD_SHOWN_AT),
        f.OUTCOME: _outcome(table[options.outcome], options, event_types),
        f.RESPONDED_AT: _responded_at(table, options),
        f.PROPENSITY: _propensity(table, options),
    }
    texts = {name: _text(table, options.columns()[name]) for name in (f.RUN_ID, f.MODEL, f.SLOT, f.REQUEST_ID)}
    values = {name: cells.values for name, cells in read.items()} | texts
    reason = ibis.coalesce(*(cells.problems for cells in read.values()))
    mapped = {name: options.columns()[name] for name in (f.RANK, f.SHOWN_AT, f.RESPONDED_AT, f.PROPENSITY)}
    written = rejected_cells({name: (read[name], table[column]) for name, column in mapped.items() if column})
    rows = table.select(
        **{c.SOURCE_ROW: table[c.SOURCE_ROW], **values, c.REJECTED_REASON: reason, c.REJECTED_CELLS: written}
    )
    return _mark_contradictions(rows).select(*SCHEMA, c.REJECTED_REASON, c.REJECTED_CELLS)


def _mark_contradictions(rows: ibis.Table) -> ibis.Table:
    responded_at, nothing = rows[f.RESPONDED_AT], ibis.null("string")
    between = ibis.cases(
        (responded_at.notnull() & rows[f.OUTCOME].isnull(), NO_OUTCOME),
        ((responded_at < rows[f.SHOWN_AT]).fill_null(False), TOO_SOON),
        else_=nothing,
    )
    return rows.mutate(**{c.REJECTED_REASON: rows[c.REJECTED_REASON].coalesce(between)})


def _place(column: str) -> str:
    return f"{FEEDBACK}[{column!r}]"


def _rank(column: ibis.Value, place: str) -> Cells:
    number = read_number(column, place).values
    whole = (number == number.floor()).fill_null(False)
    problems = ibis.cases((~whole, NO_RANK), (number < 1, LOW_RANK), else_=ibis.null("string"))
    return Cells(whole.ifelse(number, ibis.null("float64")).try_cast("int64"), problems)


def _time(table: ibis.Table, column: str, options: FeedbackOptions, missing: str, odd: str) -> Cells:
    time = read_time(table[column], options.timestamp_unit, options.timezone, _place(column)).values
    is_odd = (time < 0) | (time >= SENSIBLE[1])
    small = too_small(time, options.timestamp_unit)
    if (small | sensible(time)).cast("float64").mean().fill_null(0.0).execute() >= DATED:
        is_odd = is_odd | small
    return Cells(time, ibis.cases((time.isnull(), missing), (is_odd, odd), else_=ibis.null("string")))


def _outcome(column: ibis.Value, options: FeedbackOptions, event_types: Sequence[str]) -> Cells:
    text = read_id(column, f.OUTCOME, _place(options.outcome)).values.nullif("")
    undeclared = text.notnull() & text.notin(list(event_types))
    return Cells(text, undeclared.ifelse(UNDECLARED, ibis.null("string")))


def _responded_at(table: ibis.Table, options: FeedbackOptions) -> Cells:
    column = options.responded_at
    if column is None or _is_empty(table[column]):  # where nobody responded, a file has no type for the times
        return Cells(ibis.null("int64"), ibis.null("string"))
    read = _time(table, column, options, NO_RESPONDED_AT, ODD_RESPONDED_AT)
    return Cells(read.values, _given(table[column]).ifelse(read.problems, ibis.null("string")))


def _propensity(table: ibis.Table, options: FeedbackOptions) -> Cells:
    if options.propensity is None:
        return Cells(ibis.null("float64"), ibis.null("string"))
    column = table[options.propensity]
    number = read_number(column, _place(options.propensity)).values
    problems = ibis.cases(
        (number.isnull() & _given(column), NO_PROPENSITY),
        ((number <= 0) | (number > 1), ODD_PROPENSITY),
        else_=ibis.null("string"),
    )
    return Cells(number, problems)


def _text(table: ibis.Table, column: str | None) -> ibis.Value:
    return ibis.null("string") if column is None else read_id(table[column], column, _place(column)).values.nullif("")


def _given(column: ibis.Value) -> ibis.Value:
    """Whether a cell holds anything; NaN and empty text count as nothing."""
    if column.type().is_floating():
        return column.notnull() & ~column.isnan().fill_null(False)
    return column.notnull() & (column.strip() != "") if column.type().is_string() else column.notnull()


def _is_empty(column: ibis.Value) -> bool:
    return column.type().is_string() and not bool(_given(column).any().fill_null(False).execute())
