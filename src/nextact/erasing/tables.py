"""Rows of one user in Parquet files, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nextact.erasing.changes import Change, Erased, stage
from nextact.events import columns as c
from nextact.stored import each_read, reading

POSITIONS = ("history_end", "target_end")  # columns that hold positions in the arrays of histories


def stage_table(dataset: str, file: Path, whom: Erased) -> Iterator[Change]:
    """Write a file anew without a user's rows, known by id or else by index; nothing where it tells nothing of them."""
    names = _schema(file).names
    n_rows = sum(batch.num_rows - _rest(batch, whom).num_rows for batch in _batches(file, _naming(names)))
    moves = whom.n_events and c.USER_INDEX in names and any(name in names for name in POSITIONS)
    if n_rows or moves:
        yield stage(dataset, file, n_rows, partial(_write, file, whom))


def count_text(file: Path, text: str) -> int:
    """Cells of a file that are this text, in columns of text and in that of the user."""
    found = 0
    for name in [one.name for one in _schema(file) if _is_text(one.type) or one.name == c.USER_ID]:
        for batch in _batches(file, [name]):
            found += pc.sum(pc.equal(batch.column(0).cast(pa.string()), text)).as_py() or 0
    return found


def _naming(names: list[str]) -> list[str]:
    """The column by which a table knows its users, if any."""
    return next(([name] for name in (c.USER_ID, c.USER_INDEX) if name in names), [])


def _rest(batch: pa.RecordBatch, whom: Erased) -> pa.RecordBatch:
    """The rows of others, and those of nobody."""
    names = batch.schema.names
    if c.USER_ID in names:
        others = pc.not_equal(batch[c.USER_ID].cast(pa.string()), whom.user_id)
    elif c.USER_INDEX in names and whom.user_index is not None:
        others = pc.not_equal(batch[c.USER_INDEX], whom.user_index)
    else:
        return batch
    return batch.filter(pc.fill_null(others, True))


def _write(file: Path, whom: Erased, target: Path) -> None:
    schema = _schema(file)
    with pq.ParquetWriter(target, schema, compression=_compression(file)) as writer:
        for batch in _batches(file, None):
            rest = _rest(batch, whom)
            if c.USER_INDEX in schema.names:
                rest = _moved(rest, whom)
            writer.write_batch(rest)


def _moved(batch: pa.RecordBatch, whom: Erased) -> pa.RecordBatch:
    for at, field in enumerate(batch.schema):
        if field.name in POSITIONS:
            moved = whom.moved(batch.column(at).to_numpy(zero_copy_only=False))
            batch = batch.set_column(at, field, pa.array(moved, field.type))
    return batch


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _batches(file: Path, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    if columns == []:
        return
    with reading(file):
        opened = pq.ParquetFile(file)
    with opened:
        yield from each_read(file, opened.iter_batches(columns=columns))


def _schema(file: Path) -> pa.Schema:
    with reading(file):
        return pq.read_schema(file)


def _compression(file: Path) -> str:
    with pq.ParquetFile(file) as opened:
        groups = opened.metadata
        if groups.num_row_groups and groups.num_columns:
            return str(groups.row_group(0).column(0).compression)
    return "SNAPPY"
