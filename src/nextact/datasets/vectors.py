"""One array in one ``.npy`` file, opened memory-mapped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset


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
