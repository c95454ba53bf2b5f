"""What lists are like, whoever is served by them.

To add a metric, write a function of arrays in ``nextact.metrics.lists`` and register it in :data:`LIST_METRICS`.
The results of a run, the page, the model card and MLflow then have it under its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.metrics import lists
from nextact.metrics.errors import UndefinedError
from nextact.sequences.histories import Histories


@dataclass(frozen=True, eq=False)
class ServedLists:
    """What a metric of lists may read.

    Attributes:
        lists: int32 [users, k]; ``item_index``, best first, 0 for an empty place.
        histories: Of the same users.
        popularity: int64 [n_items + 1]; training events of each item.
        vectors: float [n_items + 1, dimensions] of the items, if there are any.
        categories: int [n_items + 1]; code of each item's category, below 0 for none, if a column is named.
    """

    lists: NDArray[np.int32]
    histories: Histories
    popularity: NDArray[np.int64]
    vectors: NDArray[np.floating] | None
    categories: NDArray[np.int64] | None

    @property
    def n_items(self) -> int:
        """Items of the catalogue."""
        return len(self.popularity) - 1

    @property
    def history_items(self) -> NDArray[np.int32]:
        """int32 [events]; the histories one after another."""
        return self.histories.item_index

    @property
    def history_offsets(self) -> NDArray[np.int64]:
        """int64 [users + 1]; where each history begins and ends."""
        return self.histories.offsets


@dataclass(frozen=True)
class ListMetric:
    """A metric of lists.

    Attributes:
        measure: The function.
        reads: Attributes of :class:`ServedLists` that it is handed, in this order; where one of them is not there, it
            is not measured.
    """

    measure: Callable[..., float]
    reads: tuple[str, ...]


LIST_METRICS: Mapping[str, ListMetric] = {
    "coverage": ListMetric(lists.coverage, ("lists", "n_items")),
    "gini": ListMetric(lists.gini, ("lists", "n_items")),
    "novelty": ListMetric(lists.novelty, ("lists", "popularity")),
    "popularity_lift": ListMetric(lists.popularity_lift, ("lists", "history_items", "history_offsets", "popularity")),
    "diversity_text": ListMetric(lists.intra_list_diversity, ("lists", "vectors")),
    "diversity_category": ListMetric(lists.category_diversity, ("lists", "categories")),
}


def list_metrics(served: ServedLists) -> dict[str, float | None]:
    """Every metric that these lists allow, by name; None where it is undefined for them.

    Raises:
        MetricsError: If the lists are no lists of the catalogue.
    """
    read = {name: [getattr(served, one) for one in metric.reads] for name, metric in LIST_METRICS.items()}
    return {
        name: _measured(LIST_METRICS[name].measure, values)
        for name, values in read.items()
        if not any(value is None for value in values)
    }


def _measured(measure: Callable[..., float], values: list[Any]) -> float | None:
    try:
        return measure(*values)
    except UndefinedError:
        return None
