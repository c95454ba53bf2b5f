"""Rows of an item table, brought into the order of the catalogue by way of the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from nextact.processes.scratch import scratch_folder
from nextact.text.cleaning.corpus import ROWS_AT_ONCE

_MOST_FILES = 256  # open at once
_PLACE = "place of the row"


def in_catalogue_order(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, ids: pd.Series, id_column: str
) -> Iterator[pa.Table]:
    """The row of each item of the catalogue, all null where there is none.

    Rows are dealt out to files by their place in the catalogue, and then put in order file by file, so that memory
    holds the ids and a part of the rows, whatever the order in which they come.

    Args:
        batches: Rows in any order; those of other items are left out.
        schema: Of the batches.
        ids: The catalogue, each id once.
        id_column: Column of the id in the batches.

    Returns:
        Tables of the columns of the batches, one after the other.
    """
    size = max(ROWS_AT_ONCE, -(-len(ids) // _MOST_FILES))
    with scratch_folder("items") as folder:
        files = [folder / str(number) for number in range(-(-len(ids) // size))]
        _deal(batches, schema.append(pa.field(_PLACE, pa.int64())), pd.Index(ids, dtype=object), id_column, files, size)
        for number, file in enumerate(files):
            start = number * size
            yield _ordered(file, start, min(size, len(ids) - start))


def _deal(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, ids: pd.Index, id_column: str, files: list[Path], size: int
) -> None:
    with ExitStack() as opened:
        writers = [opened.enter_context(pa.ipc.new_stream(str(file), schema)) for file in files]
        for batch in batches:
            places = ids.get_indexer(pd.Index(batch.column(id_column).to_pylist(), dtype=object))
            table = pa.table([*batch.columns, pa.array(places, pa.int64())], schema=schema)
            for number, rows in _by_file(places, size):
                writers[number].write_table(table.take(pa.array(rows)))


def _by_file(places: NDArray[np.intp], size: int) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Number of each file and the rows that go there; a row without a place (-1) goes nowhere."""
    order = np.argsort(places, kind="stable")
    order = order[places[order] >= 0]
    numbers = places[order] // size
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else []:
        yield int(places[rows[0]] // size), rows


def _ordered(file: Path, start: int, n_rows: int) -> pa.Table:
    with pa.ipc.open_stream(str(file)) as reader:
        table = reader.read_all()
    rows = np.full(n_rows, -1)
    rows[table.column(_PLACE).to_numpy() - start] = np.arange(len(table))
    return table.drop_columns([_PLACE]).take(pa.array(rows, mask=rows < 0))
