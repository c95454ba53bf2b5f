"""How well models say which event type comes next, beside two ways of saying it without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.behaviour import PROBABILITY_FLOOR, TYPE_METRICS, PerClass, log_loss
from nextact.metrics.comparison import CorrectedComparison, bootstrap_intervals, corrected, paired_comparison
from nextact.results.evaluation import BehaviourResults, TypeRow
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout

TRAINING_FREQUENCIES, OWN_FREQUENCIES = "training frequencies", "own frequencies"

TypeProbabilities = NDArray[np.float64]  # [users, event types], rows sum to 1


def evaluate_behaviour(
    predictions: Mapping[str, TypeProbabilities],
    holdout: Holdout,
    training: Histories,
    event_types: Sequence[str],
    target_event_types: Sequence[str],
    draws: int,
) -> BehaviourResults | None:
    """Every metric of :data:`~nextact.metrics.behaviour.TYPE_METRICS` of predicted event types.

    What was observed is the share of each type among the events of a user's target step. Users without a catalogue
    item in the target are left out and counted.

    Args:
        predictions: float64 [users, event types] of the holdout's users, by model.
        holdout: Users and what they did next.
        training: Training events, whose frequencies are the baselines.
        event_types: Names in the order of their codes.
        target_event_types: Those that count as targets. What is asked is which of them comes: whatever a model or a
            baseline gives to others is taken away first. One alone leaves nothing to ask.
        draws: Bootstrap draws of the intervals.

    Returns:
        Every model and both ways of saying it without one; None where there is nothing to predict.
    """
    usable = np.flatnonzero(holdout.next_types.sum(axis=1) > 0)
    is_target = np.isin(event_types, target_event_types)
    if is_target.sum() < 2 or not len(usable):
        return None
    frequencies = _training_frequencies(training, len(event_types))
    said = {
        **predictions,
        TRAINING_FREQUENCIES: np.tile(frequencies, (len(holdout.users), 1)),
        OWN_FREQUENCIES: own_frequencies(holdout.histories, frequencies),
    }
    everybody = {name: _among(is_target, one) for name, one in said.items()}
    observed = holdout.next_types[usable]
    losses = {name: log_loss(one[usable], observed) for name, one in everybody.items()}
    rows = {
        name: _row(one[usable], observed, event_types, draws, _against(name, losses, draws))
        for name, one in everybody.items()
    }
    return BehaviourResults(
        users=len(usable),
        users_left_out={"no catalogue item in the target": len(holdout.users) - len(usable)},
        event_types=tuple(event_types),
        observed=tuple(observed.mean(axis=0).tolist()),
        models=rows,
    )


def own_frequencies(histories: Histories, prior: NDArray[np.float64]) -> TypeProbabilities:
    """Shares of the event types in each user's own history, with one event's worth of the prior added.

    Example:
        >>> histories = Histories.from_lists([[1, 2, 3]], event_types=[[0, 0, 1]])
        >>> own_frequencies(histories, np.array([0.5, 0.5])).tolist()
        [[0.625, 0.375]]
    """
    counts = np.tile(prior, (histories.n_users, 1))
    np.add.at(counts, (histories.users_of_events, histories.event_type.astype(np.int64)), 1.0)
    shares: TypeProbabilities = counts / counts.sum(axis=1, keepdims=True)
    return shares


def _training_frequencies(training: Histories, n_types: int) -> NDArray[np.float64]:
    """Shares of the types in training, each type at least one event's worth."""
    counts = np.bincount(training.event_type, minlength=n_types).astype(np.float64) + 1
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _among(is_target: NDArray[np.bool_], probabilities: TypeProbabilities) -> TypeProbabilities:
    """The probabilities given that one of the targets comes."""
    kept = np.where(is_target, np.maximum(probabilities, PROBABILITY_FLOOR), 0.0)
    return np.asarray(kept / kept.sum(axis=1, keepdims=True), np.float64)


def _row(
    predicted: TypeProbabilities,
    observed: TypeProbabilities,
    names: Sequence[str],
    draws: int,
    against: dict[str, CorrectedComparison],
) -> TypeRow:
    found = {name: metric(predicted, observed) for name, metric in TYPE_METRICS.items()}
    per_user = {name: one for name, one in found.items() if isinstance(one, np.ndarray)}
    return TypeRow(
        means=bootstrap_intervals(per_user, draws=draws, seed=0),
        numbers={name: float(one) for name, one in found.items() if isinstance(one, float)},
        by_type={name: _by_type(one, names) for name, one in found.items() if isinstance(one, PerClass)},
        log_loss_against=against,
    )


def _by_type(found: PerClass, names: Sequence[str]) -> dict[str, float | None]:
    return {name: None if code in found.undefined else float(found.values[code]) for code, name in enumerate(names)}


def _against(name: str, losses: Mapping[str, NDArray[np.float64]], draws: int) -> dict[str, CorrectedComparison]:
    """The paired difference in log loss to both baselines; below 0 is better."""
    if name in (TRAINING_FREQUENCIES, OWN_FREQUENCIES):
        return {}
    others = (TRAINING_FREQUENCIES, OWN_FREQUENCIES)
    return corrected({one: paired_comparison(losses[name], losses[one], draws=draws, seed=0) for one in others})
