"""What engines do not do alike: take in Arrow tables, keep results, and number rows in the order they are read in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import numpy as np
import pyarrow as pa

from nextact.events.file_arrays import mapped_arrays

SPARK = "pyspark"
DUCKDB = "duckdb"
BATCH_ROWS = 500_000
VIEW_OF_FILE = (
    r"CREATE .*? AS SELECT \* FROM read_parquet\((?:(?:main\.)?list_value\(|\[)?'(?P<path>[^'*?\[]+)'[\])]*\);?\s*"
)


def in_memory(arrow: pa.Table) -> ibis.Table:
    """The table where the run's engine can query it as often as it likes.

    Ibis hands tables to Spark through pandas, which makes floats of whole numbers with gaps and does not tell NaN from
    null, and forgets them in ``.cache()``; so Spark gets Arrow itself.
    """
    engine = ibis.options.default_backend
    if engine is None or engine.name != SPARK:
        return ibis.memtable(arrow)
    schema = _spark_schema(ibis.Schema.from_pyarrow(arrow.schema))
    return _named(engine, _session().createDataFrame(arrow, schema=schema))


def keep(table: ibis.Table) -> ibis.Table:
    """The rows worked out now, and only once.

    Spark would note where they come from and append all that is asked later to one ever longer plan, so its own cache
    does not do: a local checkpoint cuts the plan. Its blocks lie with the workers; one that is lost ends the run.
    """
    engines, is_only_translated = table._find_backends()
    if is_only_translated:  # serving translates the expressions once, without rows
        return table
    if {engine.name for engine in engines} != {SPARK}:
        return table.cache()
    engines[0]._run_pre_execute_hooks(table)  # hands frames over; compiling alone does not
    frame = _session().sql(engines[0].compile(table))
    return _named(engines[0], frame.to(_spark_schema(table.schema())).localCheckpoint())


@contextmanager
def named(table: ibis.Table) -> Iterator[ibis.Table]:
    """The table under a short-lived name of DuckDB's: Ibis then puts a long expression into SQL once, not each time."""
    name = ibis.util.gen_name("nextact")
    engine: Any = (table._find_backends()[0] or [ibis.get_backend(table)])[0]
    engine._run_pre_execute_hooks(table)  # hands frames over; compiling alone does not
    engine.raw_sql(f'CREATE TEMPORARY VIEW "{name}" AS {engine.compile(table)}')
    try:
        yield engine.table(name)
    finally:
        engine.raw_sql(f'DROP VIEW "{name}"')


def prefers_codes(table: ibis.Table) -> bool:
    """Whether text is worth coding before rows are sorted: DuckDB keeps 16 bytes a text, and sorts them slowly.

    Spark shuffles rows to look codes up, which costs it more than it gains.
    """
    engines, is_only_translated = table._find_backends()
    names = {engine.name for engine in engines} or {getattr(ibis.options.default_backend, "name", DUCKDB)}
    return not is_only_translated and names == {DUCKDB}


def fingerprint(table: ibis.Table, names: Iterable[str]) -> ibis.Value:
    """A hash of these columns of each row, equal for equal rows; no two engines have the same."""
    row = ibis.struct({name: table[name] for name in names})
    return _hash(row) if prefers_codes(table) else row.hash()  # Ibis makes DuckDB's a signed number by way of text


@ibis.udf.scalar.builtin(name="hash")  # type: ignore[untyped-decorator, unused-ignore]
def _hash(row) -> dt.uint64:  # type: ignore[no-untyped-def]
    """DuckDB's hash of anything."""
    raise NotImplementedError("DuckDB works it out")


def repeated(table: ibis.Table, name: str) -> ibis.Table:
    """The values of a column of fingerprints that several rows have, each once.

    Where nearly every row has a value of its own, DuckDB groups five times as slowly as NumPy sorts. The values lie in
    a file without a name, so that they need not fit into memory.
    """
    if not prefers_codes(table):
        return table.group_by(name).aggregate(n=table.count()).filter(lambda t: t.n > 1)
    values = mapped_arrays(int(table.count().execute()), {name: np.uint64})[name]
    n = 0
    for batch in table.select(name).to_pyarrow_batches(chunk_size=BATCH_ROWS):
        values[n : n + len(batch)] = batch[name].to_numpy()
        n += len(batch)
    values.sort()
    found = np.unique(values[1:][values[1:] == values[:-1]])
    return in_memory(pa.table({name: found}))


def _session() -> Any:
    from pyspark.sql import SparkSession

    return SparkSession.builder.getOrCreate()


def _spark_schema(schema: ibis.Schema) -> Any:
    """Spark's own types, which a kept table has as well: to Ibis a row number is int64, to Spark int32."""
    from ibis.backends.pyspark.datatypes import PySparkSchema

    return PySparkSchema.from_ibis(schema)


def _named(engine: Any, frame: Any) -> ibis.Table:
    name = ibis.util.gen_name("nextact")
    frame.createOrReplaceTempView(name)
    return engine.table(name)


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator, unused-ignore]
def monotonically_increasing_id() -> int:
    """Spark's number of a row: grows with its partition, and within it with its place."""
    raise NotImplementedError("Spark works it out")


def number_rows(table: ibis.Table, name: str) -> ibis.Table:
    """The table with the 0-based place of each row in the order in which the engine reads it.

    Spark reads the partitions of a frame and the blocks of one file in order; where a table is many files, theirs is
    Spark's choice. DuckDB counts rows with one thread, and all that comes of them with the same one. A Parquet file
    knows the place of its rows; those of other tables are kept first, in their order, and then have numbers.
    """
    if not prefers_codes(table) or any(kind.is_interval() for kind in table.schema().values()):  # cannot be kept
        return table.mutate(**{name: row_number(table)})
    if (path := _parquet_file(table)) is not None:
        rows = table._find_backends()[0][0].read_parquet(path, file_row_number=True)
        return rows.select(*table.columns, **{name: rows["file_row_number"]})
    kept = keep(table)
    return kept.mutate(**{name: kept.rowid()})


def _parquet_file(table: ibis.Table) -> str | None:
    """The one Parquet file whose columns the table is, read by DuckDB as it lies; None where it is anything else."""
    op = table.op()
    if isinstance(op, ops.Project):
        names = [getattr(value, "name", None) for value in op.values.values()]
        if names != list(table.columns) or not all(isinstance(value, ops.Field) for value in op.values.values()):
            return None
        op = op.parent
    engines = table._find_backends()[0]
    if not isinstance(op, ops.DatabaseTable) or "file_row_number" in op.schema or len(engines) != 1:
        return None
    sql = "SELECT sql FROM duckdb_views() WHERE view_name = ? AND NOT internal"
    found = engines[0].con.execute(sql, [op.name]).fetchall()
    read = re.fullmatch(VIEW_OF_FILE, found[0][0], re.IGNORECASE | re.DOTALL) if len(found) == 1 else None
    return read["path"] if read and Path(read["path"]).is_file() else None


def row_number(table: ibis.Table) -> ibis.Value:
    """The number that :func:`number_rows` gives, for one query."""
    if {backend.name for backend in table._find_backends()[0]} != {SPARK}:
        return ibis.row_number().cast("int64")
    return ibis.row_number().over(ibis.window(order_by=monotonically_increasing_id())).cast("int64")
