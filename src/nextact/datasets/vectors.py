"""Arrays in ``.npy`` files, opened memory-mapped, and the folder that gathers the item vectors of a run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset

from nextact.text.blocks import INDEX_FILE, ItemVectors


class NpyDataset(AbstractDataset[Any, Any]):
    """An array without objects in it."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> Any:
        """Open memory-mapped, read-only."""
        return np.load(self._filepath, mmap_mode="r", allow_pickle=False)

    def save(self, data: Any) -> None:
        """Write beside, then put in place: a reader's mapping stays valid."""
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        beside = self._filepath.with_suffix(".new.npy")
        np.save(beside, data, allow_pickle=False)
        beside.rename(self._filepath)

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class ItemVectorsDataset(AbstractDataset[ItemVectors, ItemVectors]):
    """All blocks of item vectors in one folder."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> ItemVectors:
        """Open memory-mapped."""
        return ItemVectors.open(self._filepath)

    def save(self, data: ItemVectors) -> None:
        """Write beside, then put in place, so that a killed run leaves the old folder whole."""
        beside = self._filepath.with_name(self._filepath.name + ".new")
        shutil.rmtree(beside, ignore_errors=True)
        data.save(beside)
        shutil.rmtree(self._filepath, ignore_errors=True)
        beside.rename(self._filepath)

    def _exists(self) -> bool:
        return (self._filepath / INDEX_FILE).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
