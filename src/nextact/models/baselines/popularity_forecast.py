"""Demand: how many events each item is to be expected to get next, by what its past looks like now.

Shapes: I items, F features of an item's past.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.errors import CannotFit
from nextact.events.moments import DAY
from nextact.models.baselines.baseline_options import PopularityForecastOptions
from nextact.models.baselines.history_weights import Weights, counted_events, type_weights
from nextact.models.baselines.popularity import SameForEverybody, event_counts
from nextact.models.grounds import Ground, Grounds
from nextact.models.recommender import FitReport, Training
from nextact.sequences.histories import Histories
from nextact.sequences.moments import known_before

logger = logging.getLogger(__name__)

RECENT_DAYS = (7, 14, 30, 60, 120, 240)
HALF_LIVES = (5, 15, 45, 150)
PAST = (
    *("events", "age_days", "idle_days", "events_a_day"),
    *(f"events_in_{days}_days" for days in RECENT_DAYS),
    *(f"events_halved_in_{days}_days" for days in HALF_LIVES),
)
LEAST_EXPECTED = 1e-3  # of an item, so that its logarithm is finite


class PopularityForecast(SameForEverybody):
    """Items by the events that they are expected to get in the next days from users who have a history.

    What past goes with what future is learnt at landmarks, earlier moments of the training log: a booster for Poisson
    counts reads each item's counts, age and idle time there and predicts the events of the days that followed. Items
    with few events yet are among them, so that novelties get what novelties got.
    """

    grounds = Grounds(named=Ground.DEMAND, otherwise=Ground.DEMAND)
    options_class = PopularityForecastOptions

    def fit(self, training: Training) -> FitReport:
        """Learn from the landmarks, then read every item as of the end of training.

        A log without times, or too short for one landmark, says nothing of what comes next: training counts stand in.

        Raises:
            CannotFit: If nothing followed any landmark.
        """
        of_types = type_weights(self.options, training.event_types)
        log = counted_events(training.histories, of_types)
        weights, now = of_types[log.event_type], _end_of(training)
        moments = landmarks(log, now, self.options)
        if not len(moments):
            logger.warning("demand: no landmark has %g days before and after it; counts stand in", self.options.days)
            expected = event_counts(log, training.n_items, weights)
        else:
            expected = self._expected(dataclasses.replace(training, histories=log), weights, moments, now)
        self.counts = np.log(np.maximum(expected, LEAST_EXPECTED)).astype(np.float32)
        return {"landmarks": len(moments), "expected_events": round(float(expected[1:].sum()), 1)}

    def _expected(self, training: Training, weights: Weights, moments: NDArray[np.int64], now: int) -> Any:
        log, n_items, days = training.histories, training.n_items, self.options.days
        came = np.concatenate([events_after(log, weights, n_items, moment, days) for moment in moments])
        if not came.any():
            raise CannotFit(
                f"no user with an event before one of {len(moments)} landmark(s) has another in the {days:g} days "
                "after it, so there is no demand to learn from; try fewer days"
            )
        past = np.concatenate([past_of_items(log, weights, n_items, moment) for moment in moments])
        booster = _grow(past, came, self.options, training.context.seed)
        expected = np.zeros(n_items + 1)
        expected[1:] = booster.predict(past_of_items(log, weights, n_items, now))
        return expected


def landmarks(histories: Histories, now: int, options: PopularityForecastOptions) -> NDArray[np.int64]:
    """Moments that have ``days`` of the log before them and ``days`` after them, the newest first.

    Example:
        >>> log = Histories.from_lists([[1, 1]], timestamps=[[0, 90 * DAY]])
        >>> some = landmarks(log, 90 * DAY, PopularityForecastOptions(days=30.0, landmark_days=20.0))
        >>> (some // DAY).tolist()
        [60, 40]
    """
    back = options.days + options.landmark_days * np.arange(options.landmarks)
    moments = now - (back * DAY).astype(np.int64)
    oldest = int(histories.timestamp.min(initial=now)) + options.days * DAY
    return moments[moments >= oldest]


def past_of_items(histories: Histories, weights: Weights, n_items: int, moment: int) -> NDArray[np.float32]:
    """What the events before a moment say of each item, float32 [I, F], columns as in ``PAST``.

    Weighted events in all and of the newest days, and faded by half-lives; days since the first and the last event
    (NaN where there is none) and events a day of that age.
    """
    before = histories.timestamp < moment
    items = histories.item_index[before]
    days = (moment - histories.timestamp[before]) / DAY
    counted = weights[before]

    def total(of_events: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(items, weights=of_events, minlength=n_items + 1).astype(np.float64)

    age, idle = np.full(n_items + 1, -np.inf), np.full(n_items + 1, np.inf)
    np.maximum.at(age, items, days)
    np.minimum.at(idle, items, days)
    age[np.isinf(age)], idle[np.isinf(idle)] = np.nan, np.nan
    events = total(counted)
    columns = [events, age, idle, events / np.maximum(age, 1)]
    columns += [total(counted * (days <= limit)) for limit in RECENT_DAYS]
    columns += [total(counted * np.exp2(-days / half_life)) for half_life in HALF_LIVES]
    return np.stack(columns, axis=1)[1:].astype(np.float32)


def events_after(histories: Histories, weights: Weights, n_items: int, moment: int, days: float) -> NDArray[np.float64]:
    """Weighted events of each item in the ``days`` from a moment on, by users with an event before it, [I]."""
    known = known_before(histories, np.full(histories.n_users, moment)).lengths > 0
    until = moment + int(days * DAY)
    seen = (histories.timestamp >= moment) & (histories.timestamp < until) & known[histories.users_of_events]
    return np.bincount(histories.item_index[seen], weights=weights[seen], minlength=n_items + 1)[1:].astype(np.float64)


def _end_of(training: Training) -> int:
    """The moment from which on nothing is known."""
    if training.observed_until is not None:
        return training.observed_until
    return int(training.histories.timestamp.max(initial=0)) + 1


def _grow(past: NDArray[np.float32], events: NDArray[np.float64], options: PopularityForecastOptions, seed: int) -> Any:
    import lightgbm

    settings = {
        "objective": "poisson",
        "learning_rate": options.learning_rate,
        "num_leaves": options.leaves,
        "min_data_in_leaf": options.min_leaf,
        "max_bin": 63,
        "lambda_l2": 1.0,
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    data = lightgbm.Dataset(past, events, feature_name=list(PAST))
    return lightgbm.train(settings, data, options.trees)
