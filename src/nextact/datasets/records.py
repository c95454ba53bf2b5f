"""The records of how stored results came about, as one folder of JSON files."""

from __future__ import annotations

from typing import NoReturn

from kedro.io import DatasetError

from nextact.datasets.places import InPlace
from nextact.records import RecordBook


class RecordBookDataset(InPlace[NoReturn, RecordBook]):
    """Hands out the records; runs write into them, no node does."""

    def load(self) -> RecordBook:
        """The records, perhaps none."""
        return RecordBook(self._filepath)

    def save(self, data: NoReturn) -> None:
        """Nothing is saved whole."""
        raise DatasetError("records are written by runs, one a dataset")
