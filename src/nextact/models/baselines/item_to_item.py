"""Models that multiply the weighted history by a matrix of items x items: transition table and EASE."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import strsm
from scipy.linalg.lapack import spotrf, spotri
from scipy.sparse import csr_matrix, diags, vstack

from nextact.errors import CannotFit
from nextact.models.baselines.baseline_options import EASEOptions, TransitionOptions
from nextact.models.baselines.gram import (
    BLOCK_ITEMS,
    dense_gram,
    items_that_fit,
    say_what_was_left_out,
    to_catalogue,
    training_matrix,
)
from nextact.models.baselines.history_weights import Weights, counted_events, read_history, type_weights
from nextact.models.baselines.storage import (
    keep_largest,
    keep_largest_dense,
    load_model,
    pack_sparse,
    save_model,
    unpack_sparse,
)
from nextact.models.grounds import Ground, Grounds
from nextact.models.recommender import FitReport, Scores, Training
from nextact.processes.threads import in_threads
from nextact.sequences.histories import Histories

FEW_USERS = 2  # times fewer than items: their Gram matrix is the cheaper one to factor
LEAST_LEFT = 0.01  # of 1, of which float32 then still has five digits
ROWS_AT_ONCE = 128  # users whose scores a thread multiplies at a time


class ItemToItem:
    """Scores are (weighted history) x (item-to-item weights)."""

    weights: csr_matrix  # float32 [n_items + 1, n_items + 1]; row: item of the history, column: recommended item
    of_types: Weights  # float64 [event types]

    options_class: ClassVar[type[Any]]
    grounds = Grounds(named=Ground.TOGETHER, otherwise=Ground.NOTHING)

    def __init__(self, options: Any) -> None:
        self.options = options

    def history(self, histories: Histories) -> csr_matrix:
        """Weight of each item of each history."""
        return read_history(histories, self.weights.shape[0] - 1, self.options, self.of_types)

    def score(self, histories: Histories) -> Scores:
        """The product; 0 for an item that nothing in the history speaks for."""
        history = self.history(histories)
        scores: Scores = np.empty((histories.n_users, self.weights.shape[1]), np.float32)

        def fill(start: int) -> None:
            scores[start : start + ROWS_AT_ONCE] = (history[start : start + ROWS_AT_ONCE] @ self.weights).toarray()

        in_threads(fill, range(0, histories.n_users, ROWS_AT_ONCE))
        return scores

    def evidence(self, histories: Histories, item_index: NDArray[np.int32]) -> NDArray[np.int32]:
        """Item of the history with the largest term in each recommended item's sum."""
        history = self.history(histories)
        columns = self.weights.tocsc()
        found = np.zeros(item_index.shape, np.int32)
        for user in range(histories.n_users):
            row = history[user].toarray().ravel()
            for place, item in enumerate(item_index[user]):
                start, end = columns.indptr[item], columns.indptr[item + 1]
                terms = row[columns.indices[start:end]] * columns.data[start:end]
                if len(terms) and terms.max() > 0:
                    found[user, place] = columns.indices[start + int(terms.argmax())]
        return found

    def save(self, folder: Path) -> None:
        """Write the weights."""
        arrays = pack_sparse(self.weights) | {"of_types": self.of_types}
        save_model(folder, self.options, self.weights.shape[0] - 1, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the weights."""
        options, n_items, arrays = load_model(folder)
        model = cls(cls.options_class(**options))
        model.weights = unpack_sparse(arrays, n_items + 1)
        model.of_types = arrays["of_types"]
        return model


class TransitionTable(ItemToItem):
    """What follows what, over a few lags."""

    options_class = TransitionOptions
    grounds = Grounds(named=Ground.FOLLOWS, otherwise=Ground.NOTHING)

    def fit(self, training: Training) -> FitReport:
        """Count pairs of items of one user that lie 1 .. ``lags`` steps apart, then divide by the items' totals."""
        self.of_types = type_weights(self.options, training.event_types)
        counts = self._count(counted_events(training.histories, self.of_types), training.n_items)
        if self.options.reverse_weight > 0:
            counts = csr_matrix(counts + counts.T * np.float32(self.options.reverse_weight))
        popularity = np.maximum(np.asarray(counts.sum(axis=0)).ravel(), 1.0)
        counts = csr_matrix(counts @ diags(popularity**-self.options.popularity_discount))
        totals = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1e-12)
        shares = csr_matrix(diags(totals**-self.options.source_discount) @ counts, dtype=np.float32)
        self.weights = keep_largest(shares, self.options.kept_per_item)
        return {"pairs": int(self.weights.nnz)}

    def _count(self, histories: Histories, n_items: int) -> csr_matrix:
        """Weighted pair counts as products of steps x items matrices, float32 [n_items + 1, n_items + 1]."""
        steps = histories.steps_of_events()
        n_steps = int(histories.starts_step.sum())
        values = self.of_types[histories.event_type].astype(np.float32)
        occurs = csr_matrix((values, (steps, histories.item_index.astype(np.int64))), shape=(n_steps, n_items + 1))
        user_of_step = histories.users_of_events[histories.starts_step]
        none = (np.zeros(0, np.float32), (np.zeros(0, np.int64), np.zeros(0, np.int64)))
        counts = csr_matrix(none, shape=(n_items + 1, n_items + 1))
        for lag in range(1, self.options.lags + 1):
            same_user = np.flatnonzero(user_of_step[lag:] == user_of_step[:-lag])
            pairs = occurs[same_user].T @ occurs[same_user + lag]
            counts = counts + pairs * np.float32(self.options.lag_decay ** (lag - 1))
        return counts.tocsr()


class EASE(ItemToItem):
    """Linear item-to-item weights with a zero diagonal, in closed form (Steck, WWW 2019)."""

    options_class = EASEOptions

    def fit(self, training: Training) -> FitReport:
        """Invert the regularised Gram matrix of the users x items matrix X: that of items in place, or by users.

        Of few users the same weights follow from their own Gram matrix, in a fraction of the time: ``inv(X'X + r) =
        (1 - X' inv(XX' + r) X) / r``. They are read from it unless they would lose digits.

        Source:
            Woodbury, 1950, "Inverting modified matrices".
        """
        self.of_types = type_weights(self.options, training.event_types)
        matrix = training_matrix(training.histories, training.n_items, self.options, self.of_types)
        items = items_that_fit(matrix, self.options, "ease")
        matrix = matrix[:, items]
        weights = self._by_users(matrix) if FEW_USERS * matrix.shape[0] <= len(items) else None
        if weights is None:
            weights = self._closed_form(dense_gram(matrix))
        self.weights = to_catalogue(weights, items, training.n_items)
        return {"weights": int(self.weights.nnz), **say_what_was_left_out(items, training.n_items)}

    def _by_users(self, matrix: csr_matrix) -> csr_matrix | None:
        """B from a factor of the Gram matrix of users; None where it would be too coarse.

        With ``Y = inv(L) X``, L the Cholesky factor of ``XX' + r``, B is ``Y'Y / (1 - diag(Y'Y))`` off its diagonal.
        """
        gram = (matrix @ matrix.T).toarray().astype(np.float32, order="F")
        np.fill_diagonal(gram, gram.diagonal() + np.float32(self.options.regularisation))
        factor, failed = spotrf(gram, lower=1, overwrite_a=1)
        solved = strsm(1.0, factor, matrix.toarray(order="F"), lower=1, overwrite_b=1)
        left = 1 - np.einsum("ui,ui->i", solved, solved)
        if failed or not left.min() > LEAST_LEFT:
            return None

        def largest(start: int) -> csr_matrix:
            rows = solved[:, start : start + BLOCK_ITEMS].T @ solved
            rows /= left[start : start + BLOCK_ITEMS, None]
            rows[np.arange(len(rows)), np.arange(start, start + len(rows))] = 0.0
            return keep_largest_dense(rows, self.options.kept_per_item)

        return csr_matrix(vstack(in_threads(largest, range(0, matrix.shape[1], BLOCK_ITEMS))).T)

    def _closed_form(self, gram: NDArray[np.float32]) -> csr_matrix:
        """B = -P / diag(P), P the inverse of the Gram matrix plus ``regularisation`` on its diagonal."""
        np.fill_diagonal(gram, gram.diagonal() + np.float32(self.options.regularisation))
        factor, failed = spotrf(gram, lower=1, overwrite_a=1)
        inverse, singular = spotri(factor, lower=1, overwrite_c=1)
        if failed or singular:
            raise CannotFit("the Gram matrix is not positive definite; raise regularisation")
        return self._sparsify(inverse)

    def _sparsify(self, lower: NDArray[np.float32]) -> csr_matrix:
        """Largest weights per column, read from the inverse's lower triangle a block of columns at a time."""
        n = len(lower)
        diagonal = np.diag(lower).copy()
        blocks = []
        for start in range(0, n, 1_024):
            end = min(start + 1_024, n)
            columns = lower[:, start:end].copy()  # rows below the diagonal
            columns[:start] = lower[start:end, :start].T
            inside = lower[start:end, start:end]
            columns[start:end] = np.tril(inside) + np.tril(inside, -1).T
            weights = (-columns / diagonal[start:end]).T
            weights[np.arange(end - start), np.arange(start, end)] = 0.0
            k = min(self.options.kept_per_item, n)
            cut = np.partition(np.abs(weights), n - k, axis=1)[:, n - k, None]
            weights[np.abs(weights) < cut] = 0.0
            blocks.append(csr_matrix(weights))
        return csr_matrix(vstack(blocks).T)
