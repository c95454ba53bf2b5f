"""The nearest rows of one sparse matrix for each row of another, a block at a time."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

BLOCK_ROWS = 8_192


def nearest_rows(
    queries: csr_matrix, rows: csr_matrix, k: int, similarity: Literal["euclidean", "cosine"]
) -> NDArray[np.int64]:
    """The k nearest rows of each query, int64 [queries, k], in ascending order of row; all rows if there are fewer.

    Of rows equally near at the edge any may be taken, but the same input gives the same rows. A row of zeros has
    cosine 0 to everything.

    Args:
        queries: Sparse [queries, columns].
        rows: Sparse [rows, columns]; memory holds queries x ``BLOCK_ROWS`` similarities.
        k: How many.
        similarity: The smallest distance or the largest cosine.

    Example:
        >>> points = csr_matrix([[1.0, 0.0], [0.0, 1.0], [5.0, 1.0]])
        >>> nearest_rows(csr_matrix([[1.0, 0.3]]), points, k=1, similarity="euclidean").tolist()
        [[0]]
        >>> nearest_rows(csr_matrix([[1.0, 0.3]]), points, k=1, similarity="cosine").tolist()
        [[2]]
    """
    found = np.zeros((queries.shape[0], 0), np.int64)
    value = np.zeros((queries.shape[0], 0), np.float32)
    squares = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
    for start in range(0, rows.shape[0], BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        near = _similarity(queries, block, squares[start : start + BLOCK_ROWS], similarity)
        value = np.concatenate([value, near], axis=1)
        places = np.broadcast_to(np.arange(start, start + block.shape[0]), near.shape)
        found = np.concatenate([found, places], axis=1)
        if value.shape[1] > k:
            best = np.argpartition(-value, k - 1, axis=1)[:, :k]
            value, found = np.take_along_axis(value, best, 1), np.take_along_axis(found, best, 1)
    return np.sort(found, axis=1)


def mean_of_rows(rows: csr_matrix, which: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean of k rows for each query, dense [queries, columns]; zero where k is 0.

    Example:
        >>> mean_of_rows(csr_matrix([[1.0, 0.0], [0.0, 4.0]]), np.array([[0, 1]])).tolist()
        [[0.5, 2.0]]
    """
    n_queries, k = which.shape
    known, place = np.unique(which, return_inverse=True)
    votes = np.zeros((len(known), n_queries), np.float32)
    votes[place.reshape(which.shape), np.arange(n_queries)[:, None]] = 1 / max(k, 1)
    mean: NDArray[np.float32] = (rows[known].T.tocsr() @ votes).T
    return mean


def _similarity(
    queries: csr_matrix, rows: csr_matrix, squares: NDArray[np.float32], similarity: str
) -> NDArray[np.float32]:
    """What orders the rows of a query: a rising function of minus the distance, or of the cosine."""
    products: NDArray[np.float32] = (rows @ queries.toarray().T).T  # hardly a pair has nothing in common
    if similarity == "euclidean":
        return products - squares / np.float32(2)
    return np.divide(products, np.sqrt(squares), out=np.zeros_like(products), where=squares > 0)
