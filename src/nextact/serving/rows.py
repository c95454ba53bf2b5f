"""The contract's rules for the rows of a request, translated once for each shape of request."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from nextact.events import columns as c
from nextact.events import reasons
from nextact.events.cleaning import mark, mark_repeats
from nextact.events.contract import ColumnMap, EventOptions
from nextact.events.moments import DAY, NOW, microseconds
from nextact.events.source_rows import to_contract
from nextact.events.steps import add_steps
from nextact.events.tables import as_arrow
from nextact.events.units import SENSIBLE, too_small
from nextact.serving.package import Manifest
from nextact.serving.request_columns import HISTORY, RequestColumns, request_columns

NEVER = "9999-12-31"
BEYOND_THE_LOG = "timestamp is far outside the log"  # of a request alone
FAR_SPANS, FAR_DAYS = 3, 3 * 366  # beyond the log by more than both, a time is a mistake

Shape = tuple[tuple[str, ColumnMap, pa.Schema], ...]


@dataclass(frozen=True, eq=False)
class ReadRows:
    """Rows of a request as the contract reads them.

    Attributes:
        events: The contract's columns with their step; ``source_row`` is the place in the request. Ordered by step,
            then by time and position: oldest first within a user.
        columns: Source -> how its rows were read.
        source: object [rows of the request], whose they are.
        is_event: bool [rows of the request]; False where nothing but the user is said.
    """

    events: pd.DataFrame
    columns: dict[str, RequestColumns]
    source: NDArray[np.object_]
    is_event: NDArray[np.bool_]

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that say nothing to the model."""
        return tuple(dict.fromkeys(name for one in self.columns.values() for name in one.ignored))


class RowReader:
    """Reads rows as the batch line reads raw events; safe to share between threads.

    The expressions are the batch line's own. On the few rows of a request Ibis takes far longer to translate them than
    DuckDB to run them, so the translation is kept for each set of columns and types.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._database = ibis.duckdb.connect()  # in memory, of this reader alone
        self._queries: dict[tuple[tuple[str, str, pa.Schema], ...], str] = {}
        self._lock = threading.Lock()

    def read(self, frame: pd.DataFrame) -> ReadRows:
        """Rows in the contract's columns.

        Args:
            frame: At least one row, with a plain index.

        Raises:
            NextactError: If a column is missing or has the wrong type.
        """
        columns = request_columns(frame, self.manifest.events)
        named = len(columns) > 1 or (c.SOURCE in frame and bool(self.manifest.events.sources))
        source = frame[c.SOURCE].to_numpy(object) if named else np.full(len(frame), next(iter(columns)), dtype=object)
        rows = {name: np.flatnonzero(source == name) for name in columns}
        tables = {name: as_arrow(frame.iloc[rows[name]][_used(found.map)], HISTORY) for name, found in columns.items()}
        cursor = self._database.con.cursor()  # a connection of its own, so that threads do not share one
        try:
            for place, arrow in enumerate(tables.values()):
                cursor.register(_table(place), arrow)
            shape = tuple((name, columns[name].map, arrow.schema) for name, arrow in tables.items())
            read: pd.DataFrame = cursor.execute(self._query(shape)).to_arrow_table().to_pandas()
        finally:
            cursor.close()
        of_source = read[c.SOURCE].to_numpy(object)
        for name, places in rows.items():
            here = of_source == name
            read.loc[here, c.SOURCE_ROW] = places[read.loc[here, c.SOURCE_ROW].to_numpy(np.int64)]
        return ReadRows(self._mark_later_than_now(read), columns, source, _are_events(frame, columns))

    def _query(self, shape: Shape) -> str:
        key = tuple((source, repr(columns), schema) for source, columns, schema in shape)
        with self._lock:
            if key not in self._queries:
                self._queries[key] = self._translate(shape)
            return self._queries[key]

    def _translate(self, shape: Shape) -> str:
        events = self.manifest.events
        limits = replace(events, latest=NEVER if events.latest == NOW else events.latest)
        parts = []
        for place, (source, columns, schema) in enumerate(shape):
            table = ibis.table(ibis.Schema.from_pyarrow(schema), name=_table(place))
            part = to_contract(table, HISTORY, columns, limits).mutate(**{c.SOURCE: ibis.literal(source)})
            parts.append(self._mark_beyond_the_log(self._mark_other_unit(part, columns, limits)))
        rows = ibis.union(*parts) if len(parts) > 1 else parts[0]
        if events.repeat_columns:
            rows = mark_repeats(rows, events.repeat_columns)
        in_order = add_steps(rows, self.manifest.steps).order_by([c.STEP, c.TIMESTAMP, c.POSITION, c.SOURCE_ROW])
        return str(ibis.to_sql(in_order, dialect="duckdb"))

    def _mark_other_unit(self, rows: ibis.Table, columns: ColumnMap, limits: EventOptions) -> ibis.Table:
        """Seconds where microseconds are read, for example; a model of a log without dates takes them as they are."""
        if self.manifest.newest is None or microseconds(self.manifest.newest) < SENSIBLE[0]:
            return rows
        bounds = microseconds(limits.earliest), microseconds(limits.latest)
        return mark(rows, too_small(rows[c.TIMESTAMP], columns.timestamp_unit, *bounds), reasons.OTHER_UNIT)

    def _mark_beyond_the_log(self, rows: ibis.Table) -> ibis.Table:
        if self.manifest.newest is None or self.manifest.oldest is None:
            return rows
        oldest, newest = microseconds(self.manifest.oldest), microseconds(self.manifest.newest)
        far, time = max(FAR_SPANS * (newest - oldest), FAR_DAYS * DAY), rows[c.TIMESTAMP]
        return mark(rows, (time < oldest - far) | (time > newest + far), BEYOND_THE_LOG)

    def _mark_later_than_now(self, rows: pd.DataFrame) -> pd.DataFrame:
        """A limit that moves with the clock does not stand in a query that is kept."""
        if self.manifest.events.latest != NOW or not self.manifest.has_times:
            return rows
        late = (rows[c.TIMESTAMP] >= microseconds(NOW)) & rows[c.REJECTED_REASON].isna()
        return rows.assign(**{c.REJECTED_REASON: rows[c.REJECTED_REASON].mask(late, reasons.TOO_LATE)})


def _used(columns: ColumnMap) -> list[str]:
    return list(dict.fromkeys(name for name in columns.columns().values() if name))


def _table(place: int) -> str:
    return f"{HISTORY}_{place}"


def _are_events(frame: pd.DataFrame, columns: Mapping[str, RequestColumns]) -> NDArray[np.bool_]:
    names = {name for one in columns.values() for name in _used(one.map) if name != one.map.user_id}
    found: NDArray[np.bool_] = frame[sorted(names)].notna().any(axis=1).to_numpy(bool)
    return found
