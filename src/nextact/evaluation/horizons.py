"""How well models say whether an event of each type comes within each horizon, of the users observed so long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.events.moments import DAY, iso_moment
from nextact.metrics.comparison import paired_comparison
from nextact.metrics.horizon import HorizonValues, horizon_intervals, horizon_values, log_loss
from nextact.models.recommender import PredictsHorizons
from nextact.protocol import Split
from nextact.results.horizons import HorizonRow, HorizonSection
from nextact.sequences.histories import Histories
from nextact.sequences.moments import days_to_first, holdout_window, known_before
from nextact.sequences.user_blocks import user_blocks

NO_COMMON_MOMENT = (
    "Horizons are scored under a global time split alone: here users have moments of prediction of their own, and "
    "nobody knows until when a quiet user was observed."
)
NO_MODEL = "No model of this run says anything of horizons."


def evaluate_horizons(
    models: Mapping[str, PredictsHorizons],
    histories: Histories,
    split: Split,
    part: str,
    event_types: Sequence[str],
    draws: int,
    users: NDArray[np.int64] | None = None,
) -> HorizonSection:
    """Every metric of :data:`~nextact.metrics.horizon.HORIZON_METRICS`, and mean probabilities beside what happened.

    The moment of prediction is that of the split, for all users; what comes after it is looked at until the part ends.
    Events are those on items of the catalogue. Users without an event before the moment are left out and counted; all
    are left out of a horizon that the part does not observe to its end.

    Args:
        models: By name; those without horizons are passed over.
        histories: All events.
        split: As the certificate names it.
        part: ``validation`` or ``test``.
        event_types: Names in the order of their codes.
        draws: Bootstrap draws of the intervals.
        users: Only these users; all, if left out.
    """
    window = holdout_window(split, part, histories)
    if window is None:
        return HorizonSection(why_not=NO_COMMON_MOMENT)
    models = {name: model for name, model in models.items() if model.horizons()}
    if not models:
        return HorizonSection(why_not=NO_MODEL)
    moment, until = window
    asked = np.arange(histories.n_users) if users is None else users
    blocks = list(user_blocks(len(asked))) or [np.arange(0)]
    parts = [_look(models, histories.take(asked[which]), window, len(event_types)) for which in blocks]
    days = np.concatenate([part.days for part in parts])
    observed = np.full(len(days), (until - moment) / DAY)
    rows = {}
    for name, model in models.items():
        predicted = np.concatenate([part.predicted[name] for part in parts])
        unknown = model.predict_horizons(Histories.from_lists([[]]), np.array([moment]))[0]
        rows[name] = _rows(model.horizons(), predicted, unknown, days, observed, event_types, draws)
    return HorizonSection(
        moment=iso_moment(moment),
        until=iso_moment(until),
        days_observed=round((until - moment) / DAY, 2),
        users=len(days),
        users_left_out={"no event before the moment": len(asked) - len(days)},
        models=rows,
    )


def join_sections(sections: Sequence[HorizonSection]) -> HorizonSection:
    """One section of several models from sections of one part with a model each; the reason where none has any.

    Example:
        >>> join_sections([HorizonSection(why_not=NO_MODEL)]).why_not == NO_MODEL
        True
    """
    told = [one for one in sections if one.why_not is None]
    if not told:
        return next(iter(sections), HorizonSection(why_not=NO_MODEL))
    return told[0].model_copy(update={"models": {name: rows for one in told for name, rows in one.models.items()}})


@dataclass(frozen=True, eq=False)
class _Looked:
    """What came of some users, float64 [users, C] days, and what each model said, float64 [users, C, H]."""

    days: NDArray[np.float64]
    predicted: dict[str, NDArray[np.float64]]


def _look(
    models: Mapping[str, PredictsHorizons], histories: Histories, window: tuple[int, int], n_event_types: int
) -> _Looked:
    """Predictions and outcomes of the users with an event before the moment; models are shown no later one."""
    moments = np.full(histories.n_users, window[0])
    known = known_before(histories, moments)
    active = np.flatnonzero(known.lengths > 0)
    known, moments = known.take(active), moments[active]
    days = days_to_first(histories.take(active), moments, n_event_types, window[1])
    return _Looked(days, {name: model.predict_horizons(known, moments) for name, model in models.items()})


def _rows(
    horizons: Sequence[int],
    predicted: NDArray[np.float64],
    unknown: NDArray[np.float64],
    days: NDArray[np.float64],
    observed: NDArray[np.float64],
    event_types: Sequence[str],
    draws: int,
) -> tuple[HorizonRow, ...]:
    """One row an event type and horizon; ``unknown``, [C, H], is what the model says of a user without a past."""
    rows = []
    for code, name in enumerate(event_types):
        for place, horizon in enumerate(horizons):
            probability, without_past = predicted[:, code, place], float(unknown[code, place])
            found = horizon_values(probability, days[:, code], observed, horizon, without_past)
            rows.append(_row(name, horizon, found, draws))
    return tuple(rows)


def _row(event_type: str, horizon: int, found: HorizonValues, draws: int) -> HorizonRow:
    row = HorizonRow(event_type=event_type, horizon_days=horizon, users=len(found.users), censored=found.n_censored)
    if not len(found.users):
        return row
    against = paired_comparison(log_loss(found), log_loss(found.beside), draws=draws, seed=0)
    told = {
        "happened": float(found.happened.mean()),
        "predicted": float(found.probability.mean()),
        "metrics": horizon_intervals(found, draws),
        "log_loss_against_share": against,
    }
    return row.model_copy(update=told)
