"""Rows of one user in Parquet files, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nextact.erasing.staged import Staged, stage
from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.stored import each_read, reading

POSITIONS = ("history_end", "target_end")  # columns that hold positions in the arrays of histories


def stage_table(name: str, place: Path, user_id: str) -> Iterator[Staged]:
    """Write the files of a table anew without a user's rows; nothing where it holds none, or does not exist.

    Args:
        name: The dataset in messages and receipts.
        place: A Parquet file, or a folder of them.
        user_id: As the table writes it.

    Raises:
        NextactError: If a file is no Parquet.
    """
    for file in parquet_files(name, place):
        n_rows = count_rows(file, user_id)
        if n_rows:
            yield stage(name, file, n_rows, partial(_write_without, file, user_id))


def stage_indexed(root: Path, user: int, n_events: int) -> Iterator[Staged]:
    """Write the tables anew that know users by ``user_index`` alone, wherever they are.

    The user's rows go, later users move up by one, and so do positions in the arrays of histories.

    Args:
        root: Folder of all data.
        user: Index of the user.
        n_events: Events of the user in the arrays.
    """
    for file in sorted(root.rglob("*.parquet")):
        names = _schema(file).names if file.is_file() else []
        if c.USER_INDEX in names and c.USER_ID not in names:
            n_rows = sum(pc.sum(pc.equal(batch[c.USER_INDEX], user)).as_py() or 0 for batch in _batches(file, names))
            yield stage(file.stem, file, n_rows, partial(_write_moved, file, user, n_events))


def parquet_files(name: str, place: Path) -> list[Path]:
    """The files of a table, none where it does not exist."""
    files = sorted(place.rglob("*.parquet")) if place.is_dir() else [place] if place.exists() else []
    for file in files:
        if file.suffix != ".parquet":
            raise NextactError(f"{name!r} is stored as {file.name}; only Parquet files can be rewritten without a user")
    return files


def count_rows(file: Path, user_id: str) -> int:
    """Rows of a user; 0 in a file without users."""
    if c.USER_ID not in _schema(file).names:
        return 0
    return sum(
        batch.num_rows - int(_others(batch, user_id).sum().as_py() or 0) for batch in _batches(file, [c.USER_ID])
    )


def count_by_split(place: Path, user_id: str) -> dict[str, int]:
    """Rows of a user in each split of the events."""
    counts: dict[str, int] = {}
    for file in parquet_files("events", place):
        for batch in _batches(file, [c.USER_ID, c.SPLIT]):
            for split in batch.filter(pc.invert(_others(batch, user_id)))[c.SPLIT].to_pylist():
                counts[split] = counts.get(split, 0) + 1
    return counts


def _write_without(file: Path, user_id: str, target: Path) -> None:
    with pq.ParquetWriter(target, _schema(file), compression=_compression(file)) as writer:
        for batch in _batches(file, None):
            writer.write_batch(batch.filter(_others(batch, user_id)))


def _write_moved(file: Path, user: int, n_events: int, target: Path) -> None:
    schema = _schema(file)
    with pq.ParquetWriter(target, schema, compression=_compression(file)) as writer:
        for batch in _batches(file, None):
            rest = batch.filter(pc.not_equal(batch[c.USER_INDEX], user))
            later = pc.greater(rest[c.USER_INDEX], user).cast(pa.int64())
            moves = {c.USER_INDEX: later} | {name: pc.multiply(later, n_events) for name in POSITIONS}
            columns = [
                pc.subtract(rest[field.name].cast(pa.int64()), moves[field.name]).cast(field.type)
                if field.name in moves
                else rest[field.name]
                for field in schema
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _others(batch: pa.RecordBatch, user_id: str) -> pa.BooleanArray:
    """Whether each row is of somebody else; rows without a user are."""
    users = batch[c.USER_ID].cast(pa.string())
    return pc.fill_null(pc.not_equal(users, user_id), True)


def _batches(file: Path, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
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
