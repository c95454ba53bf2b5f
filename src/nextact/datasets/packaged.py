"""The packaged model as a folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from nextact.serving.package import MANIFEST_FILE, Package
from nextact.serving.packaged import PackageFolder


class PackagedModelDataset(AbstractDataset[Package, PackageFolder]):
    """Saves a package as a folder without pickle; loads a handle to it."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def load(self) -> PackageFolder:
        """The handle; opening it reads the models."""
        return PackageFolder(self._filepath)

    def save(self, data: Package) -> None:
        """Write beside, then put in place, so that a killed run leaves the old package whole."""
        beside = self._filepath.with_name(self._filepath.name + ".new")
        shutil.rmtree(beside, ignore_errors=True)
        data.save(beside)
        shutil.rmtree(self._filepath, ignore_errors=True)
        beside.rename(self._filepath)

    def _exists(self) -> bool:
        return (self._filepath / MANIFEST_FILE).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
