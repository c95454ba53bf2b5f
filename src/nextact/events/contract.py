"""The contract: where users' own tables keep what it asks for, and which of their rows are accepted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field, fields
from itertools import combinations
from typing import Any, Literal

from nextact.errors import NextactError, suggest
from nextact.events import columns as c
from nextact.events.amounts import Decimal
from nextact.events.clock_text import require_formats
from nextact.events.moments import require_moment
from nextact.events.tables import RAW_EVENTS, as_table, require_columns
from nextact.events.timezones import require_timezone
from nextact.options import Count, OptionsError, Share, options

__all__ = ["ColumnMap", "EventOptions", "TimestampUnit", "as_table", "raw_sources", "require_columns"]

TimestampUnit = Literal["s", "ms", "us", "iso", "native"]
MAPPED_COLUMNS = ("user_id", "item_id", "event_type", "timestamp", "value", "session_id", "position")
MOST_EVENT_TYPES = 127  # their codes are 8 bits wide in the histories
MAY_SHARE = {  # options that may name one column: users without a name, a basket a moment, ratings as behaviours
    frozenset(pair)
    for pair in (
        ("user_id", "session_id"),
        ("timestamp", "session_id"),
        ("timestamp", "position"),
        ("session_id", "position"),
        ("event_type", "value"),
    )
}
REPEAT_COLUMNS = (c.USER_ID, c.ITEM_ID, c.EVENT_TYPE, c.TIMESTAMP, c.SESSION_ID)


@options
class ColumnMap:
    """Where one raw table keeps what the contract asks for.

    Attributes:
        user_id: Column of the user; where nobody is known, of the session or playlist.
        item_id: Column of the item.
        event_type: Column of the behaviour; ``None`` where the table holds one behaviour only.
        event_type_value: The one behaviour of the table where ``event_type`` is ``None``.
        event_type_map: What the column says -> declared behaviour; other values are rejected. ``None`` takes the column
            as it is.
        timestamp: Column of the time; ``None`` where there is only an order: ``position``, else that of the rows.
        timestamp_unit: ``s``, ``ms``, ``us`` since 1970 UTC, ``iso`` text, or ``native`` for a time type.
        timestamp_format: How text writes times, as ``strptime`` does (``"%d.%m.%Y %H:%M"``), where it is not ISO. Of
            several the first that fits a cell is taken; ``iso`` may be one of them.
        timezone: IANA zone of times that name no offset themselves; numbers are UTC.
        value: Column of an amount, price or rating, if any.
        value_decimal: The sign before the fraction, ``.`` or ``,``, of amounts that people wrote: ``1.234,50 €``. The
            other one may group thousands, currencies are passed over. ``None`` for plain numbers.
        session_id: Column of a session or basket id, if any.
        position: Column that orders events at one moment; rows keep their order in the table without it.
    """

    user_id: str = c.USER_ID
    item_id: str = c.ITEM_ID
    event_type: str | None = None
    event_type_value: str | None = None
    event_type_map: dict[str, str] | None = None
    timestamp: str | None = c.TIMESTAMP
    timestamp_unit: TimestampUnit = "native"
    timestamp_format: str | tuple[str, ...] | None = None
    timezone: str = "UTC"
    value: str | None = None
    value_decimal: Decimal | None = None
    session_id: str | None = None
    position: str | None = None

    def __post_init__(self) -> None:
        require_timezone(self.timezone)
        if self.formats is not None:
            require_formats(self.formats)
            if self.timestamp_unit not in ("native", "iso"):
                raise ValueError(
                    f"timestamp_format reads text, timestamp_unit {self.timestamp_unit!r} numbers; state one of them"
                )

    @property
    def formats(self) -> tuple[str, ...] | None:
        """Formats of text, in the order in which they are tried."""
        return (self.timestamp_format,) if isinstance(self.timestamp_format, str) else self.timestamp_format

    def columns(self) -> dict[str, str | None]:
        """Option name -> raw column, ``None`` where it is not mapped."""
        return {name: getattr(self, name) for name in MAPPED_COLUMNS}


@options
class EventOptions(ColumnMap):
    """The columns of the raw table, or what its sources have in common, and which rows are accepted.

    Attributes:
        event_types: Behaviours of the project in a fixed order, at most 127; other values are rejected.
            With ``event_type: null`` and one name here, that is the behaviour of every row.
        sources: Name of a table -> the options of :class:`ColumnMap` in which it differs; none where ``raw_events`` is
            a single table.
        repeat_columns: Contract columns in which a row must differ from all earlier ones; with none, repeats stay.
        max_events_per_day: Users with more accepted events on one day (UTC) are rejected as a whole; ``None`` for no
            limit.
        earliest: Times before this ISO date are rejected.
        latest: Times from this ISO date on are rejected; ``now`` is the moment of the run.
        unknown_items: ``reject`` events of items that are not in the item table, or ``keep`` them.
        stop_above_rejected_share: The run stops when a larger share of the rows is rejected, in [0, 1].
    """

    event_types: tuple[str, ...] = ("interaction",)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeat_columns: tuple[str, ...] = REPEAT_COLUMNS
    max_events_per_day: Count | None = None
    earliest: str = "1970-01-01"
    latest: str = "now"
    unknown_items: Literal["keep", "reject"] = "keep"
    stop_above_rejected_share: Share = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.event_types or len(set(self.event_types)) != len(self.event_types):
            raise ValueError(f"event_types must be distinct names, got {self.event_types!r}")
        if len(self.event_types) > MOST_EVENT_TYPES:
            raise ValueError(
                f"event_types must be at most {MOST_EVENT_TYPES} names, got {len(self.event_types)}; "
                "event_type_map makes one behaviour of several values"
            )
        for name in ("earliest", "latest"):
            require_moment(name, getattr(self, name))
        _require_known(self.repeat_columns, [*MAPPED_COLUMNS, c.SOURCE], "repeat_columns")
        for source, columns in self.column_maps().items():
            self._check_event_type(source, columns)
            require_own_columns(source, columns.columns(), MAY_SHARE)
        self._check_times()

    @property
    def has_times(self) -> bool:
        """Whether events have times, or only an order."""
        return all(columns.timestamp is not None for columns in self.column_maps().values())

    @property
    def has_positions(self) -> bool:
        """Whether any source maps a position."""
        return any(columns.position is not None for columns in self.column_maps().values())

    @property
    def row_order(self) -> tuple[str, ...]:
        """Columns that order the rows of one moment, as few as do: where one table maps no position, it is the row."""
        if len(self.column_maps()) > 1:
            return (c.POSITION, c.SOURCE, c.SOURCE_ROW)
        return (c.POSITION, c.SOURCE_ROW) if self.has_positions else (c.SOURCE_ROW,)

    def column_maps(self) -> dict[str, ColumnMap]:
        """Source name -> where its table keeps what; ``raw_events`` where there is a single table."""
        common = {one.name: getattr(self, one.name) for one in fields(ColumnMap)}
        if not self.sources:
            return {RAW_EVENTS: ColumnMap(**common)}
        for source, changes in self.sources.items():
            _require_known(changes, common, f"sources.{source}")
        return {source: _column_map(source, common | changes) for source, changes in self.sources.items()}

    def event_type_of(self, columns: ColumnMap) -> str:
        """The one behaviour of a table without a column for it."""
        return columns.event_type_value or self.event_types[0]

    def _check_event_type(self, source: str, columns: ColumnMap) -> None:
        if columns.event_type is None and columns.event_type_value is None and len(self.event_types) > 1:
            raise ValueError(
                f"{source}: event_type names no column, so event_type_value must name one of {list(self.event_types)}"
            )
        if columns.event_type is not None and columns.event_type_value is not None:
            raise ValueError(f"{source}: map event_type or state event_type_value, not both")
        if columns.event_type is None and columns.event_type_map is not None:
            raise ValueError(f"{source}: event_type_map needs event_type, the column it translates")
        if columns.event_type_value is not None:
            _require_known([columns.event_type_value], self.event_types, f"{source}: event_type_value")
        _require_known((columns.event_type_map or {}).values(), self.event_types, f"{source}: event_type_map")

    def _check_times(self) -> None:
        maps = self.column_maps()
        without = [source for source, columns in maps.items() if columns.timestamp is None]
        if without and len(without) < len(maps):
            raise ValueError(f"either all sources have times or none has; {', '.join(without)} map no timestamp")
        if without and self.max_events_per_day is not None:
            raise ValueError("max_events_per_day needs times: map a timestamp column")
        if len(without) > 1 and any(columns.position is None for columns in maps.values()):
            raise ValueError("several sources without times need a position each, to order events across them")


def raw_sources(raw_events: object, events: EventOptions) -> dict[str, object]:
    """The raw tables by source name, after a check that they are the ones declared.

    Raises:
        NextactError: If tables and ``events.sources`` do not match.
    """
    maps = events.column_maps()
    if not isinstance(raw_events, Mapping):
        if events.sources:
            raise NextactError(
                f"raw_events: events.sources names {', '.join(maps)}, but a single table was loaded; "
                "give the data catalog's entry the type nextact.datasets.sources.SourcesDataset"
            )
        return {RAW_EVENTS: raw_events}
    for source in raw_events:
        if source not in maps or not events.sources:
            raise NextactError(
                f"raw_events: nothing says which columns the table {source!r} keeps; add events.sources.{source}"
            )
    for source in maps:
        if source not in raw_events:
            raise NextactError(f"raw_events: no table {source!r} was loaded; {suggest(source, raw_events)}")
    return dict(raw_events)


def require_own_columns(
    place: str, mapped: Mapping[str, str | None], may_share: Collection[frozenset[str]] = ()
) -> None:
    """Raise where two options name one column, which could not be both.

    Args:
        place: Name of the table in messages.
        mapped: Option name -> raw column, ``None`` where it is not mapped.
        may_share: Pairs of options for which it makes sense.
    """
    for one, other in combinations((name for name, column in mapped.items() if column is not None), 2):
        if mapped[one] == mapped[other] and {one, other} not in may_share:
            raise ValueError(
                f"{place}: {one} and {other} both name the column {mapped[one]!r}; map each to a column of its own"
            )


def _column_map(source: str, columns: dict[str, Any]) -> ColumnMap:
    try:
        return ColumnMap(**columns)
    except OptionsError as error:
        raise ValueError(str(error).replace("ColumnMap.", f"sources.{source}.")) from error


def _require_known(names: Any, known: Any, place: str) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{place}: no {name!r}; {suggest(name, known)}")
