"""Texts of the catalogue as a Parquet file that is read a part at a time."""

from __future__ import annotations

from itertools import islice

from kedro_datasets._typing import TablePreview

from nextact.datasets.places import InPlace
from nextact.text.cleaning.table import TextTable


class TextTableDataset(InPlace[TextTable, TextTable]):
    """Hands out a handle to the file, of which nothing is read before it is asked for."""

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
