"""Which held-out steps a hybrid learns from; their histories are copied a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.targets import Targets
from nextact.models.recommender import Training
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout, LaterSteps

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RankingExamples:
    """Rows of a holdout and of the steps behind its targets.

    Each row has all that its user did before it, so that the histories of all rows together may take many times the
    memory of the log: they are copied for the rows that are taken alone.

    Attributes:
        first: Users and their targets.
        later: What they did afterwards; None where nothing of it is a row.
        rows: int64 [L], positions in ``first.users`` and, from ``len(first.users)`` on, in ``later.users``.
    """

    first: Holdout
    later: LaterSteps | None
    rows: Rows

    @classmethod
    def of(cls, holdout: Holdout | RankingExamples) -> RankingExamples:
        """Every row of a holdout in its order; examples as they are."""
        return holdout if isinstance(holdout, RankingExamples) else cls(holdout, None, np.arange(len(holdout.users)))

    @property
    def users(self) -> NDArray[np.int64]:
        """The user of each row, int64 [L]."""
        later = () if self.later is None else self.later.users
        users: NDArray[np.int64] = np.concatenate([self.first.users, later])[self.rows].astype(np.int64)
        return users

    @property
    def n_events(self) -> NDArray[np.int64]:
        """Events of the history of each row, int64 [L]."""
        later = np.zeros(0, np.int64) if self.later is None else self.later.n_before
        n_events: NDArray[np.int64] = np.concatenate([self.first.histories.lengths, later])[self.rows]
        return n_events

    @property
    def in_catalogue(self) -> NDArray[np.bool_]:
        """Which rows have a target in the catalogue, bool [L]; a later step has."""
        later = 0 if self.later is None else len(self.later.users)
        found: NDArray[np.bool_] = np.append(self.first.targets.n_in_catalogue > 0, np.ones(later, np.bool_))[self.rows]
        return found

    def only(self, which: Rows) -> RankingExamples:
        """Some of the rows, by place; nothing is copied."""
        return RankingExamples(self.first, self.later, self.rows[which])

    @property
    def targets(self) -> Targets:
        """Of each row."""
        of_first, of_later, order = self._by_source()
        targets = self.first.targets.take(of_first)
        if self.later is None or not len(of_later):
            return targets
        return _targets(targets, self.later.targets(of_later)).take(order)

    def take(self, which: Rows) -> Holdout:
        """Some of the rows, by place, with their histories."""
        of_first, of_later, order = self.only(which)._by_source()
        first = self.first.take(of_first)
        if self.later is None or not len(of_later):
            return first
        return joined(first, self.later.take(of_later)).take(order)

    def _by_source(self) -> tuple[Rows, Rows, Rows]:
        """Positions in ``first`` and in ``later``, and where each row is when the second follow the first."""
        n_first = len(self.first.users)
        is_later = self.rows >= n_first
        order = np.argsort(np.argsort(is_later, kind="stable"), kind="stable")
        return self.rows[~is_later], self.rows[is_later] - n_first, order

    def blocks(self, most_rows: int, most_events: int) -> Iterator[Rows]:
        """Places of consecutive rows, so many that neither the rows nor the events of their histories are too many.

        A row whose history alone is longer is a block of its own.
        """
        n_events, start = self.n_events, 0
        while start < len(n_events):
            so_far = np.cumsum(n_events[start : start + most_rows])
            end = start + max(int(np.searchsorted(so_far, most_events, side="right")), 1)
            yield np.arange(start, end)
            start = end


def examples(training: Training, later_steps: bool, most: int, most_of_user: int) -> RankingExamples:
    """The fitting users' targets and, after these, what they did later in the validation window.

    Args:
        training: Of the run.
        later_steps: Whether to take later steps too.
        most: Rows to take; if there are more, every user keeps the first target before any has a second step.
        most_of_user: Later steps of one user to take; if there are more, some of them at random.

    Returns:
        Rows in random order by the seed; a user may have several.
    """
    rng = np.random.default_rng(training.context.seed)
    first, later = training.validation, training.later_steps
    chosen = rng.permutation(len(first.users))[:most]
    room = most - len(chosen)
    if not later_steps or later is None or not room or not len(later.users):
        return RankingExamples(first, None, chosen)
    drawn = rng.permutation(len(later.users))
    drawn = drawn[_nth_of_user(later.users[drawn]) < most_of_user][:room]
    rows = np.concatenate([chosen, drawn + len(first.users)])
    return RankingExamples(first, later, rows[rng.permutation(len(rows))])


def _nth_of_user(users: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many rows of the same user come before each one.

    Example:
        >>> _nth_of_user(np.array([7, 3, 7, 7])).tolist()
        [0, 0, 1, 2]
    """
    order = np.argsort(users, kind="stable")
    ordered = users[order]
    nth = np.empty(len(users), np.int64)
    nth[order] = np.arange(len(users)) - np.searchsorted(ordered, ordered)
    return nth


def joined(one: Holdout, other: Holdout) -> Holdout:
    """The rows of both."""
    return Holdout(
        np.concatenate([one.users, other.users]),
        _histories(one.histories, other.histories),
        _targets(one.targets, other.targets),
        np.concatenate([one.next_types, other.next_types]),
    )


def _targets(one: Targets, other: Targets) -> Targets:
    return Targets(
        _offsets(one.offsets, other.offsets),
        np.concatenate([one.item_index, other.item_index]),
        np.concatenate([one.n_missing, other.n_missing]),
    )


def _histories(one: Histories, other: Histories) -> Histories:
    """Both sets of users; each starts at offset 0, as copies do."""
    names = [field.name for field in fields(Histories) if field.name != "offsets"]
    arrays = {name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in names}
    return Histories(offsets=_offsets(one.offsets, other.offsets), **arrays)


def _offsets(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([one, one[-1] + other[1:]])
