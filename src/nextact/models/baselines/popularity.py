"""Popularity, recent popularity, and each user's own favourites."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from nextact.models.baselines.history_weights import MICROSECONDS_PER_DAY, history_matrix, recency_weights
from nextact.models.baselines.options import OwnMostBoughtOptions, PopularityOptions, RecentPopularityOptions
from nextact.models.baselines.storage import load_model, save_model
from nextact.models.recommender import FitReport, Scores, Training
from nextact.sequences.histories import Histories

Counts = NDArray[np.float32]


def event_counts(histories: Histories, n_items: int, weights: NDArray[np.float64] | None = None) -> Counts:
    """Sum of event weights per item, float32 [n_items + 1]."""
    return np.bincount(histories.item_index, weights=weights, minlength=n_items + 1).astype(np.float32)


def global_recency_weights(histories: Histories, half_life_days: float) -> NDArray[np.float64]:
    """0.5 to the power of (age / half-life), age running to the newest event of the whole log."""
    if histories.n_events == 0:
        return np.zeros(0)
    age = histories.timestamp.max() - histories.timestamp
    weights: NDArray[np.float64] = np.exp2(-age / (half_life_days * MICROSECONDS_PER_DAY))
    return weights


class _SameForEverybody:
    """One list for all users: items by ``counts``."""

    counts: Counts
    options_class: ClassVar[type[Any]]

    def __init__(self, options: Any) -> None:
        self.options = options

    def score(self, histories: Histories) -> Scores:
        """The counts, once per user."""
        return np.tile(self.counts, (histories.n_users, 1))

    def save(self, folder: Path) -> None:
        """Write the counts."""
        save_model(folder, self.options, len(self.counts) - 1, {"counts": self.counts})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the counts."""
        options, _, arrays = load_model(folder)
        model = cls(cls.options_class(**options))
        model.counts = arrays["counts"]
        return model


class Popularity(_SameForEverybody):
    """Items by number of training events."""

    options_class = PopularityOptions

    def fit(self, training: Training) -> FitReport:
        """Count events."""
        self.counts = event_counts(training.histories, training.n_items)
        return {}


class RecentPopularity(_SameForEverybody):
    """Items by recent training events."""

    options_class = RecentPopularityOptions

    def fit(self, training: Training) -> FitReport:
        """Count events, each by its recency in the whole log."""
        weights = global_recency_weights(training.histories, self.options.half_life_days)
        self.counts = event_counts(training.histories, training.n_items, weights)
        return {}


class OwnMostBought:
    """What this user chose most, recent events first; then what is popular."""

    def __init__(self, options: OwnMostBoughtOptions) -> None:
        self.options = options

    def fit(self, training: Training) -> FitReport:
        """Count events for the tail of the list; the rest needs no fitting."""
        counts = event_counts(training.histories, training.n_items)
        self.tail = counts / max(float(counts.max()), 1.0) * np.float32(self.options.popularity_weight)
        return {}

    def score(self, histories: Histories) -> Scores:
        """Recency-weighted counts of the user's own items plus a small popularity."""
        own = history_matrix(histories, len(self.tail) - 1, recency_weights(histories, self.options.half_life_days))
        scores: Scores = own.toarray() + self.tail
        return scores

    def evidence(self, histories: Histories, item_index: NDArray[np.int32]) -> NDArray[np.int32]:
        """The item itself, where the user chose it before."""
        own = history_matrix(histories, len(self.tail) - 1)
        rows = np.repeat(np.arange(histories.n_users), item_index.shape[1])
        counts = np.asarray(own[rows, item_index.ravel().astype(np.int64)]).reshape(item_index.shape)
        return np.where(counts > 0, item_index, 0).astype(np.int32)

    def save(self, folder: Path) -> None:
        """Write the popularity tail."""
        save_model(folder, self.options, len(self.tail) - 1, {"tail": self.tail})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the popularity tail."""
        options, _, arrays = load_model(folder)
        model = cls(OwnMostBoughtOptions(**options))
        model.tail = arrays["tail"]
        return model
