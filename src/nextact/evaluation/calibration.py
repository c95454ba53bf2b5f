"""Whether an item to which a model gives a probability is chosen that often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nextact.evaluation.tables import hits
from nextact.metrics.targets import Targets
from nextact.results.evaluation import Bin


def calibration_table(
    lists: NDArray[np.int32], probability: NDArray[np.floating], targets: Targets, n_bins: int
) -> tuple[Bin, ...]:
    """Predicted beside observed probability of the listed items, by bins of the predicted one.

    A probability is that of the next event being on the item. Of a step of several items each is as much the next
    one as the others, so a hit among ``R`` relevant items counts ``1 / R``; relevant items outside the catalogue count
    in ``R``: their users were shown these probabilities, too.

    Args:
        lists: int32 [users, k], 0 for an empty place.
        probability: float [users, k], of the listed items.
        targets: Relevant items of the same users.
        n_bins: Most bins, as many places in each; equal probabilities stay together, so there may be fewer.

    Returns:
        From small to large probabilities.

    Example:
        >>> lists, probability = np.array([[1], [2]]), np.array([[0.2], [0.8]])
        >>> calibration_table(lists, probability, Targets.from_lists([[2], [2]]), n_bins=2)[1]
        Bin(low=0.8, high=0.8, places=1, predicted=0.8, observed=1.0)
    """
    filled = lists > 0
    predicted = probability[filled].astype(np.float64)
    observed = (hits(lists, targets) / np.maximum(targets.n_relevant, 1)[:, None])[filled]
    bins = _bins(predicted, n_bins)
    return tuple(_bin(predicted[bins == at], observed[bins == at]) for at in range(int(bins.max(initial=-1)) + 1))


def calibration_error(table: Sequence[Bin]) -> float:
    """Mean distance of observed from predicted probability over the bins, weighted by their places.

    Returns:
        A value in [0, 1], 0 where each bin is right on average. It is small where all probabilities are: read it beside
        the mean of the predicted ones.

    Source:
        Naeini, Cooper & Hauskrecht, AAAI 2015 (bins of equal size: Nguyen & O'Connor, EMNLP 2015).

    Example:
        >>> calibration_error([Bin(low=0.5, high=0.5, places=3, predicted=0.5, observed=0.25)])
        0.25
    """
    places = sum(one.places for one in table)
    gaps = sum(one.places * abs(one.observed - one.predicted) for one in table)
    return float(gaps / places) if places else 0.0


def _bins(values: NDArray[np.float64], n_bins: int) -> NDArray[np.int64]:
    """The bin of each value, 0 .. at most ``n_bins`` - 1, none empty."""
    if not len(values):
        return np.zeros(0, np.int64)
    edges = np.unique(np.quantile(values, np.arange(1, n_bins) / n_bins))
    found: NDArray[np.int64] = np.unique(np.searchsorted(edges, values, side="left"), return_inverse=True)[1]
    return found


def _bin(predicted: NDArray[np.float64], observed: NDArray[np.float64]) -> Bin:
    return Bin(
        low=float(predicted.min()),
        high=float(predicted.max()),
        places=len(predicted),
        predicted=float(predicted.mean()),
        observed=float(observed.mean()),
    )
