"""How much each item of a history counts: the input of every model that is one matrix product."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.errors import NextactError, suggest
from nextact.events.moments import DAY
from nextact.models.baselines.shared_options import EventWeightOptions, HistoryOptions
from nextact.sequences.histories import Histories

Weights = NDArray[np.float64]


def history_matrix(histories: Histories, n_items: int, weights: Weights | None = None) -> csr_matrix:
    """Sparse users x items sum of event weights, float32 [users, n_items + 1].

    Example:
        >>> history_matrix(Histories.from_lists([[2, 1, 2]]), n_items=2).toarray().tolist()
        [[0.0, 1.0, 2.0]]
    """
    values = np.ones(histories.n_events) if weights is None else weights
    coordinates = (histories.users_of_events, histories.item_index.astype(np.int64))
    return csr_matrix((values.astype(np.float32), coordinates), shape=(histories.n_users, n_items + 1))


def largest_weights(histories: Histories, n_items: int, weights: Weights) -> csr_matrix:
    """Sparse users x items weight of the event that weighs most, float32 [users, n_items + 1]; no zero is stored.

    Example:
        >>> largest_weights(Histories.from_lists([[2, 1, 2]]), 2, np.array([0.5, 1.0, 0.25])).toarray().tolist()
        [[0.0, 1.0, 0.5]]
    """
    pairs, place = np.unique(histories.users_of_events * (n_items + 1) + histories.item_index, return_inverse=True)
    largest = np.zeros(len(pairs))
    np.maximum.at(largest, place, weights)
    kept = largest > 0
    coordinates = np.divmod(pairs[kept], n_items + 1)
    return csr_matrix((largest[kept].astype(np.float32), coordinates), shape=(histories.n_users, n_items + 1))


def read_history(histories: Histories, n_items: int, options: HistoryOptions, of_types: Weights) -> csr_matrix:
    """What a history says, as options ask to read it: float32 [users, n_items + 1], repeats added up.

    Args:
        histories: B users.
        n_items: Items of the catalogue.
        options: How many steps count, and how they fade.
        of_types: Weight of each event type, from :func:`type_weights`.
    """
    counted = counted_events(histories, of_types)
    recent = counted if options.history_steps is None else counted.last_steps(options.history_steps)
    weights = event_weights(recent, of_types, options.history_decay, options.half_life_days)
    return history_matrix(recent, n_items, weights)


def type_weights(options: EventWeightOptions, event_types: tuple[str, ...]) -> Weights:
    """Weight of each event type in the project's order, float64 [event types].

    Example:
        >>> type_weights(EventWeightOptions(event_weights={"purchase": 3.0}), ("view", "purchase")).tolist()
        [1.0, 3.0]

    Raises:
        NextactError: If the options name a type that the project has not.
    """
    for name in options.event_weights:
        if name not in event_types:
            raise NextactError(f"event_weights: no event type {name!r}; {suggest(name, event_types)}")
    return np.array([options.event_weights.get(name, 1.0) for name in event_types])


def counted_events(histories: Histories, of_types: Weights) -> Histories:
    """The histories without the events whose type weighs 0, as if they had not happened.

    Example:
        >>> histories = Histories.from_lists([[4, 5, 6]], event_types=[[1, 0, 1]])
        >>> counted_events(histories, np.array([0.0, 1.0])).item_index.tolist()
        [4, 6]
    """
    if (of_types > 0).all():
        return histories
    kept = of_types[histories.event_type] > 0
    steps = histories.steps_of_events()[kept]
    return Histories(
        np.concatenate([[0], np.cumsum(kept)])[histories.offsets - histories.offsets[0]].astype(np.int64),
        histories.item_index[kept],
        histories.event_type[kept],
        histories.timestamp[kept],
        np.diff(steps, prepend=-1) > 0,
    )


def event_weights(
    histories: Histories, of_types: Weights, step_decay: float = 1.0, half_life_days: float | None = None
) -> Weights:
    """Weight of each event: that of its type, faded by steps and by age, float64 [events]."""
    weights: Weights = of_types[histories.event_type]
    if step_decay < 1:
        weights = weights * step_decay_weights(histories, step_decay)
    if half_life_days is not None:
        weights = weights * recency_weights(histories, half_life_days)
    return weights


def recency_weights(histories: Histories, half_life_days: float) -> Weights:
    """0.5 to the power of (age / half-life), where age runs from the event to its user's newest one.

    Ages are subtracted as int64: float32 seconds since 1970 would step by 128 s.
    """
    newest = np.zeros(histories.n_users, np.int64)
    has_events = histories.lengths > 0
    newest[has_events] = histories.timestamp[histories.offsets[1:][has_events] - 1]
    age = np.repeat(newest, histories.lengths) - histories.timestamp
    weights: Weights = np.exp2(-age / (half_life_days * DAY))
    return weights


def step_decay_weights(histories: Histories, decay: float) -> Weights:
    """``decay`` to the power of how many steps lie between an event and its user's newest step."""
    weights: Weights = np.power(float(decay), steps_back(histories))
    return weights


def steps_back(histories: Histories) -> NDArray[np.int64]:
    """How many steps lie between each event and its user's newest step, int64 [events].

    Example:
        >>> steps_back(Histories.from_lists([[7, 8, 9]], timestamps=[[0, 1, 1]])).tolist()
        [1, 0, 0]
    """
    steps = histories.steps_of_events()
    last = np.zeros(histories.n_users, np.int64)
    has_events = histories.lengths > 0
    last[has_events] = steps[histories.offsets[1:][has_events] - 1]
    back: NDArray[np.int64] = np.repeat(last, histories.lengths) - steps
    return back
