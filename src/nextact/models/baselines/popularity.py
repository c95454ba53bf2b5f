"""Popularity, recent popularity, and each user's own favourites."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.events.moments import DAY
from nextact.models.baselines.baseline_options import (
    PersonalPopularityOptions,
    PopularityOptions,
    RecentPopularityOptions,
)
from nextact.models.baselines.gaps import due_factors, item_gaps
from nextact.models.baselines.history_weights import (
    Weights,
    counted_events,
    history_matrix,
    read_history,
    type_weights,
)
from nextact.models.baselines.storage import load_model, save_model
from nextact.models.grounds import Ground, Grounds
from nextact.models.recommender import FitReport, Scores, Training
from nextact.sequences.histories import Histories

Counts = NDArray[np.float32]


def event_counts(histories: Histories, n_items: int, weights: Weights | None = None) -> Counts:
    """Sum of event weights per item, float32 [n_items + 1]."""
    return np.bincount(histories.item_index, weights=weights, minlength=n_items + 1).astype(np.float32)


def global_recency_weights(histories: Histories, half_life_days: float) -> Weights:
    """0.5 to the power of (age / half-life), age running to the newest event of the whole log."""
    if histories.n_events == 0:
        return np.zeros(0)
    age = histories.timestamp.max() - histories.timestamp
    weights: Weights = np.exp2(-age / (half_life_days * DAY))
    return weights


class SameForEverybody:
    """One list for all users: items by ``counts``."""

    grounds = Grounds(named=Ground.POPULAR, otherwise=Ground.POPULAR)
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


class Popularity(SameForEverybody):
    """Items by number of training events."""

    options_class = PopularityOptions

    def fit(self, training: Training) -> FitReport:
        """Count events."""
        weights = type_weights(self.options, training.event_types)[training.histories.event_type]
        self.counts = event_counts(training.histories, training.n_items, weights)
        return {}


class RecentPopularity(SameForEverybody):
    """Items by recent training events."""

    grounds = Grounds(named=Ground.RECENT, otherwise=Ground.RECENT)
    options_class = RecentPopularityOptions

    def fit(self, training: Training) -> FitReport:
        """Count events, each by its recency in the whole log."""
        recency = global_recency_weights(training.histories, self.options.half_life_days)
        weights = recency * type_weights(self.options, training.event_types)[training.histories.event_type]
        self.counts = event_counts(training.histories, training.n_items, weights)
        return {}


class PersonalPopularity:
    """What this user chose most, recent events first; then what is popular."""

    grounds = Grounds(named=Ground.STEP, otherwise=Ground.POPULAR)

    def __init__(self, options: PersonalPopularityOptions) -> None:
        self.options = options

    def fit(self, training: Training) -> FitReport:
        """Count events for the tail of the list, and learn how long people go without an item."""
        self.of_types = type_weights(self.options, training.event_types)
        weights = self.of_types[training.histories.event_type]
        counts = event_counts(training.histories, training.n_items, weights)
        self.tail = counts / max(float(counts.max()), 1.0) * np.float32(self.options.popularity_weight)
        self.gaps = item_gaps(counted_events(training.histories, self.of_types), training.n_items)
        return {"items_bought_again": int((self.gaps > 0).sum())}

    def score(self, histories: Histories) -> Scores:
        """Recency-weighted counts of the user's own items, less where not yet due, plus a small popularity."""
        own = read_history(histories, len(self.tail) - 1, self.options, self.of_types)
        if self.options.gap_power > 0:
            counted = counted_events(histories, self.of_types)
            own = csr_matrix(own.multiply(due_factors(counted, self.gaps, self.options.gap_power)))
        scores: Scores = own.toarray() + self.tail
        return scores

    def evidence(self, histories: Histories, item_index: NDArray[np.int32]) -> NDArray[np.int32]:
        """The item itself, where the user chose it before."""
        own = history_matrix(counted_events(histories, self.of_types), len(self.tail) - 1)
        rows = np.repeat(np.arange(histories.n_users), item_index.shape[1])
        counts = np.asarray(own[rows, item_index.ravel().astype(np.int64)]).reshape(item_index.shape)
        return np.where(counts > 0, item_index, 0).astype(np.int32)

    def save(self, folder: Path) -> None:
        """Write the popularity tail and the gaps."""
        arrays = {"tail": self.tail, "gaps": self.gaps, "of_types": self.of_types}
        save_model(folder, self.options, len(self.tail) - 1, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the popularity tail and the gaps."""
        options, _, arrays = load_model(folder)
        model = cls(PersonalPopularityOptions(**options))
        model.tail, model.gaps, model.of_types = arrays["tail"], arrays["gaps"], arrays["of_types"]
        return model
