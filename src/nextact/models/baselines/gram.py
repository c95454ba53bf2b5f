"""Dense item-to-item matrices within a stated memory, for the linear models."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from math import isqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.models.baselines.history_weights import Weights, counted_events, event_weights, largest_weights
from nextact.models.baselines.shared_options import LinearOptions
from nextact.sequences.histories import Histories

logger = logging.getLogger(__name__)

Dense = NDArray[np.float32]
Items = NDArray[np.int64]

T = TypeVar("T")

BLOCK_ITEMS = 256


def training_matrix(histories: Histories, n_items: int, options: LinearOptions, of_types: Weights) -> csr_matrix:
    """Users x items as a linear model learns from it, float32 [users, n_items + 1].

    Binary unless events are weighed or fade; of repeated events the one that weighs most counts.
    """
    counted = counted_events(histories, of_types)
    weights = event_weights(counted, of_types, options.training_decay, options.training_half_life_days)
    return largest_weights(counted, n_items, weights)


def items_that_fit(matrix: csr_matrix, options: LinearOptions, name: str) -> Items:
    """Items whose Gram matrix fits in the stated memory: all that occur, or the most frequent of them.

    Args:
        matrix: Users x items.
        options: ``max_items`` and ``memory_gib``.
        name: Model to name in the log, which says how many items are left out.

    Returns:
        Item indices in ascending order, at least one, so that a log without events fits an empty model; of equally
        frequent items the lower index stays.
    """
    frequency = np.bincount(matrix.indices, minlength=matrix.shape[1])
    occurring = np.flatnonzero(frequency)
    most = max(min(options.max_items, isqrt(int(options.memory_gib * 2**30 / 4))), 1)
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


def dense_gram(matrix: csr_matrix) -> Dense:
    """Items x items product of a users x items matrix with itself; Fortran order.

    Only the half on one side of the diagonal is computed, a block of items at a time, in threads: scipy's products let
    go of Python's lock.
    """
    by_user = matrix.tocsr()
    by_item = matrix.T.tocsr()
    n_items = matrix.shape[1]
    gram = np.empty((n_items, n_items), np.float32)

    def fill(start: int) -> None:
        end = min(start + BLOCK_ITEMS, n_items)
        gram[start:end, start:] = (by_item[start:end] @ by_user[:, start:]).toarray()
        gram[end:, start:end] = gram[start:end, end:].T

    in_threads(fill, range(0, n_items, BLOCK_ITEMS))
    return gram.T


def in_threads(work: Callable[[int], T], places: Iterable[int]) -> list[T]:
    """What ``work`` gives for each place, in order; as many threads as BLAS may use."""
    stated = os.environ.get("OMP_NUM_THREADS", "")
    with ThreadPoolExecutor(int(stated) if stated.isdigit() and int(stated) else os.cpu_count()) as threads:
        return list(threads.map(work, places))


def to_catalogue(weights: csr_matrix, items: Items, n_items: int) -> csr_matrix:
    """Weights between some items as float32 [n_items + 1, n_items + 1]; the rows and columns of others are empty."""
    found = weights.tocoo()
    coordinates = (items[found.row], items[found.col])
    return csr_matrix((found.data.astype(np.float32, copy=False), coordinates), shape=(n_items + 1, n_items + 1))


def say_what_was_left_out(items: Items, n_items: int) -> dict[str, int]:
    """For the fit report: items fitted, and those that never occurred in training or did not fit in memory."""
    return {"items": len(items), "items_left_out": n_items - len(items)}
