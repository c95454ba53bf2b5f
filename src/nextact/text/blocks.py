"""Item vectors of several kinds, kept apart by name and known by their content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.errors import NextactError
from nextact.stored import StoredError, read_array, read_json, reading

BLOCKS = ("encoder", "encoder_tuned", "word2vec", "glove", "tfidf", "syntax", "item2vec")  # dense
OF_HISTORIES = ("item2vec",)  # those that say nothing of texts
WORDS = "words"  # sparse: of the whole item text; of one column "words_<column>"
INDEX_FILE = "blocks.json"
CSR = ("data", "indices", "indptr", "shape")  # of a sparse block, a .npy each


def is_block(name: str) -> bool:
    """Whether feature engineering can make a block of that name.

    Example:
        >>> is_block("words_title"), is_block("titles")
        (True, False)
    """
    return name in (*BLOCKS, WORDS) or name.startswith(f"{WORDS}_")


@dataclass(frozen=True, eq=False)
class ItemVectors:
    """Vectors of the catalogue's items, one array per block.

    Attributes:
        blocks: Block name -> float32 [n_items + 1, dimensions]; row 0 and items without text are zero. A block that
            a run leaves out is not there.
        hashes: Block name -> hash of its content, by which a model fitted with other vectors is known.
        sparse: Block name -> float32 [n_items + 1, words], for blocks too wide to be dense.

    Example:
        >>> arrays = {"encoder": np.zeros((3, 2), np.float32), "left_out": np.zeros((3, 0), np.float32)}
        >>> list(ItemVectors.of(arrays).blocks)
        ['encoder']
    """

    blocks: dict[str, NDArray[np.float32]]
    hashes: dict[str, str]
    sparse: dict[str, csr_matrix] = field(default_factory=dict)

    @classmethod
    def of(cls, arrays: dict[str, NDArray[np.float32]], sparse: dict[str, csr_matrix] | None = None) -> Self:
        """Blocks by name; those without dimensions are left out.

        Raises:
            NextactError: If two blocks speak of different numbers of items.
        """
        sparse = {name: block for name, block in (sparse or {}).items() if block.nnz}
        rows = {name: array.shape[0] for name, array in (arrays | sparse).items()}
        if len(set(rows.values())) > 1:
            raise NextactError(f"item vectors: blocks of one catalogue need as many rows each, got {rows}")
        kept = {name: array for name, array in arrays.items() if array.shape[1]}
        hashes = {name: _content_hash(array) for name, array in kept.items()}
        return cls(kept, hashes | {name: _sparse_hash(block) for name, block in sparse.items()}, sparse)

    def save(self, folder: Path) -> None:
        """Write one ``.npy`` a dense block, four a sparse one, and the hashes."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in self.blocks.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        for name, block in self.sparse.items():
            for part, values in _parts(block).items():
                np.save(folder / f"{name}.{part}.npy", values, allow_pickle=False)
        (folder / INDEX_FILE).write_text(json.dumps(self.hashes, indent=1), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open memory-mapped.

        Raises:
            StoredError: If a file is missing or damaged, or two blocks speak of different numbers of items.
        """
        with reading(folder):
            hashes: dict[str, str] = dict(read_json(folder / INDEX_FILE))
            sparse = {name: _open_sparse(folder, name) for name in hashes if (folder / f"{name}.indptr.npy").exists()}
            dense = [name for name in hashes if name not in sparse]
            blocks = {name: read_array(folder / f"{name}.npy", np.float32, ndim=2) for name in dense}
        rows = {name: block.shape[0] for name, block in (blocks | sparse).items()}
        if len(set(rows.values())) > 1:
            raise StoredError(folder, f"holds blocks of different catalogues, of so many rows: {rows}")
        return cls(blocks, hashes, sparse)


def _content_hash(array: NDArray[np.generic]) -> str:
    digest = hashlib.sha256(f"{array.shape} {array.dtype}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:12]


def _sparse_hash(block: csr_matrix) -> str:
    digest = hashlib.sha256()
    for array in _parts(block).values():
        digest.update(_content_hash(array).encode())
    return digest.hexdigest()[:12]


def _parts(block: csr_matrix) -> dict[str, NDArray[np.generic]]:
    """The arrays of a sparse block by the names of :data:`CSR`; column indices ascend within a row."""
    block.sort_indices()
    arrays = (
        block.data,
        block.indices.astype(np.int32),
        block.indptr.astype(np.int64),
        np.array(block.shape, np.int64),
    )
    return dict(zip(CSR, arrays, strict=True))


def _open_sparse(folder: Path, name: str) -> csr_matrix:
    data, indices, indptr, shape = (read_array(folder / f"{name}.{part}.npy", None) for part in CSR)
    with reading(folder / f"{name}.indptr.npy"):
        return csr_matrix((data, indices, indptr), shape=tuple(shape.tolist()))
