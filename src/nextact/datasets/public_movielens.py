"""MovieLens as GroupLens hands it out: ``.dat`` files (1M, 10M) and ``.csv`` files (20M, 25M, 32M, latest).

Terms of GroupLens: research use with acknowledgement, no redistribution without permission, no commercial use.
Source: F. M. Harper and J. A. Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pandas as pd

from nextact.datasets.public_lines import Columns, PublicDataset, csv_rows, fields, lines, read_table, whole
from nextact.errors import NextactError

RATINGS: Columns = {"user_id": "text", "item_id": "text", "rating": "number", "timestamp": "seconds"}
MOVIES: Columns = {"item_id": "text", "title": "text", "genres": "text"}
HEADERS = {"ratings": ["userId", "movieId", "rating", "timestamp"], "movies": ["movieId", "title", "genres"]}


class MovieLensDataset(PublicDataset):
    """``ratings``: user_id, item_id, rating, timestamp (UTC); or ``movies``: item_id, title, genres (by ``|``)."""

    def __init__(
        self, *, filepath: str, table: Literal["ratings", "movies"], metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.table = table

    def load(self) -> pd.DataFrame:
        """The table."""
        return read_movielens(self._filepath, self.table)


def read_movielens(path: Path, table: Literal["ratings", "movies"]) -> pd.DataFrame:
    """A MovieLens file; how it is written goes by its ending.

    Args:
        path: ``ratings.dat`` or ``movies.dat`` (fields between ``::``, Latin-1), or ``ratings.csv`` or ``movies.csv``
            (with a header, UTF-8), perhaps gzipped.
        table: Which of the two it is.

    Raises:
        TableError: If a line is broken; it is named.
        NextactError: If the ending or the header is another one.
    """
    columns = RATINGS if table == "ratings" else MOVIES
    parse = _rating if table == "ratings" else _movie
    kind = next((suffix for suffix in (".dat", ".csv") if suffix in path.suffixes), None)
    if kind is None:
        raise NextactError(f"{path}: a MovieLens file ends in .dat or .csv")
    if kind == ".dat":
        return read_table(path, lines(path, "latin-1"), lambda line: parse(fields(line, "::", len(columns))), columns)
    return read_table(path, csv_rows(path, HEADERS[table]), parse, columns)


def _rating(row: list[str]) -> list[tuple[Any, ...]]:
    user, item, rating, timestamp = row
    return [(_id(user), _id(item), float(rating), whole(timestamp))]


def _movie(row: list[str]) -> list[tuple[Any, ...]]:
    item, title, genres = row
    return [(_id(item), title, genres)]


def _id(text: str) -> str:
    whole(text)
    return text
