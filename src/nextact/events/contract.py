"""From a user's own table to the columns of the contract; rows that cannot follow say why."""

from __future__ import annotations

from typing import Literal

import ibis

from nextact.errors import NextactError, TableError, suggest
from nextact.events import columns as c
from nextact.options import options

TimestampUnit = Literal["s", "ms", "us", "iso", "native"]
UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}


@options
class EventOptions:
    """Where a raw table keeps what the contract asks for.

    Attributes:
        user_id: Column of the user.
        item_id: Column of the item.
        event_type: Column of the behaviour; ``None`` where there is one behaviour only.
        event_types: Behaviours of the project in a fixed order; other values are rejected.
            With ``event_type: null`` it names the one behaviour.
        timestamp: Column of the time; ``None`` where only ``position`` orders events.
        timestamp_unit: ``s``, ``ms``, ``us`` since 1970 UTC, ``iso`` text, or ``native`` for a time type (UTC).
        value: Column of an amount, price or rating, if any.
        session_id: Column of a session or basket id, if any.
        position: Column that orders events at one moment; rows keep their order in the file without it.
        earliest: Times before this ISO date are rejected.
        latest: Times from this ISO date on are rejected.
        broken_share_limit: The run stops when a larger share of rows breaks the contract, in [0, 1].
    """

    user_id: str = c.USER_ID
    item_id: str = c.ITEM_ID
    event_type: str | None = None
    event_types: tuple[str, ...] = ("interaction",)
    timestamp: str | None = c.TIMESTAMP
    timestamp_unit: TimestampUnit = "native"
    value: str | None = None
    session_id: str | None = None
    position: str | None = None
    earliest: str = "1970-01-01"
    latest: str = "2200-01-01"
    broken_share_limit: float = 0.05

    def __post_init__(self) -> None:
        if not self.event_types or len(set(self.event_types)) != len(self.event_types):
            raise ValueError(f"event_types must be distinct names, got {self.event_types!r}")
        if self.event_type is None and len(self.event_types) != 1:
            raise ValueError("event_type names no column, so event_types must name exactly one behaviour")
        if self.timestamp is None and self.position is None:
            raise ValueError("name a timestamp column or, where there is only an order, a position column")
        if not 0 <= self.broken_share_limit <= 1:
            raise ValueError(f"broken_share_limit must be in [0, 1], got {self.broken_share_limit}")


def as_table(data: object) -> ibis.Table:
    """An Ibis table of whatever a catalog entry loads: Ibis, pandas, polars or Arrow."""
    return data if isinstance(data, ibis.Table) else ibis.memtable(data)


def require_columns(table: ibis.Table, wanted: dict[str, str | None], place: str) -> None:
    """Raise unless every mapped column is there.

    Args:
        table: The raw table.
        wanted: Option name -> column it maps to (``None`` where it is not mapped).
        place: Name of the table in messages.

    Raises:
        NextactError: Naming the option, the missing column and its close match.
    """
    for option, column in wanted.items():
        if column is not None and column not in table.columns:
            raise NextactError(
                f"{place}: option {option!r} asks for column {column!r}, which is missing; "
                f"{suggest(column, table.columns)}"
            )


def to_contract(raw: ibis.Table, options: EventOptions) -> ibis.Table:
    """The contract's columns of every raw row, with nulls where a value cannot be read.

    Returns:
        One row per raw row: ``source_row`` (0-based), ``user_id``, ``item_id``, ``event_type`` (strings),
        ``timestamp`` (int64 microseconds since 1970 UTC, or null), ``position`` (float64), ``value`` (float64 or
        null), ``session_id`` (string or null). Ids keep their characters: leading zeros and spaces stay.

    Raises:
        NextactError: If a mapped column is missing or an id column holds fractions.
        TableError: If the table has no rows.
    """
    mapped = {name: getattr(options, name) for name in MAPPED_COLUMNS}
    require_columns(raw, mapped, "raw_events")
    numbered = raw.mutate(**{c.SOURCE_ROW: ibis.row_number()})
    constant = ibis.literal(options.event_types[0])
    return numbered.select(
        **{
            c.SOURCE_ROW: numbered[c.SOURCE_ROW],
            c.USER_ID: _id_text(numbered, options.user_id),
            c.ITEM_ID: _id_text(numbered, options.item_id),
            c.EVENT_TYPE: constant if options.event_type is None else numbered[options.event_type].cast("string"),
            c.TIMESTAMP: _microseconds(numbered, options),
            c.POSITION: _position(numbered, options),
            c.VALUE: _optional(numbered, options.value, "float64"),
            c.SESSION_ID: _optional(numbered, options.session_id, "string"),
        }
    )


MAPPED_COLUMNS = ("user_id", "item_id", "event_type", "timestamp", "value", "session_id", "position")


def _id_text(table: ibis.Table, column: str) -> ibis.Value:
    values = table[column]
    if values.type().is_floating():  # pandas turns integers with gaps into floats; 12.0 is the id "12"
        fractions = table.filter(values.isnan().fill_null(False) == False, values != values.floor())  # noqa: E712
        n_bad = fractions.count().execute()
        if n_bad:
            example = fractions[column].first().execute()
            raise TableError(f"raw_events[{column!r}]", "an id that is a fraction", int(n_bad), example)
        values = values.nullif(float("nan")).cast("int64")
    return values.cast("string")


def _microseconds(table: ibis.Table, options: EventOptions) -> ibis.Value:
    if options.timestamp is None:
        return _position(table, options).cast("int64")  # an order is enough: positions stand in for time
    values = table[options.timestamp]
    unit = options.timestamp_unit
    if unit in UNITS_PER_SECOND:
        if not values.type().is_numeric():
            values = values.try_cast("float64")
        return (values * (1_000_000 // UNITS_PER_SECOND[unit])).try_cast("int64")
    if unit == "native" and not (values.type().is_timestamp() or values.type().is_date()):
        raise NextactError(
            f"raw_events[{options.timestamp!r}] holds {values.type()}, not a time type; "
            "state timestamp_unit: s, ms, us or iso"
        )
    moments = values.try_cast("timestamp('UTC')") if unit == "iso" else values
    return moments.cast("timestamp").delta(ibis.timestamp("1970-01-01 00:00:00"), unit="microsecond")


def _position(table: ibis.Table, options: EventOptions) -> ibis.Value:
    if options.position is None:
        return table[c.SOURCE_ROW].cast("float64")
    return table[options.position].try_cast("float64")


def _optional(table: ibis.Table, column: str | None, kind: str) -> ibis.Value:
    return ibis.null(kind) if column is None else table[column].try_cast(kind)
