"""The packaged model as a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from nextact.serving.package import MANIFEST_FILE, Package
from nextact.serving.packaged import PackageFolder
from nextact.stored import written_whole


class PackagedModelDataset(AbstractDataset[Package, PackageFolder]):
    """Saves a package as a folder without pickle; loads a handle to it."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> PackageFolder:
        """The handle; opening it reads the models."""
        return PackageFolder(self._filepath)

    def save(self, data: Package) -> None:
        """Write beside, then put in place, so that a killed run leaves the old package whole."""
        with written_whole(self._filepath) as beside:
            data.save(beside)

    def _exists(self) -> bool:
        return (self._filepath / MANIFEST_FILE).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
