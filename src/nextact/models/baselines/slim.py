"""SLIM: an item is predicted from a few other items, with weights that are not negative."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.models.baselines.baseline_options import SLIMOptions
from nextact.models.baselines.gram import (
    Dense,
    dense_gram,
    items_that_fit,
    say_what_was_left_out,
    to_catalogue,
    training_matrix,
)
from nextact.models.baselines.history_weights import type_weights
from nextact.models.baselines.item_to_item import ItemToItem
from nextact.models.recommender import FitReport, Training

BLOCK_BYTES = 2**26  # of the Gram matrices of one block's neighbours


class SLIM(ItemToItem):
    """Elastic net of each item on its nearest items, weights not negative (Ning & Karypis, ICDM 2011).

    Weights are sought among an item's nearest items by cosine alone, as the authors' fsSLIM does.
    """

    options_class = SLIMOptions

    def fit(self, training: Training) -> FitReport:
        """Solve blocks of items by coordinate descent, all items of a block at once."""
        self.of_types = type_weights(self.options, training.event_types)
        matrix = training_matrix(training.histories, training.n_items, self.options, self.of_types)
        items = items_that_fit(matrix, self.options, "slim")
        gram = dense_gram(matrix[:, items])
        n_near = min(self.options.neighbours, len(items))
        size = max(1, BLOCK_BYTES // (4 * n_near**2))
        blocks = [
            self._solve_block(gram, np.arange(start, min(start + size, len(items))), n_near)
            for start in range(0, len(items), size)
        ]
        self.weights = to_catalogue(sum(blocks[1:], blocks[0]), items, training.n_items)
        return {"weights": int(self.weights.nnz), **say_what_was_left_out(items, training.n_items)}

    def _solve_block(self, gram: Dense, targets: NDArray[np.int64], n_near: int) -> csr_matrix:
        """Columns ``targets`` of the weights, float32 [items, items]."""
        near_TK = nearest_by_cosine(gram, targets, n_near)
        links_TK = np.where(near_TK == targets[:, None], 0.0, gram[near_TK, targets[:, None]]).astype(np.float32)
        gram_TKK = gram[near_TK[:, :, None], near_TK[:, None, :]]
        weights_TK = nonnegative_elastic_net(gram_TKK, links_TK, self.options)
        target, place = np.nonzero(weights_TK)
        found = (weights_TK[target, place], (near_TK[target, place], targets[target]))
        return csr_matrix(found, shape=gram.shape)


def nearest_by_cosine(gram: Dense, targets: NDArray[np.int64], n_near: int) -> NDArray[np.int64]:
    """The ``n_near`` items with the highest cosine to each target, int64 [targets, n_near], ascending by index."""
    norms = np.sqrt(np.maximum(gram.diagonal(), 1e-12))
    cosine = gram[:, targets].T / norms
    cosine[np.arange(len(targets)), targets] = -1.0
    near: NDArray[np.int64] = np.sort(np.argpartition(-cosine, n_near - 1, axis=1)[:, :n_near], axis=1)
    return near


def nonnegative_elastic_net(gram_TKK: Dense, links_TK: Dense, options: SLIMOptions) -> Dense:
    """Minimise ``w'Gw/2 - g'w + l1 |w| + l2 w'w/2`` over ``w >= 0`` for T targets at once, by coordinate descent.

    Args:
        gram_TKK: Products of each target's K neighbours with each other.
        links_TK: Their products with the target; a neighbour at 0 or below keeps weight 0.
        options: ``l1``, ``l2``, ``max_sweeps`` and ``tolerance``.

    Returns:
        float32 [T, K].

    Source:
        Friedman, Hastie & Tibshirani, 2010. scikit-learn's ``ElasticNet`` on U users minimises the same divided by U:
        ``alpha = (l1 + l2) / U``, ``l1_ratio = l1 / (l1 + l2)``.
    """
    diagonal_TK = np.einsum("tkk->tk", gram_TKK)
    divisor_TK = np.maximum(diagonal_TK + np.float32(options.l2), np.float32(1e-12))
    weights_TK, residual_TK = np.zeros_like(links_TK), links_TK.copy()
    for _ in range(options.max_sweeps):
        largest = 0.0
        for place in range(links_TK.shape[1]):
            old = weights_TK[:, place]
            pull = residual_TK[:, place] + diagonal_TK[:, place] * old - np.float32(options.l1)
            change = np.maximum(pull, 0.0) / divisor_TK[:, place] - old
            moved = np.flatnonzero(change)
            if len(moved):
                weights_TK[moved, place] += change[moved]
                residual_TK[moved] -= gram_TKK[moved, place] * change[moved, None]
                largest = max(largest, float(np.abs(change).max()))
        if largest <= options.tolerance:
            break
    return weights_TK
