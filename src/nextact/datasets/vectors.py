"""Arrays in ``.npy`` files, opened memory-mapped, and the folder that gathers the item vectors of a run."""

from __future__ import annotations

from typing import Any

from nextact.datasets.places import InPlace
from nextact.stored import read_array, write_array, written_whole
from nextact.text.blocks import INDEX_FILE, ItemVectors


class NpyDataset(InPlace[Any, Any]):
    """An array without objects in it."""

    def load(self) -> Any:
        """Open memory-mapped, read-only."""
        return read_array(self._filepath, None, ndim=2)

    def save(self, data: Any) -> None:
        """Write beside, then put in place: a reader's mapping stays valid."""
        with written_whole(self._filepath) as beside:
            write_array(beside, data)


class ItemVectorsDataset(InPlace[ItemVectors, ItemVectors]):
    """All blocks of item vectors in one folder."""

    sure_file = INDEX_FILE

    def load(self) -> ItemVectors:
        """Open memory-mapped."""
        return ItemVectors.open(self._filepath)

    def save(self, data: ItemVectors) -> None:
        """Write beside, then put in place, so that a killed run leaves the old folder whole."""
        with written_whole(self._filepath) as beside:
            data.save(beside)
