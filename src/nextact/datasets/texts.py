"""Texts of the catalogue as a Parquet file that is read a part at a time."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from nextact.text.cleaning.table import TextTable


class TextTableDataset(AbstractDataset[TextTable, TextTable]):
    """Hands out a handle to the file, of which nothing is read before it is asked for."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> TextTable:
        """The handle."""
        return TextTable(self._filepath)

    def save(self, data: TextTable) -> None:
        """Copy beside, then put in place, so that a killed run leaves the old file whole."""
        data.save(self._filepath)

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows, for Kedro-Viz."""
        table = self.load()
        rows = [list(row) for row in islice(table.rows(*table.columns), nrows)]
        return TablePreview({"index": list(range(len(rows))), "columns": table.columns, "data": rows})

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
