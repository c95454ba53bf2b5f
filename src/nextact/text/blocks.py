"""Item vectors of several kinds, kept apart by name and known by their content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError

INDEX_FILE = "blocks.json"


@dataclass(frozen=True, eq=False)
class ItemVectors:
    """Vectors of the catalogue's items, one array per block.

    Attributes:
        blocks: Block name -> float32 [n_items + 1, dimensions]; row 0 and items without text are zero. A block that
            a run leaves out is not there.
        hashes: Block name -> hash of its content, by which a model fitted with other vectors is known.

    Example:
        >>> arrays = {"encoder": np.zeros((3, 2), np.float32), "left_out": np.zeros((3, 0), np.float32)}
        >>> list(ItemVectors.of(arrays).blocks)
        ['encoder']
    """

    blocks: dict[str, NDArray[np.float32]]
    hashes: dict[str, str]

    @classmethod
    def of(cls, arrays: dict[str, NDArray[np.float32]]) -> Self:
        """Blocks by name; those without dimensions are left out.

        Raises:
            NextactError: If two blocks speak of different numbers of items.
        """
        rows = {name: len(array) for name, array in arrays.items()}
        if len(set(rows.values())) > 1:
            raise NextactError(f"item vectors: blocks of one catalogue need as many rows each, got {rows}")
        kept = {name: array for name, array in arrays.items() if array.shape[1]}
        return cls(kept, {name: _content_hash(array) for name, array in kept.items()})

    def save(self, folder: Path) -> None:
        """Write one ``.npy`` a block, and the hashes."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in self.blocks.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        (folder / INDEX_FILE).write_text(json.dumps(self.hashes, indent=1), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open memory-mapped.

        Raises:
            NextactError: If a file is missing or is not an array.
        """
        try:
            hashes = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
            blocks = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in hashes}
        except (OSError, ValueError) as error:
            raise NextactError(f"item vectors: cannot read {folder}: {error}; run feature_engineering again") from error
        return cls(blocks, hashes)


def _content_hash(array: NDArray[np.float32]) -> str:
    digest = hashlib.sha256(f"{array.shape} {array.dtype}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:12]
