"""Dense item-to-item matrices within a stated memory, for the linear models."""

from __future__ import annotations

import logging
from math import isqrt

import numpy as np
import psutil
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.errors import NotEnoughMemory
from nextact.models.baselines.history_weights import Weights, counted_events, event_weights, largest_weights
from nextact.models.baselines.shared_options import LinearOptions
from nextact.processes.threads import in_threads
from nextact.sequences.histories import Histories

logger = logging.getLogger(__name__)

Dense = NDArray[np.float32]
Items = NDArray[np.int64]

GIB = 2**30

BLOCK_ITEMS = 256
BLOCK_USERS = 4_096
SMALL_CATALOGUE = 8_192  # items whose product, 256 MiB, may stand in memory twice
FEW_USERS = 32  # an item that more than one in so many users chose is multiplied as a dense column


def training_matrix(histories: Histories, n_items: int, options: LinearOptions, of_types: Weights) -> csr_matrix:
    """Users x items as a linear model learns from it, float32 [users, n_items + 1].

    Binary unless events are weighed or fade; of repeated events the one that weighs most counts.
    """
    counted = counted_events(histories, of_types)
    weights = event_weights(counted, of_types, options.training_decay, options.training_half_life_days)
    return largest_weights(counted, n_items, weights)


def most_items(options: LinearOptions) -> int:
    """Most items whose Gram matrix, of 4 bytes a cell, the options allow; at least one.

    Example:
        >>> most_items(LinearOptions(memory_gib=4 * 100**2 / 2**30))
        100
    """
    return max(min(options.max_items, isqrt(int(options.memory_gib * 2**30 / 4))), 1)


def items_that_fit(matrix: csr_matrix, options: LinearOptions, name: str) -> Items:
    """Items whose Gram matrix fits in the stated memory: all that occur, or the most frequent of them.

    Args:
        matrix: Users x items.
        options: ``max_items`` and ``memory_gib``.
        name: Model to name in the log, which says how many items are left out.

    Returns:
        Item indices in ascending order, at least one, so that a log without events fits an empty model; of equally
        frequent items the lower index stays.

    Raises:
        NotEnoughMemory: If the matrix of these items, and a copy that is made of it, would take more than is free.
    """
    frequency = np.bincount(matrix.indices, minlength=matrix.shape[1])
    occurring = np.flatnonzero(frequency)
    most = most_items(options)
    _require_free(min(len(occurring), most))
    if len(occurring) <= most:
        return occurring if len(occurring) else np.array([1])
    events_kept = np.sort(frequency)[::-1][:most].sum()
    logger.warning(
        "%s: fitted on the %s most frequent of %s items, which hold %.1f %% of the users' items; the others score 0 "
        "(memory_gib %s, max_items %s)",
        *(name, f"{most:,}", f"{len(occurring):,}", 100 * events_kept / frequency.sum()),
        *(options.memory_gib, f"{options.max_items:,}"),
    )
    return np.sort(np.argsort(-frequency, kind="stable")[:most])


def _require_free(n_items: int) -> None:
    needed, free = 2 * 4 * n_items**2, psutil.virtual_memory().available
    if needed > free:
        raise NotEnoughMemory(
            f"the matrix of {n_items:,} items needs about {needed / GIB:.1f} GiB and {free / GIB:.1f} GiB are free; "
            f"try memory_gib: {max(free / 4 / GIB, 0.01):.2f}, which fits the most frequent items alone"
        )


def dense_gram(matrix: csr_matrix) -> Dense:
    """Items x items product of a users x items matrix with itself; Fortran order.

    Of sparse products only the half on one side of the diagonal is computed, a block of items at a time, in threads:
    scipy lets go of Python's lock. In a small catalogue the products of items that many users chose are left to BLAS,
    which multiplies fifty times as fast and soon makes up for the zeros.
    """
    n_items = matrix.shape[1]
    order, n_rare = _rare_first(matrix)
    ordered = matrix.tocsr() if n_rare == n_items else csr_matrix(matrix[:, order])
    gram = np.empty((n_items, n_items), np.float32)
    if n_rare < n_items:
        gram[n_rare:, n_rare:] = _product_by_blas(ordered[:, n_rare:])
    by_item = ordered.T.tocsr()

    def fill(start: int) -> None:
        end = min(start + BLOCK_ITEMS, n_rare)
        gram[start:end, start:] = (by_item[start:end] @ ordered[:, start:]).toarray()
        gram[end:, start:end] = gram[start:end, end:].T

    in_threads(fill, range(0, n_rare, BLOCK_ITEMS))
    return (gram if n_rare == n_items else _reordered(gram, np.argsort(order))).T


def _rare_first(matrix: csr_matrix) -> tuple[Items, int]:
    """Items in an order that ends with those that many users chose, and how many come before these."""
    n_users, n_items = matrix.shape
    often = np.bincount(matrix.indices, minlength=n_items) * FEW_USERS > n_users
    if n_items > SMALL_CATALOGUE:  # putting the product back in order takes it twice
        often[:] = False
    return np.argsort(often, kind="stable"), int((~often).sum())


def _product_by_blas(matrix: csr_matrix) -> Dense:
    product: Dense = np.zeros((matrix.shape[1], matrix.shape[1]), np.float32)
    for start in range(0, matrix.shape[0], BLOCK_USERS):
        block = matrix[start : start + BLOCK_USERS].toarray()
        product += block.T @ block
    return product


def _reordered(gram: Dense, order: Items) -> Dense:
    found = np.empty_like(gram)

    def put(start: int) -> None:
        found[start : start + BLOCK_ITEMS] = np.take(gram[order[start : start + BLOCK_ITEMS]], order, axis=1)

    in_threads(put, range(0, len(gram), BLOCK_ITEMS))
    return found


def to_catalogue(weights: csr_matrix, items: Items, n_items: int) -> csr_matrix:
    """Weights between some items as float32 [n_items + 1, n_items + 1]; the rows and columns of others are empty."""
    found = weights.tocoo()
    coordinates = (items[found.row], items[found.col])
    return csr_matrix((found.data.astype(np.float32, copy=False), coordinates), shape=(n_items + 1, n_items + 1))


def say_what_was_left_out(items: Items, n_items: int) -> dict[str, int]:
    """For the fit report: items fitted, and those that never occurred in training or did not fit in memory."""
    return {"items": len(items), "items_left_out": n_items - len(items)}
