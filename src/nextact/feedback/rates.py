"""Response rates of shown items by whatever a shown row says, with intervals over users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from nextact.events import columns as c
from nextact.feedback import columns as f
from nextact.feedback.intervals import response_interval
from nextact.options import Count, InnerShare, Seed, options
from nextact.results.feedback import Rate, RateWithin

SHOWN, ANSWERED = "shown", "answered"


@options
class ReportOptions:
    """How the report counts.

    Attributes:
        draws: Bootstrap resamples of users behind each interval.
        level: Share of resamples inside an interval, in (0, 1).
        seed: Of the resamples.
        min_pairs: Fewest pairs of a user and an item, each shown both at a rank and at rank 1, for rank randomisation
            to tell how often the rank is looked at; with fewer, ratios of rates stand in.
    """

    draws: Count = 1_000
    level: InnerShare = 0.95
    seed: Seed = 0
    min_pairs: Count = 30


def response_rate(shown: ibis.Table, options: ReportOptions) -> Rate | None:
    """Answered items per shown item; None where nothing was shown."""
    users = _sums(shown, []).execute()
    return Rate(**_rate(users, ANSWERED, options)) if len(users) else None


def rates_by(shown: ibis.Table, column: str, options: ReportOptions) -> tuple[RateWithin, ...]:
    """Answered items per shown item within each value of a column, in the order of the values, null last.

    Args:
        shown: Accepted feedback, or any part of it.
        column: For example ``rank`` or ``model``.
        options: Intervals; the users of a value are those who were shown something under it.
    """
    sums = _sums(shown, [column]).execute()
    groups = sums.groupby(column, dropna=False, sort=True)
    return tuple(RateWithin(value=_plain(value), **_rate(users, ANSWERED, options)) for value, users in groups)


def rates_of_outcomes(shown: ibis.Table, event_types: Sequence[str], options: ReportOptions) -> dict[str, Rate]:
    """Of all shown items, the share that each declared event type followed."""
    counts = {name: (shown[f.OUTCOME] == name).fill_null(False).sum() for name in event_types}
    names = {f"_{at}": count for at, count in enumerate(counts.values())}
    users = shown.group_by(c.USER_ID).aggregate(**{SHOWN: shown.count()}, **names).execute()
    if users.empty:
        return {}
    return {name: Rate(**_rate(users, column, options)) for name, column in zip(counts, names, strict=True)}


def answered(shown: ibis.Table) -> ibis.Value:
    """Whether anything followed."""
    return shown[f.OUTCOME].notnull()


def _sums(shown: ibis.Table, columns: list[str]) -> ibis.Table:
    keys = [*columns, c.USER_ID]
    totals = {SHOWN: shown.count(), ANSWERED: answered(shown).sum()}
    return shown.group_by(keys).aggregate(**totals).order_by(keys)


def _rate(users: pd.DataFrame, numerator: str, options: ReportOptions) -> dict[str, Any]:
    responses, shown = users[numerator].to_numpy(np.float64), users[SHOWN].to_numpy(np.float64)
    found = response_interval(responses, shown, options.draws, options.level, options.seed)
    counts = {SHOWN: int(shown.sum()), ANSWERED: int(responses.sum()), "users": found.n_users}
    return counts | {"rate": found.mean, "low": found.low, "high": found.high}


def _plain(value: Any) -> Any:
    """A cell as JSON holds it."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
