"""TIFU-KNN: what a user keeps choosing, blended with what similar users keep choosing."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.models.baselines.baseline_options import TIFUKNNOptions
from nextact.models.baselines.gaps import due_factors, item_gaps
from nextact.models.baselines.history_weights import Weights, counted_events, steps_back, type_weights
from nextact.models.baselines.neighbours import mean_of_rows, nearest_rows
from nextact.models.baselines.storage import load_model, pack_sparse, save_model, unpack_sparse
from nextact.models.grounds import Ground, Grounds
from nextact.models.recommender import FitReport, Scores, Training
from nextact.sequences.histories import Histories


class TIFUKNN:
    """Next baskets from temporal item frequencies of the user and of their neighbours (Hu et al., SIGIR 2020).

    Neighbours are training users. A user of the training log is thus their own nearest neighbour, with one of
    ``neighbours`` votes.
    """

    grounds = Grounds(named=Ground.STEP, otherwise=Ground.NEIGHBOURS)

    def __init__(self, options: TIFUKNNOptions) -> None:
        self.options = options

    def fit(self, training: Training) -> FitReport:
        """Keep the frequency vector of every training user, and learn how long people go without an item."""
        self.of_types = type_weights(self.options, training.event_types)
        histories = counted_events(training.histories, self.of_types)
        vectors = frequency_vectors(histories, training.n_items, self.options, self.of_types)
        self.users = vectors[np.diff(vectors.indptr) > 0]
        self.gaps = item_gaps(histories, training.n_items)
        return {"users": int(self.users.shape[0]), "entries": int(self.users.nnz)}

    def score(self, histories: Histories) -> Scores:
        """``own_share`` of the own frequencies, held back where not yet due, and the rest of the neighbours' mean."""
        histories = counted_events(histories, self.of_types)
        own = frequency_vectors(histories, len(self.gaps) - 1, self.options, self.of_types)
        near = nearest_rows(own, self.users, self.options.neighbours, self.options.similarity)
        if self.options.gap_power > 0:
            own = csr_matrix(own.multiply(due_factors(histories, self.gaps, self.options.gap_power)))
        share = np.float32(self.options.own_share)
        scores: Scores = mean_of_rows(self.users, near).astype(np.float32, copy=False)
        scores *= 1 - share
        scores += (own * share).toarray()
        return scores

    def evidence(self, histories: Histories, item_index: NDArray[np.int32]) -> NDArray[np.int32]:
        """The item itself, where the user chose it before; 0 where only neighbours speak for it."""
        histories = counted_events(histories, self.of_types)
        own = frequency_vectors(histories, len(self.gaps) - 1, self.options, self.of_types)
        rows = np.repeat(np.arange(histories.n_users), item_index.shape[1])
        values = np.asarray(own[rows, item_index.ravel().astype(np.int64)]).reshape(item_index.shape)
        return np.where(values > 0, item_index, 0).astype(np.int32)

    def save(self, folder: Path) -> None:
        """Write the users' vectors and the gaps."""
        arrays = pack_sparse(self.users) | {"gaps": self.gaps, "of_types": self.of_types}
        save_model(folder, self.options, len(self.gaps) - 1, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the users' vectors and the gaps."""
        options, n_items, arrays = load_model(folder)
        model = cls(TIFUKNNOptions(**options))
        model.users = unpack_sparse(arrays, n_items + 1)
        model.gaps, model.of_types = arrays["gaps"], arrays["of_types"]
        return model


def frequency_vectors(histories: Histories, n_items: int, options: TIFUKNNOptions, of_types: Weights) -> csr_matrix:
    """Temporal item frequencies, float32 [users, n_items + 1].

    A history of steps is cut into groups of ``group_steps`` from its newest step backwards, so that the oldest group
    may be shorter. A group's vector is the mean over its steps, step ``i`` back from its end weighing
    ``within_decay ** i``; the user's is the mean over groups, group ``j`` back weighing ``between_decay ** j``. An
    item counts once a step, with the largest weight among its events there.
    """
    back, steps = steps_back(histories), histories.steps_of_events()
    group, place = np.divmod(back, options.group_steps)
    user = histories.users_of_events
    n_steps = np.bincount(user[histories.starts_step], minlength=histories.n_users)[user]
    n_groups = -(-n_steps // options.group_steps)
    in_group = np.minimum(options.group_steps, n_steps - group * options.group_steps)
    fading = options.within_decay**place / in_group * options.between_decay**group / n_groups
    weights, counted = fading * of_types[histories.event_type], _heaviest_of_item_in_step(histories, steps, of_types)
    coordinates = (user[counted], histories.item_index[counted].astype(np.int64))
    shape = (histories.n_users, n_items + 1)
    return csr_matrix((weights[counted].astype(np.float32), coordinates), shape=shape)


def _heaviest_of_item_in_step(histories: Histories, steps: NDArray[np.int64], of_types: Weights) -> NDArray[np.int64]:
    """Positions of the events that count: of several events of one item in one step, the one that weighs most."""
    order = np.lexsort((-of_types[histories.event_type], histories.item_index, steps))
    item, step = histories.item_index[order], steps[order]
    first = np.ones(len(order), bool)
    first[1:] = (item[1:] != item[:-1]) | (step[1:] != step[:-1])
    return order[first]
