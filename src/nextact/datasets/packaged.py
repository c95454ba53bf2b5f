"""The packaged model as a folder."""

from __future__ import annotations

from nextact.datasets.places import InPlace
from nextact.serving.package import MANIFEST_FILE, Package
from nextact.serving.packaged import PackageFolder
from nextact.stored import written_whole


class PackagedModelDataset(InPlace[Package, PackageFolder]):
    """Saves a package as a folder without pickle; loads a handle to it."""

    sure_file = MANIFEST_FILE

    def load(self) -> PackageFolder:
        """The handle; opening it reads the models."""
        return PackageFolder(self._filepath)

    def save(self, data: Package) -> None:
        """Write beside, then put in place, so that a killed run leaves the old package whole."""
        with written_whole(self._filepath) as beside:
            data.save(beside)
