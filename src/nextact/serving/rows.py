"""The contract's rules for the rows of a request, translated once for each shape of request."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from nextact.events import columns as c
from nextact.events import reasons
from nextact.events.cleaning import mark, mark_repeats
from nextact.events.contract import EventOptions, TimestampUnit
from nextact.events.moments import NOW, microseconds
from nextact.events.source_rows import to_contract
from nextact.events.steps import add_steps
from nextact.events.tables import as_arrow
from nextact.events.units import SENSIBLE, too_small
from nextact.serving.package import Manifest

HISTORY = "history"  # the request's table in messages
NEVER = "9999-12-31"


class RowReader:
    """Reads rows as the batch line reads raw events; safe to share between threads.

    The expressions are the batch line's own. On the few rows of a request Ibis takes far longer to translate them than
    DuckDB to run them, so the translation is kept for each set of columns and types.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._database = ibis.duckdb.connect()  # in memory, of this reader alone
        self._queries: dict[pa.Schema, str] = {}
        self._lock = threading.Lock()

    def read(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows in the contract's columns with their step; ``source_row`` is the row of the frame.

        Returns:
            Ordered by step, then by time and position: oldest first within a user.

        Raises:
            NextactError: If a column has the wrong type.
        """
        arrow = as_arrow(frame, HISTORY)
        cursor = self._database.con.cursor()  # a connection of its own, so that threads do not share one
        try:
            cursor.register(HISTORY, arrow)
            rows: pd.DataFrame = cursor.execute(self._query(arrow.schema)).to_arrow_table().to_pandas()
        finally:
            cursor.close()
        return self._mark_later_than_now(rows)

    def _query(self, schema: pa.Schema) -> str:
        with self._lock:
            if schema not in self._queries:
                self._queries[schema] = self._translate(schema)
            return self._queries[schema]

    def _translate(self, schema: pa.Schema) -> str:
        table = ibis.table(ibis.Schema.from_pyarrow(schema), name=HISTORY)
        options = _contract(table.schema(), self.manifest)
        events = self._mark_other_unit(to_contract(table, HISTORY, options, options), options)
        if self.manifest.repeat_columns:
            events = mark_repeats(events, self.manifest.repeat_columns)
        in_order = add_steps(events, self.manifest.steps).order_by([c.STEP, c.TIMESTAMP, c.POSITION, c.SOURCE_ROW])
        return str(ibis.to_sql(in_order, dialect="duckdb"))

    def _mark_other_unit(self, events: ibis.Table, options: EventOptions) -> ibis.Table:
        """Seconds where microseconds are read, for example; a model of a log without dates takes them as they are."""
        if self.manifest.newest is None or microseconds(self.manifest.newest) < SENSIBLE[0]:
            return events
        limits = microseconds(options.earliest), microseconds(options.latest)
        return mark(events, too_small(events[c.TIMESTAMP], options.timestamp_unit, *limits), reasons.OTHER_UNIT)

    def _mark_later_than_now(self, rows: pd.DataFrame) -> pd.DataFrame:
        """A limit that moves with the clock does not stand in a query that is kept."""
        if self.manifest.latest != NOW or not self.manifest.has_times:
            return rows
        late = (rows[c.TIMESTAMP] >= microseconds(NOW)) & rows[c.REJECTED_REASON].isna()
        return rows.assign(**{c.REJECTED_REASON: rows[c.REJECTED_REASON].mask(late, reasons.TOO_LATE)})


def _contract(schema: Mapping[str, Any], manifest: Manifest) -> EventOptions:
    """The contract under Nextact's own column names, as far as the request has them."""

    def given(name: str) -> str | None:
        return name if name in schema else None

    return EventOptions(
        event_type=given(c.EVENT_TYPE),
        event_types=manifest.event_types,
        timestamp=c.TIMESTAMP if manifest.has_times else None,
        timestamp_unit=_unit(schema[c.TIMESTAMP]),
        position=given(c.POSITION) if manifest.has_times else c.TIMESTAMP,
        session_id=given(c.SESSION_ID),
        value=given(c.VALUE),
        earliest=manifest.earliest,
        latest=NEVER if manifest.latest == NOW else manifest.latest,
    )


def _unit(kind: Any) -> TimestampUnit:
    if kind.is_numeric():
        return "us"
    return "iso" if kind.is_string() else "native"
