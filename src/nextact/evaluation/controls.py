"""Rankings that say the same to everybody: what can be had without knowing anything of a user."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextact.events.quality.bins import bin_bounds
from nextact.metrics.ranking import metrics_of_ranks
from nextact.metrics.targets import Targets
from nextact.metrics.tie_groups import TargetRanks

ItemScores = NDArray[np.float64]  # [n_items + 1]; position 0 is padding


def metric_for_everybody(item_scores: ItemScores, targets: Targets, metric: str) -> NDArray[np.float64]:
    """A metric of each user where all get the same ranking.

    Args:
        item_scores: float64 [n_items + 1], higher is better; equal scores count by expectation.
        targets: Relevant items, at least one a user.
        metric: A name such as ``ndcg@10``.

    Example:
        >>> metric_for_everybody(np.array([0, 2.0, 1.0]), Targets.from_lists([[1], [2]]), "mrr@2").tolist()
        [1.0, 0.5]
    """
    k = int(metric.rpartition("@")[2])
    return metrics_of_ranks(ranks_for_everybody(item_scores, targets, k), targets, (k,))[metric]


def ranks_for_everybody(item_scores: ItemScores, targets: Targets, depth: int) -> TargetRanks:
    """Where each relevant item stands in one ranking of all items."""
    ordered = np.sort(item_scores[1:])
    values = item_scores[targets.item_index]
    right = np.searchsorted(ordered, values, side="right")
    n_greater = np.minimum(len(ordered) - right, depth)
    n_equal = right - np.searchsorted(ordered, values, side="left")
    return TargetRanks(n_greater, n_equal, np.ones(len(values), np.bool_), depth)


def best_for_everybody(targets: Targets, n_items: int, k: int) -> ItemScores:
    """Scores of the one ranking that serves these very users best by NDCG@k.

    NDCG adds up over relevant items, each worth the discount of its rank divided by the user's ideal, so the best order
    is that of the sums over users. No ranking that is independent of the targets has a higher expected NDCG@k.

    Args:
        targets: Relevant items, at least one a user.
        n_items: Size of the catalogue.
        k: Cut-off.

    Example:
        >>> best_for_everybody(Targets.from_lists([[1], [1], [2]]), n_items=3, k=10).tolist()
        [0.0, 2.0, 1.0, 0.0]
    """
    ideal = np.cumsum(1 / np.log2(np.arange(2, k + 2)))[np.minimum(targets.n_relevant, k) - 1]
    worth = 1 / ideal[targets.users_of_items]
    return np.bincount(targets.item_index, weights=worth, minlength=n_items + 1).astype(np.float64)


def rate_by_count(popularity: NDArray[np.int64], targets: Targets) -> ItemScores:
    """How often an item of as many training events is a target: all that the count can tell, told by the targets.

    Args:
        popularity: int64 [n_items + 1]; training events of each item.
        targets: Relevant items.

    Returns:
        float64 [n_items + 1]: targets per item in the item's bin of training events.
    """
    bins = np.searchsorted([high for _, high in bin_bounds(int(popularity.max(initial=0)))], popularity)
    wanted = np.bincount(bins[targets.item_index], minlength=bins.max() + 1)
    items = np.bincount(bins[1:], minlength=bins.max() + 1)
    rates: ItemScores = (wanted / np.maximum(items, 1))[bins]
    return rates
