"""Where a dataset of the data catalog lies, and what the datasets have in common that lie in a place of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeVar

from kedro.io import AbstractDataset

In = TypeVar("In")
Out = TypeVar("Out")


class InPlace(AbstractDataset[In, Out]):
    """A dataset in one file or folder of this machine.

    Args:
        filepath: The file or folder.
        metadata: Kedro's.
    """

    sure_file: ClassVar[str | None] = None  # of a folder: without it, the folder is not there

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath, self.metadata = Path(filepath), metadata

    def _exists(self) -> bool:
        return (self._filepath if self.sure_file is None else self._filepath / self.sure_file).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def local_place(dataset: Any) -> Path | None:
    """The file or folder of a dataset; None where it is remote, or no file at all."""
    place = getattr(dataset, "_filepath", None)
    if place is None or getattr(dataset, "_protocol", "file") not in ("file", "local", ""):
        return None
    if getattr(dataset, "_fs_prefix", "") not in ("", "file://"):  # Ibis' files elsewhere
        return None
    return None if "://" in str(place) else Path(str(place))
