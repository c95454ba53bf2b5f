"""The records of how stored results came about, as one folder of JSON files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from nextact.records import RecordBook


class RecordBookDataset(AbstractDataset[NoReturn, RecordBook]):
    """Hands out the records; runs write into them, no node does."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> RecordBook:
        """The records, perhaps none."""
        return RecordBook(self._filepath)

    def save(self, data: NoReturn) -> None:
        """Nothing is saved whole."""
        raise DatasetError("records are written by runs, one a dataset")

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
