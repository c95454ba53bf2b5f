"""Items that the same users chose, compared by cosine, tf-idf or BM25."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix, vstack

from nextact.models.baselines.baseline_options import ItemKNNOptions
from nextact.models.baselines.gram import BLOCK_ITEMS, SMALL_CATALOGUE, dense_gram
from nextact.models.baselines.history_weights import history_matrix, type_weights
from nextact.models.baselines.item_to_item import ItemToItem
from nextact.models.baselines.storage import keep_largest, keep_largest_dense
from nextact.models.recommender import FitReport, Training
from nextact.processes.threads import in_threads

BLOCK_BYTES = 2**27  # of one thread's block of similarities, were every pair of items similar
BYTES_PER_PAIR = 24  # value and column of the similarity, of the common users, and of their product


class ItemKNN(ItemToItem):
    """Scores are (weighted history) x (similarities of each item to its nearest items)."""

    options_class = ItemKNNOptions

    def fit(self, training: Training) -> FitReport:
        """Compare items; of a large catalogue a block at a time, so that memory never holds items x items."""
        self.of_types = type_weights(self.options, training.event_types)
        events = self.of_types[training.histories.event_type]
        counts = history_matrix(training.histories, training.n_items, events)
        counts.eliminate_zeros()
        weighted = weigh(counts, self.options)
        common = counts.astype(bool).astype(np.float32) if self.options.shrinkage > 0 else counts  # unread without it
        if counts.shape[1] <= SMALL_CATALOGUE:
            self.weights = self._nearest_of_all(weighted, common)
        else:
            self.weights = self._nearest_by_blocks(weighted.tocsc(), common.tocsc())
        return {"pairs": int(self.weights.nnz), "items": int((np.diff(self.weights.indptr) > 0).sum())}

    def _nearest_of_all(self, weighted: csr_matrix, common: csr_matrix) -> csr_matrix:
        """The nearest items of each from all similarities at once, which a small catalogue has room for."""
        similarity = dense_gram(weighted).T
        if self.options.shrinkage > 0:
            trust = dense_gram(common).T
            similarity *= trust / (trust + np.float32(self.options.shrinkage))

        def nearest(start: int) -> csr_matrix:
            return keep_largest_dense(similarity[start : start + BLOCK_ITEMS], self.options.neighbours)

        return csr_matrix(vstack(in_threads(nearest, range(0, len(similarity), BLOCK_ITEMS))), dtype=np.float32)

    def _nearest_by_blocks(self, weighted: csc_matrix, common: csc_matrix) -> csr_matrix:
        rows = rows_of_block(weighted.shape[1])

        def nearest(start: int) -> csr_matrix:
            return self._nearest(weighted, common, slice(start, start + rows))

        return csr_matrix(vstack(in_threads(nearest, range(0, weighted.shape[1], rows))), dtype=np.float32)

    def _nearest(self, weighted: csc_matrix, common: csc_matrix, items: slice) -> csr_matrix:
        """Similarities of some items to their nearest ones, float32 [len(items), n_items + 1]."""
        similarity = csr_matrix(weighted[:, items].T @ weighted)
        if self.options.shrinkage > 0:
            trust = csr_matrix(common[:, items].T @ common)
            trust.data /= trust.data + np.float32(self.options.shrinkage)
            similarity = csr_matrix(similarity.multiply(trust))
        similarity.eliminate_zeros()
        return keep_largest(similarity, self.options.neighbours)


def rows_of_block(n_columns: int) -> int:
    """Items that are compared with all others at a time, at least one."""
    return max(1, min(1_024, BLOCK_BYTES // (BYTES_PER_PAIR * n_columns)))


def weigh(counts: csr_matrix, options: ItemKNNOptions) -> csr_matrix:
    """Users x items weights whose inner products between items are their similarities.

    Items are the documents, users their words, as in ``implicit``: a user who chose ``f`` of the ``n`` items has the
    inverse document frequency ``ln(n) - ln(1 + f)``, and no less than 0.

    Args:
        counts: [users, n_items + 1], column 0 empty.
        options: ``weighting`` and, for BM25, ``bm25_k1`` and ``bm25_b``.
    """
    if options.weighting == "bm25":
        return _bm25(counts, options.bm25_k1, options.bm25_b)
    weighted = counts.copy()
    if options.weighting == "tfidf":
        weighted.data = np.sqrt(weighted.data) * _inverse_frequency(counts)
    norms = np.sqrt(np.bincount(weighted.indices, weights=weighted.data.astype(np.float64) ** 2))[weighted.indices]
    weighted.data = np.divide(weighted.data, norms, out=np.zeros(len(norms)), where=norms > 0).astype(np.float32)
    return weighted


def _inverse_frequency(counts: csr_matrix) -> NDArray[np.float64]:
    """Inverse document frequency of each stored entry's user."""
    chosen = np.diff(counts.indptr)
    inverse = np.maximum(np.log(max(counts.shape[1] - 1, 1)) - np.log1p(chosen), 0.0)
    return cast("NDArray[np.float64]", np.repeat(inverse, chosen))


def _bm25(counts: csr_matrix, k1: float, b: float) -> csr_matrix:
    totals = np.bincount(counts.indices, weights=counts.data, minlength=counts.shape[1])
    mean_total = max(float(totals[1:].mean()), 1e-12)
    discount = k1 * (1 - b + b * totals[counts.indices] / mean_total)
    weighted = counts.copy()
    saturated = counts.data * (k1 + 1) / (discount + counts.data)
    weighted.data = (saturated * _inverse_frequency(counts)).astype(np.float32)
    return weighted
