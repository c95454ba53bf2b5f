"""Sequence files of sequential recommendation papers (SASRec, S3-Rec): a line a user, items oldest first, no times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from nextact.datasets.public_lines import Columns, PublicDataset, lines, read_table

COLUMNS: Columns = {"user_id": "text", "item_id": "text", "position": "integer"}


class SequenceFileDataset(PublicDataset):
    """``user_id``, ``item_id`` and ``position`` (from 0) of a file of lines ``user item item …``."""

    def load(self) -> pd.DataFrame:
        """The table."""
        return read_sequences(self._filepath)


def read_sequences(path: Path) -> pd.DataFrame:
    """A row an item of each line, in the order of the file.

    Raises:
        TableError: If a line names a user without items; it is named.
    """
    return read_table(path, lines(path), _events, COLUMNS)


def _events(line: str) -> list[tuple[Any, ...]]:
    user, *items = line.split()
    if not items:
        raise ValueError("a user without items")
    return [(user, item, position) for position, item in enumerate(items)]
