"""Kedro's own datasets, written whole or not at all, and with one message where what is stored is damaged."""

from __future__ import annotations

import copy
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

from kedro_datasets.ibis import FileDataset
from kedro_datasets.json import JSONDataset
from kedro_datasets.matplotlib import MatplotlibDataset
from kedro_datasets.pandas import CSVDataset, ParquetDataset
from kedro_datasets.plotly import JSONDataset as PlotlyDataset
from kedro_datasets.text import TextDataset

from nextact.stored import StoredError, reading, require_names, written_whole


class Whole:
    """What is added to a dataset of Kedro's that keeps one file or folder.

    On a remote file system, whose writes are whole by themselves or cannot be renamed, saving is Kedro's own.

    Args:
        must_have: Names that an object in JSON, or columns that a table needs; what lacks one is refused as damaged.
        of_kedro: Arguments of Kedro's dataset.
    """

    _filepath: Any

    def __init__(self, *, must_have: Collection[str] = (), **of_kedro: Any) -> None:
        super().__init__(**of_kedro)
        self._must_have = tuple(must_have)

    def load(self) -> Any:
        """What is stored.

        Raises:
            StoredError: If it cannot be read, or lacks a name.
        """
        place = Path(str(self._filepath))
        with reading(place):
            found = super().load.__wrapped__(self)  # type: ignore[misc]  # Kedro's, without its own error
        self._require_names(place, found)
        return found

    def save(self, data: Any) -> None:
        """Write beside, then put in place."""
        if not self._is_local():
            super().save.__wrapped__(self, data)  # type: ignore[misc]
            return
        with written_whole(Path(str(self._get_save_path()))) as beside:  # type: ignore[attr-defined]
            there = copy.copy(self)
            there._filepath, there._version = PurePosixPath(beside), None  # type: ignore[attr-defined]
            super(Whole, there).save.__wrapped__(there, data)  # type: ignore[misc]

    def _require_names(self, place: Path, found: Any) -> None:
        columns = getattr(found, "columns", None)
        if columns is None:
            require_names(place, found, self._must_have)
        elif missing := [name for name in self._must_have if name not in set(columns)]:
            columns = ", ".join(map(repr, missing))
            raise StoredError(place, f"has no column {columns}, so it is not what belongs there")

    def _is_local(self) -> bool:
        prefix = getattr(self, "_fs_prefix", "")
        return getattr(self, "_protocol", "file") == "file" and prefix in ("", "file://")


class WholeJSON(Whole, JSONDataset):
    """JSON."""


class WholeParquet(Whole, ParquetDataset):
    """A frame of pandas in Parquet."""


class WholeCSV(Whole, CSVDataset):
    """A frame of pandas in CSV."""


class WholePlotly(Whole, PlotlyDataset):
    """A figure of Plotly in JSON."""


class WholeMatplotlib(Whole, MatplotlibDataset):
    """A figure of Matplotlib, as a picture."""


class WholeText(Whole, TextDataset):
    """Text."""


class WholeTable(Whole, FileDataset):
    """A table of Ibis in a file, or in the folder that Spark writes."""
