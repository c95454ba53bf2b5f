"""Options as JSON, arrays as safetensors: how every baseline is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix

from nextact.stored import read_json, reading, write_json

Arrays = dict[str, Any]


def save_model(folder: Path, options: Any, n_items: int, arrays: Arrays) -> None:
    """Write ``model.json`` and ``model.safetensors``."""
    write_json(folder / "model.json", {"options": dataclasses.asdict(options), "n_items": n_items})
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "model.safetensors")


def load_model(folder: Path) -> tuple[dict[str, Any], int, Arrays]:
    """Read what :func:`save_model` wrote: options, number of items, arrays."""
    described = read_json(folder / "model.json", ("options", "n_items"))
    with reading(folder / "model.safetensors"):
        arrays = load_file(folder / "model.safetensors")
    return described["options"], int(described["n_items"]), arrays


def pack_sparse(matrix: csr_matrix) -> Arrays:
    """A sparse matrix as three arrays."""
    return {"data": matrix.data, "indices": matrix.indices.astype(np.int32), "indptr": matrix.indptr.astype(np.int64)}


def unpack_sparse(arrays: Arrays, n_columns: int) -> csr_matrix:
    """The matrix of :func:`pack_sparse`."""
    shape = (len(arrays["indptr"]) - 1, n_columns)
    return csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=shape)


def keep_largest(matrix: csr_matrix, n_per_row: int) -> csr_matrix:
    """The ``n_per_row`` entries of largest absolute value in each row; equal ones keep the lower column."""
    matrix.sort_indices()
    kept = np.ones(matrix.nnz, bool)
    for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        if end - start > n_per_row:
            kept[start:end] = _are_largest(np.abs(matrix.data[start:end]), n_per_row)
    counts = np.concatenate([[0], np.cumsum(kept)])
    return csr_matrix((matrix.data[kept], matrix.indices[kept], counts[matrix.indptr]), shape=matrix.shape)


def _are_largest(sizes: NDArray[np.float32], n: int) -> NDArray[np.bool_]:
    """Which are the n largest; of those equal to the last, the first."""
    cut = np.partition(sizes, len(sizes) - n)[len(sizes) - n]
    kept: NDArray[np.bool_] = sizes > cut
    kept[np.flatnonzero(sizes == cut)[: n - np.count_nonzero(kept)]] = True
    return kept


def keep_largest_dense(rows: NDArray[np.float32], n_per_row: int) -> csr_matrix:
    """What :func:`keep_largest` keeps of a dense block; zeros are never kept."""
    sizes = np.abs(rows)
    n_kept = min(n_per_row, rows.shape[1])
    cut = np.partition(sizes, rows.shape[1] - n_kept, axis=1)[:, rows.shape[1] - n_kept, None]
    kept = (sizes >= cut) & (sizes > 0)
    for row in np.flatnonzero(kept.sum(axis=1) > n_kept):  # equal ones at the cut
        equal = np.flatnonzero(kept[row] & (sizes[row] == cut[row]))
        kept[row, equal[n_kept - int(kept[row].sum()) :]] = False
    starts = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return csr_matrix((rows[kept], np.nonzero(kept)[1], starts), shape=rows.shape)
