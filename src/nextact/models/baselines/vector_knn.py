"""Models that compare item vectors with the recent history's: content-kNN and Item2Vec."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse

from nextact.models.baselines.history_weights import Weights, read_history
from nextact.models.baselines.storage import load_model, pack_sparse, save_model, unpack_sparse
from nextact.models.grounds import Ground, Grounds
from nextact.models.recommender import Scores
from nextact.sequences.histories import Histories
from nextact.sequences.user_blocks import user_blocks

FLOAT = 4  # bytes
BLOCK_USERS = 64  # whose items' vectors stand in memory at once


class VectorKNN:
    """Sum over the history of (weight x cosine to an item): the order is that of the cosine to the weighted mean."""

    vectors: Any  # float32 [n_items + 1, dimensions], dense or csr; rows of length 1, or 0 for items without a vector
    targets: Any  # what histories are compared with: the same vectors, or others of the same shape
    of_types: Weights  # float64 [event types]

    options_class: ClassVar[type[Any]]
    grounds = Grounds(named=Ground.TOGETHER, otherwise=Ground.NOTHING)

    def __init__(self, options: Any) -> None:
        self.options = options

    def history(self, histories: Histories) -> csr_matrix:
        """Weight of each item of each history."""
        return read_history(histories, self.vectors.shape[0] - 1, self.options, self.of_types)

    def score(self, histories: Histories) -> Scores:
        """Similarity to the weighted history; 0 for an item without a vector."""
        read: Any = self.history(histories) @ self.vectors
        is_sparse = issparse(read)  # in the condition it would narrow the type to one without toarray
        return _products_with_all(read, self.targets) if is_sparse else _dense(read @ self.targets.T)

    def score_some(self, histories: Histories, item_index: NDArray[np.int32]) -> Scores:
        """The same of some items a user, float32 [users, C]."""
        read: Any = self.history(histories) @ self.vectors
        is_sparse = issparse(read)  # as above
        if is_sparse:
            return _products_with_rows(read.toarray(), self.targets, item_index)
        found = np.empty(item_index.shape, np.float32)
        for users in user_blocks(len(read), item_index.shape[1] * self.targets[:1].nbytes, BLOCK_USERS):
            found[users] = np.einsum("ucd,ud->uc", self.targets[item_index[users]], read[users])
        return found

    def evidence(self, histories: Histories, item_index: NDArray[np.int32]) -> NDArray[np.int32]:
        """Item of the history with the largest term in each recommended item's sum."""
        history = self.history(histories)
        found = np.zeros(item_index.shape, np.int32)
        for user in range(histories.n_users):
            own = history.indices[history.indptr[user] : history.indptr[user + 1]]
            weights = history.data[history.indptr[user] : history.indptr[user + 1]]
            if len(own):
                terms = _dense(self.targets[item_index[user]] @ self.vectors[own].T) * weights
                found[user] = np.where(terms.max(axis=1) > 0, own[terms.argmax(axis=1)], 0)
        return found

    def save(self, folder: Path) -> None:
        """Write the vectors."""
        is_sparse = issparse(self.vectors)
        arrays = pack_sparse(self.vectors) if is_sparse else {"vectors": self.vectors}
        if self.targets is not self.vectors:
            arrays["targets"] = self.targets
        more = {"of_types": self.of_types, "shape": np.array(self.vectors.shape, np.int64)}
        save_model(folder, self.options, self.vectors.shape[0] - 1, arrays | more)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the vectors."""
        options, _, arrays = load_model(folder)
        model = cls(cls.options_class(**options))
        is_dense = "vectors" in arrays
        model.vectors = arrays["vectors"] if is_dense else unpack_sparse(arrays, int(arrays["shape"][1]))
        model.targets = arrays.get("targets", model.vectors)
        model.of_types = arrays["of_types"]
        return model


def _products_with_all(read: csr_matrix, rows: csr_matrix) -> Scores:
    """Inner products of each user's vector and all rows of a sparse matrix, float32 [U, rows].

    Nearly every row shares a word with the history, so that a sparse product would only be slower.
    """
    found = np.empty((read.shape[0], rows.shape[0]), np.float32)
    for users in user_blocks(read.shape[0], read.shape[1] * FLOAT, BLOCK_USERS):
        found[users] = (rows @ read[users].toarray().T).T
    return found


def _products_with_rows(read: NDArray[np.float32], rows: csr_matrix, item_index: NDArray[np.int32]) -> Scores:
    """Inner products of each user's vector [U, D] and some rows of a sparse matrix, float32 [U, C]."""
    some = rows[item_index.ravel()]
    row = np.repeat(np.arange(item_index.size), np.diff(some.indptr))
    terms = some.data * read[row // item_index.shape[1], some.indices]
    return np.bincount(row, terms, item_index.size).reshape(item_index.shape).astype(np.float32)


def _dense(matrix: Any) -> Scores:
    is_sparse = issparse(matrix)  # in the condition it would narrow the type to one without toarray
    dense: Scores = np.asarray(matrix.toarray() if is_sparse else matrix, dtype=np.float32)
    return dense
