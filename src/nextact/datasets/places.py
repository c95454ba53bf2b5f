"""Where a dataset of the data catalog lies, if it lies on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def local_place(dataset: Any) -> Path | None:
    """The file or folder of a dataset; None where it is remote, or no file at all."""
    place = getattr(dataset, "_filepath", None)
    if place is None or getattr(dataset, "_protocol", "file") not in ("file", "local", ""):
        return None
    if getattr(dataset, "_fs_prefix", "") not in ("", "file://"):  # Ibis' files elsewhere
        return None
    return None if "://" in str(place) else Path(str(place))
