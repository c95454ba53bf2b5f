"""What the feedback table says about the recommendations that were shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import pandas as pd

from nextact.events import columns as c
from nextact.events.moments import DAY, iso_moment
from nextact.feedback import columns as f
from nextact.feedback.position import examination
from nextact.feedback.rates import ReportOptions, answered, rates_by, rates_of_outcomes, response_rate
from nextact.protocol import Certificate
from nextact.results.feedback import (
    AgainstCurrent,
    FeedbackCounts,
    FeedbackReport,
    Shown,
    ShownCatalogue,
    ShownUsers,
    Span,
)

HOUR = 3_600_000_000

ITEM_KIND = "item_kind"
WARM, COLD, UNKNOWN = "warm", "cold", "not in the catalogue"


def report(
    shown: ibis.Table,
    counts: FeedbackCounts,
    recommendations: pd.DataFrame,
    vocabulary: pd.DataFrame,
    events_until: int,
    certificate: Certificate,
    event_types: Sequence[str],
    options: ReportOptions,
) -> FeedbackReport:
    """Counts and rates of accepted feedback.

    Args:
        shown: Accepted feedback; may have no rows, then counts are 0, lists empty and rates None.
        counts: Of its rows.
        recommendations: The current ones: ``user_id``, ``item_id``, ``rank`` and ``run_id``.
        vocabulary: The catalogue with ``n_training_events``.
        events_until: Moment of the newest event that the current recommendations know, microseconds.
        certificate: Names the run.
        event_types: Declared behaviours.
        options: Intervals.
    """
    kinds = _with_item_kind(shown, vocabulary)
    return FeedbackReport(
        **counts.fields,
        **certificate.stamp,
        shown=_shown(shown),
        response_rate=response_rate(shown, options),
        by_outcome=rates_of_outcomes(shown, event_types, options),
        by_rank=rates_by(shown, f.RANK, options),
        by_model=rates_by(shown, f.MODEL, options),
        by_run=rates_by(shown, f.RUN_ID, options),
        by_slot=rates_by(shown, f.SLOT, options),
        by_item_kind=rates_by(kinds, ITEM_KIND, options),
        examination=examination(shown, options),
        users=_users(shown),
        catalogue=_catalogue(shown, vocabulary),
        hours_to_response=_span(shown, shown[f.RESPONDED_AT] - shown[f.SHOWN_AT], HOUR),
        recommendations=_against_current(shown, recommendations, events_until),
    )


def _shown(shown: ibis.Table) -> Shown:
    first, last = shown[f.SHOWN_AT].min(), shown[f.SHOWN_AT].max()
    row = _one_row(
        shown,
        rows=shown.count(),
        answered=answered(shown).sum(),
        users=shown[c.USER_ID].nunique(),
        items=shown[c.ITEM_ID].nunique(),
        first=first,
        last=last,
    )
    return Shown(
        **{name: int(row[name] or 0) for name in ("rows", "answered", "users", "items")},
        **{name: row[name] if row[name] is None else iso_moment(row[name]) for name in ("first", "last")},
    )


def _users(shown: ibis.Table) -> ShownUsers:
    users = shown.group_by(c.USER_ID).aggregate(n=answered(shown).sum())
    row = _one_row(users, shown=users.count(), never=(users.n == 0).sum())
    n_shown, n_never = int(row["shown"]), int(row["never"] or 0)
    return ShownUsers(shown=n_shown, never_answered=n_never, never_answered_share=_share(n_never, n_shown))


def _catalogue(shown: ibis.Table, vocabulary: pd.DataFrame) -> ShownCatalogue:
    """How much of what can be recommended was shown at all."""
    items = set(shown.select(c.ITEM_ID).distinct().execute()[c.ITEM_ID])
    n_shown = len(items & set(vocabulary[c.ITEM_ID]))
    return ShownCatalogue(items=len(vocabulary), shown=n_shown, coverage=_share(n_shown, len(vocabulary)))


def _with_item_kind(shown: ibis.Table, vocabulary: pd.DataFrame) -> ibis.Table:
    known = ibis.memtable(vocabulary[[c.ITEM_ID, c.N_TRAINING_EVENTS]].rename(columns={c.ITEM_ID: "_item"}))
    joined = shown.left_join(known, shown[c.ITEM_ID] == known["_item"])
    n_events = joined[c.N_TRAINING_EVENTS]
    return joined.mutate(**{ITEM_KIND: ibis.cases((n_events > 0, WARM), (n_events == 0, COLD), else_=UNKNOWN)})


def _against_current(shown: ibis.Table, recommendations: pd.DataFrame, events_until: int) -> AgainstCurrent:
    """How far the shown rows are from what would be shown today."""
    known = recommendations[[c.USER_ID, c.ITEM_ID]].assign(_rank=recommendations[f.RANK])
    joined = shown.left_join(ibis.memtable(known.rename(columns=CURRENT)), list(CURRENT.items()))
    run_ids = recommendations[f.RUN_ID].unique().tolist()
    row = _one_row(
        joined,
        rows=joined.count(),
        recommended=joined["_rank"].notnull().sum(),
        same_rank=(joined["_rank"] == joined[f.RANK]).sum(),
        of_this_run=joined[f.RUN_ID].isin(run_ids).sum(),
        older=(joined[f.SHOWN_AT] <= events_until).sum(),
    )
    counts = {name: int(row[name] or 0) for name in ("recommended", "same_rank", "of_this_run")}
    return AgainstCurrent(
        **counts,
        recommended_share=_share(counts["recommended"], int(row["rows"])),
        events_until=iso_moment(events_until),
        shown_before_that=int(row["older"] or 0),
        days_after_that=_span(shown, shown[f.SHOWN_AT] - events_until, DAY),
    )


CURRENT = {c.USER_ID: "_user", c.ITEM_ID: "_item"}


def _span(shown: ibis.Table, microseconds: ibis.Value, unit: int) -> Span | None:
    """Smallest, middle and largest of a time, in a unit; None where no row has one."""
    row = _one_row(shown, min=microseconds.min(), median=microseconds.median(), max=microseconds.max())
    return None if row["min"] is None else Span(**{name: round(value / unit, 4) for name, value in row.items()})


def _one_row(table: ibis.Table, **totals: ibis.Value) -> dict[str, Any]:
    row: dict[str, Any] = table.aggregate(**totals).to_pyarrow().to_pylist()[0]
    return row


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
