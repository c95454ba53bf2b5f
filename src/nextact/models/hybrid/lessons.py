"""Which held-out steps a hybrid learns from."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.targets import Targets
from nextact.models.recommender import Training
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout


def lessons(training: Training, later_steps: bool, most: int) -> Holdout:
    """The fitting users' targets and, after these, what they did later in the validation window.

    Args:
        training: Of the run.
        later_steps: Whether to take later steps too.
        most: Rows to take; if there are more, every user keeps the first target before any has a second step.

    Returns:
        Rows in random order by ``training.seed``; a user may have several.
    """
    rng = np.random.default_rng(training.seed)
    first = training.validation
    chosen = first.take(rng.permutation(len(first.users))[:most])
    later = training.later_steps
    room = most - len(chosen.users)
    if not later_steps or later is None or not room or not len(later.users):
        return chosen
    both = joined(chosen, later.take(rng.permutation(len(later.users))[:room]))
    return both.take(rng.permutation(len(both.users)))


def joined(one: Holdout, other: Holdout) -> Holdout:
    """The rows of both."""
    return Holdout(
        np.concatenate([one.users, other.users]),
        _histories(one.histories, other.histories),
        Targets(
            _offsets(one.targets.offsets, other.targets.offsets),
            np.concatenate([one.targets.item_index, other.targets.item_index]),
            np.concatenate([one.targets.n_missing, other.targets.n_missing]),
        ),
        np.concatenate([one.next_types, other.next_types]),
    )


def _histories(one: Histories, other: Histories) -> Histories:
    """Both sets of users; each starts at offset 0, as copies do."""
    names = [field.name for field in fields(Histories) if field.name != "offsets"]
    arrays = {name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in names}
    return Histories(offsets=_offsets(one.offsets, other.offsets), **arrays)


def _offsets(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([one, one[-1] + other[1:]])
