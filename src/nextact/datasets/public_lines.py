"""Text files of public data sets, line by line; a line that is not as its format says is named."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np
import pandas as pd

from nextact.datasets.places import InPlace
from nextact.errors import NextactError, TableError

Kind = Literal["text", "number", "integer", "seconds", "milliseconds", "flag", "moment"]
Columns = dict[str, Kind]
BATCH_ROWS = 500_000


class PublicDataset(InPlace[Any, pd.DataFrame]):
    """A table of a public data set, read from a file as its site hands it out; read only."""

    def save(self, data: Any) -> None:
        """Refuse: the file is its site's."""
        raise NextactError(f"{type(self).__name__}: files of public data sets are read only")


def lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """``(line number from 1, line without its end)``; empty lines are left out.

    Raises:
        NextactError: If the file is not in this encoding, or is a broken or truncated ``.gz``.
    """
    for number, line in _numbered(path, encoding):
        if line.strip():
            yield number, line.rstrip("\r\n")


def csv_rows(path: Path, header: list[str], encoding: str = "utf-8-sig") -> Iterator[tuple[int, list[str]]]:
    """``(number of its last line, fields)`` of each row of a CSV file under its header.

    Raises:
        NextactError: If the header is another one, or the file cannot be read.
    """
    reader = csv.reader(line for _, line in _numbered(path, encoding))
    try:
        found = next(reader, [])
        if found != header:
            raise NextactError(f"{path}: the first line must be {','.join(header)}, got {','.join(found)!r}")
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise NextactError(f"{path}, line {reader.line_num:,}: {error}") from error


def _numbered(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """Lines with their ends as they are, so that a CSV reader sees line breaks within fields."""
    number = 0
    try:
        with _open(path, encoding) as file:
            for line in file:
                number += 1
                yield number, line
    except UnicodeDecodeError as error:
        raise NextactError(f"{path}: not {encoding} text after line {number:,}: {error.reason}") from error
    except (EOFError, OSError, zlib.error) as error:
        raise NextactError(f"{path}: cannot be read after line {number:,}: {error}") from error


def _open(path: Path, encoding: str) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def read_table(
    path: Path, rows: Iterable[tuple[int, Any]], parse: Callable[[Any], Iterable[tuple[Any, ...]]], columns: Columns
) -> pd.DataFrame:
    """A frame of parsed lines.

    Args:
        path: Named in messages.
        rows: ``(line number, line)``.
        parse: Rows of one line, values in the order of ``columns``; raises ValueError, KeyError or TypeError where the
            line is not as the format says.
        columns: Name -> kind. Text keeps its characters; ``seconds`` and ``milliseconds`` since 1970 and ``moment``
            (a datetime) become times in UTC.

    Raises:
        TableError: If a line is broken, with the number of such lines, the first one's number and what it holds.
        NextactError: If the file holds no line.
    """
    parts: list[pd.DataFrame] = []
    batch: list[tuple[Any, ...]] = []
    broken: list[tuple[int, Any, str]] = []
    for number, line in rows:
        try:
            batch.extend(parse(line))
        except (ValueError, KeyError, TypeError, IndexError, SyntaxError) as error:
            broken.append((number, line, _reason(error)))
        if len(batch) >= BATCH_ROWS:
            parts.append(_frame(batch, columns))
            batch = []
    if broken:
        number, line, reason = broken[0]
        raise TableError(f"{path}, line {number:,}", f"a broken line ({reason})", len(broken), line)
    if batch or not parts:
        parts.append(_frame(batch, columns))
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        raise NextactError(f"{path}: the file holds no row")
    return table


def whole(text: str) -> int:
    """A whole number in decimal digits; unlike ``int`` it takes no underscores and no blanks.

    Raises:
        ValueError: If it is anything else.
    """
    if not text.lstrip("-").isascii() or not text.lstrip("-").isdigit():
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


def fields(line: str, separator: str, n_fields: int) -> list[str]:
    """The fields of a line.

    Raises:
        ValueError: If there are more or fewer than stated.

    Example:
        >>> fields("1::2::5", "::", 3)
        ['1', '2', '5']
    """
    found = line.split(separator)
    if len(found) != n_fields:
        raise ValueError(f"{len(found)} fields instead of {n_fields}")
    return found


def _reason(error: Exception) -> str:
    return f"no field {error}" if isinstance(error, KeyError) else str(error)


def _frame(rows: list[tuple[Any, ...]], columns: Columns) -> pd.DataFrame:
    values = zip(*rows, strict=True) if rows else ([] for _ in columns)
    return pd.DataFrame(
        {name: _column(list(column), kind) for (name, kind), column in zip(columns.items(), values, strict=True)}
    )


def _column(values: list[Any], kind: Kind) -> pd.Series:
    if kind == "text":
        return pd.Series(values, dtype="str")
    if kind == "number":
        return pd.Series(values, dtype="float64")
    if kind == "integer":
        return pd.Series(values, dtype="int64")
    if kind == "flag":
        return pd.Series(values, dtype="bool")
    if kind == "moment":
        return pd.Series(values, dtype="datetime64[us]")
    moments = np.array(values, dtype="int64").astype("datetime64[s]" if kind == "seconds" else "datetime64[ms]")
    return pd.Series(moments.astype("datetime64[us]"))
