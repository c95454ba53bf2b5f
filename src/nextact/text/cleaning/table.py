"""The texts of a catalogue on disk, read a part at a time: no step needs all of them in memory."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nextact.errors import suggest
from nextact.processes.scratch import new_scratch_folder, remove_scratch_folder
from nextact.stored import StoredError, each_read, reading, writing, written_whole
from nextact.text.cleaning.corpus import ROWS_AT_ONCE, in_batches

FILE = "table.parquet"


class TextTable:
    """Rows of a catalogue in one Parquet file, in the order of the item index.

    A row group holds as many rows and characters as are read at once, so that memory holds a part of the texts however
    many there are.

    Args:
        path: The file.

    Example:
        >>> schema = pa.schema({"item_id": pa.string(), "tokens": pa.string()})
        >>> table = TextTable.write([("i1", "red wine"), ("i2", "")], schema)
        >>> len(table), list(table.texts("item_id")), list(table.tokens("tokens"))
        (2, ['i1', 'i2'], [['red', 'wine'], []])
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def write(cls, rows: Iterable[Sequence[Any]], schema: pa.Schema) -> Self:
        """A table in the folder for temporary files (``TMPDIR``), which goes when nothing refers to it any more.

        Args:
            rows: A value a column; read once, and never held beyond one batch.
            schema: Names and types.
        """
        folder = new_scratch_folder("texts")
        table = cls(folder / FILE)
        weakref.finalize(table, remove_scratch_folder, folder)
        with writing(table.path), pq.ParquetWriter(table.path, schema) as writer:
            for batch in in_batches(rows, _characters, ROWS_AT_ONCE):
                columns = [
                    pa.array(values, field.type) for values, field in zip(zip(*batch, strict=True), schema, strict=True)
                ]
                writer.write_batch(pa.record_batch(columns, schema=schema))
        return table

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Self:
        """A table of a frame, for what stands in memory anyway."""
        table = pa.Table.from_pandas(frame, preserve_index=False)
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        return cls.write(rows, table.schema.remove_metadata())

    def __copy__(self) -> Self:
        """The same handle: a table is never written again, and a temporary file goes with the last reference to it."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The same handle, as for a shallow copy."""
        return self

    def save(self, path: Path) -> None:
        """Copy the file beside the path and put it in place, so that a reader keeps what it has opened."""
        with written_whole(path) as beside:
            shutil.copyfile(self.path, beside)

    def __len__(self) -> int:
        return int(self._open().metadata.num_rows)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._open().schema_arrow.names)

    def batches(self, *names: str) -> Iterator[pa.RecordBatch]:
        """The columns named, a part of the rows at a time.

        Raises:
            StoredError: If there is no such column, or the file cannot be read.
        """
        file = self._open()
        for name in names:
            if name not in file.schema_arrow.names:
                raise StoredError(self.path, f"has no column {name!r}; {suggest(name, file.schema_arrow.names)}")
        parts = (
            batch
            for group in range(file.num_row_groups)
            for batch in file.iter_batches(ROWS_AT_ONCE, [group], list(names), use_threads=False)
        )
        yield from each_read(self.path, parts)

    def rows(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """The values of the columns named, row by row."""
        for batch in self.batches(*names):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def texts(self, name: str) -> TextColumn:
        """One column as a corpus of texts."""
        return TextColumn(self, name)

    def tokens(self, name: str) -> TokenColumn:
        """One column as a corpus of tokens, which blanks separate."""
        return TokenColumn(self, name)

    def take(self, places: Sequence[int], *names: str) -> list[tuple[Any, ...]]:
        """The values of the columns named in a few rows (0 is the first), in the order asked for."""
        wanted = dict.fromkeys(int(place) for place in places)
        found = {place: row for place, row in enumerate(self.rows(*names)) if place in wanted}
        return [found[int(place)] for place in places]

    def frame(self) -> pd.DataFrame:
        """All rows in memory, for a look at a catalogue that is not too large."""
        with reading(self.path):
            return pd.read_parquet(self.path)

    def _open(self) -> pq.ParquetFile:
        with reading(self.path):
            return pq.ParquetFile(self.path)


class TextColumn:
    """The texts of one column; a missing one is ``""``."""

    def __init__(self, table: TextTable, name: str) -> None:
        self._table, self._name = table, name

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[str]:
        for (text,) in self._table.rows(self._name):
            yield text or ""


class TokenColumn:
    """The tokens of one column, which are joined by blanks."""

    def __init__(self, table: TextTable, name: str) -> None:
        self._texts = table.texts(name)

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[list[str]]:
        for text in self._texts:
            yield text.split()


def _characters(row: Sequence[Any]) -> int:
    return sum(len(value) for value in row if isinstance(value, str))
