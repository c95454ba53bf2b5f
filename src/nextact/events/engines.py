"""What engines do not do alike: take in Arrow tables, keep results, and number rows in the order they are read in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import numpy as np
import pyarrow as pa

from nextact.events.mapped import mapped_arrays

SPARK = "pyspark"
DUCKDB = "duckdb"
BATCH_ROWS = 500_000


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
    Spark's choice. DuckDB counts rows with one thread, and all that comes of them with the same one; so its rows are
    kept first, in their order, and then have numbers.
    """
    if prefers_codes(table) and not any(kind.is_interval() for kind in table.schema().values()):  # cannot be kept
        kept = keep(table)
        return kept.mutate(**{name: kept.rowid()})
    return table.mutate(**{name: row_number(table)})


def row_number(table: ibis.Table) -> ibis.Value:
    """The number that :func:`number_rows` gives, for one query."""
    if {backend.name for backend in table._find_backends()[0]} != {SPARK}:
        return ibis.row_number().cast("int64")
    return ibis.row_number().over(ibis.window(order_by=monotonically_increasing_id())).cast("int64")
