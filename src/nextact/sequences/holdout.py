"""Which part of each history is learnt from, and what is held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.targets import Targets
from nextact.sequences.histories import Histories


@dataclass(frozen=True)
class Cuts:
    """Positions in the histories' flat arrays for one holdout (validation or test).

    Attributes:
        history_end: int64 [U]; a user's history are the events before it.
        target_end: int64 [U]; the target are the events from ``history_end`` to it.
        n_missing: int64 [U]; distinct target items outside the catalogue, which no model can recommend.
        training_end: int64 [U]; what may be learnt from are the events before it. It lies before ``history_end`` where
            a history reaches beyond that: users kept out of training, or events between the split and the target.
            ``history_end``, if left out.
        window_end: int64 [U]; the holdout's window are the events before it. It lies behind ``target_end`` where a
            user went on after the target, within the window. ``target_end``, if left out.
    """

    history_end: NDArray[np.int64]
    target_end: NDArray[np.int64]
    n_missing: NDArray[np.int64]
    training_end: NDArray[np.int64] | None = None
    window_end: NDArray[np.int64] | None = None

    @property
    def has_target(self) -> NDArray[np.bool_]:
        """Which users have a target, be it outside the catalogue, bool [U]."""
        found: NDArray[np.bool_] = self.target_end - self.history_end + self.n_missing > 0
        return found

    @property
    def observed_until(self) -> NDArray[np.int64]:
        """``window_end``, which is ``target_end`` where nothing else was said."""
        return self.target_end if self.window_end is None else self.window_end

    @property
    def learnt_until(self) -> NDArray[np.int64]:
        """``training_end``, which is ``history_end`` where nothing else was said."""
        return self.history_end if self.training_end is None else self.training_end


@dataclass(frozen=True)
class Holdout:
    """Users to evaluate, their histories and what they did next.

    Attributes:
        users: int64 [B], user indices.
        histories: Histories of these users up to the cut.
        targets: Distinct relevant items of these users.
        next_types: float64 [B, event types]; share of each event type among the target's catalogue events, rows sum
            to 1, or to 0 where the target holds no catalogue item.
    """

    users: NDArray[np.int64]
    histories: Histories
    targets: Targets
    next_types: NDArray[np.float64]

    def take(self, which: NDArray[np.int64]) -> Holdout:
        """A part of the users, by position in ``users``."""
        return Holdout(self.users[which], self.histories.take(which), self.targets.take(which), self.next_types[which])


def training_histories(histories: Histories, validation: Cuts) -> Histories:
    """Events that may be learnt from, all users."""
    return histories.between(histories.offsets[:-1], validation.learnt_until)


def learnt_histories(histories: Histories, validation: Cuts, refitted: bool) -> Histories:
    """Events that the model which meets test has learnt from: with a refit the validation window's too, all users."""
    if not refitted:
        return training_histories(histories, validation)
    return histories.between(histories.offsets[:-1], validation.observed_until)


def has_history(histories: Histories, cuts: Cuts) -> NDArray[np.bool_]:
    """Which users have an event before the cut, bool [U]."""
    found: NDArray[np.bool_] = cuts.history_end > histories.offsets[:-1]
    return found


def make_holdout(
    histories: Histories, cuts: Cuts, n_event_types: int, users: NDArray[np.int64] | None = None
) -> Holdout:
    """The holdout of users who have a history and a target.

    Args:
        histories: All events.
        cuts: Validation or test.
        n_event_types: Number of declared event types.
        users: Only these users; all, if left out.

    Returns:
        Users in ascending order; those without a history before the cut or without a target are left out.
    """
    chosen = np.flatnonzero(cuts.has_target & has_history(histories, cuts))
    if users is not None:
        chosen = np.intersect1d(chosen, users)
    target_events = histories.between(cuts.history_end[chosen], cuts.target_end[chosen])
    return Holdout(
        users=chosen,
        histories=histories.between(histories.offsets[:-1][chosen], cuts.history_end[chosen]),
        targets=_distinct_targets(target_events, cuts.n_missing[chosen]),
        next_types=_type_shares(target_events, n_event_types),
    )


@dataclass(frozen=True, eq=False)
class LaterSteps:
    """Where each step behind a holdout's target lies; histories are copied for the rows that are taken alone.

    Attributes:
        users: int64 [B], user indices; a user has several steps.
        histories: All events.
        starts: int64 [B], positions in the histories' flat arrays.
        ends: int64 [B].
        n_event_types: Number of declared event types.
    """

    users: NDArray[np.int64]
    histories: Histories
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    n_event_types: int

    @property
    def n_before(self) -> NDArray[np.int64]:
        """Events of the user before each step, int64 [B]."""
        return self.starts - self.histories.offsets[:-1][self.users]

    def take(self, which: NDArray[np.int64]) -> Holdout:
        """Some steps, by position in ``users``, each with all that came before it; unknown items are not counted."""
        users, starts = self.users[which], self.starts[which]
        target_events = self.histories.between(starts, self.ends[which])
        return Holdout(
            users,
            self.histories.between(self.histories.offsets[:-1][users], starts),
            _distinct_targets(target_events, np.zeros(len(users), np.int64)),
            _type_shares(target_events, self.n_event_types),
        )

    def targets(self, which: NDArray[np.int64]) -> Targets:
        """Of some steps, without what came before them."""
        target_events = self.histories.between(self.starts[which], self.ends[which])
        return _distinct_targets(target_events, np.zeros(len(which), np.int64))


def later_steps(
    histories: Histories, cuts: Cuts, n_event_types: int, users: NDArray[np.int64], target_codes: NDArray[np.integer]
) -> LaterSteps:
    """Every step of the holdout's window behind its target.

    What a ranker of other models' scores may learn from besides the targets: the models that it ranks by saw none of
    these steps. Leave-one-out has none.

    Args:
        histories: All events.
        cuts: Validation.
        n_event_types: Number of declared event types.
        users: Only these users.
        target_codes: Event types that count as targets; steps without one are left out.

    Returns:
        By user, and then oldest first.
    """
    starts = histories.step_bounds()
    owner = np.searchsorted(histories.offsets, starts, side="right") - 1
    ends = np.append(starts[1:], histories.offsets[-1])
    wanted = np.isin(owner, users) & (starts >= cuts.target_end[owner]) & (ends <= cuts.observed_until[owner])
    wanted &= cuts.history_end[owner] > histories.offsets[:-1][owner]
    counted = np.concatenate([[0], np.cumsum(np.isin(histories.event_type, target_codes))])
    wanted &= counted[ends] > counted[starts]
    return LaterSteps(owner[wanted], histories, starts[wanted], ends[wanted], n_event_types)


def validation_halves(n_users: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split user indices at random in two: one half fits and calibrates, the other chooses.

    Example:
        >>> fit, choose = validation_halves(5, seed=0)
        >>> sorted([*fit.tolist(), *choose.tolist()])
        [0, 1, 2, 3, 4]
    """
    order = np.random.default_rng(seed).permutation(n_users)
    half = n_users // 2
    return np.sort(order[:half]), np.sort(order[half:])


def _distinct_targets(events: Histories, n_missing: NDArray[np.int64]) -> Targets:
    pairs = np.stack([events.users_of_events, events.item_index.astype(np.int64)], axis=1)
    pairs = np.unique(pairs, axis=0) if len(pairs) else pairs
    offsets = np.searchsorted(pairs[:, 0], np.arange(events.n_users + 1)).astype(np.int64)
    return Targets(offsets, pairs[:, 1].astype(np.int32), n_missing.astype(np.int64))


def _type_shares(events: Histories, n_event_types: int) -> NDArray[np.float64]:
    counts = np.zeros((events.n_users, n_event_types))
    np.add.at(counts, (events.users_of_events, events.event_type.astype(np.int64)), 1.0)
    totals = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(counts, totals, out=counts, where=totals > 0)
    return shares
