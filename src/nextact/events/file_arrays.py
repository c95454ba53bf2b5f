"""Arrays in files without a name: they need not fit into memory, and are gone when nothing refers to them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nextact.processes.scratch import scratch_folder
from nextact.stored import writing


def mapped_arrays(length: int, kinds: Mapping[str, DTypeLike]) -> dict[str, NDArray[Any]]:
    """Arrays of zeros in files without a name, whose space is free when nothing refers to the arrays any more."""
    with scratch_folder("histories") as folder:
        return {name: _mapped(folder / name, length, kind) for name, kind in kinds.items()}


def _mapped(path: Path, length: int, kind: DTypeLike) -> NDArray[Any]:
    if not length:  # an empty file cannot be mapped
        return np.zeros(0, kind)
    with writing(path), path.open("wb") as file:  # a full disk is said now; a write into the mapping would kill us
        os.posix_fallocate(file.fileno(), 0, length * np.dtype(kind).itemsize)
    return np.memmap(path, dtype=kind, mode="r+", shape=(length,))
