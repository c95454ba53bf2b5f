"""Histories and cuts as folders of ``.npy`` files, opened memory-mapped."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset

from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts


class HistoriesDataset(AbstractDataset[Histories, Histories]):
    """Histories, one ``.npy`` a field."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> Histories:
        """Open memory-mapped."""
        return Histories.open(self._filepath)

    def save(self, data: Histories) -> None:
        """Write beside, then put in place, so that a killed run leaves the old arrays whole."""
        beside = self._filepath.with_name(self._filepath.name + ".new")
        shutil.rmtree(beside, ignore_errors=True)
        data.save(beside)
        shutil.rmtree(self._filepath, ignore_errors=True)
        beside.rename(self._filepath)

    def _exists(self) -> bool:
        return (self._filepath / "offsets.npy").exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class CutsDataset(AbstractDataset[Cuts, Cuts]):
    """The cuts of one holdout in one ``.npy`` of int64 [5, users], rows in the order of the fields."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> Cuts:
        """Read."""
        return Cuts(*np.load(self._filepath, allow_pickle=False))

    def save(self, data: Cuts) -> None:
        """Write."""
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        whole = replace(data, training_end=data.learnt_until, window_end=data.observed_until)
        np.save(self._filepath, np.stack([getattr(whole, field.name) for field in fields(whole)]), allow_pickle=False)

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
