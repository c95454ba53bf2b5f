"""Thin nodes over :mod:`nextact.feedback`."""

import logging
from typing import Any

import ibis
import pandas as pd

from nextact.events import columns as c
from nextact.events.cleaning import accepted, count_reasons, rejected
from nextact.events.erase import ErasedUsers
from nextact.feedback import columns as f
from nextact.feedback import policy_report
from nextact.feedback import report as reports
from nextact.feedback import response_events as responses
from nextact.feedback.cleaning import clean_feedback
from nextact.feedback.contract import FeedbackOptions, unmapped_columns
from nextact.feedback.logged import declared_rewards, logged_lists
from nextact.feedback.policy_report import OffPolicyOptions
from nextact.feedback.rates import ReportOptions
from nextact.protocol import Certificate, require_same_run
from nextact.reports.figures import feedback_figures as figures
from nextact.results.feedback import FeedbackCounts, FeedbackReport, OffPolicyReport

logger = logging.getLogger(__name__)


def clean(
    feedback: Any, erased_users: ErasedUsers, options: FeedbackOptions, event_types: list[str]
) -> tuple[ibis.Table, ibis.Table, FeedbackCounts]:
    """Accepted rows; rejected rows with their reason; counts. All empty where nothing was logged yet."""
    rows = clean_feedback(feedback, options, event_types, erased_users)
    counts = count_reasons(rows)
    if feedback is not None:
        logger.info("Feedback rows by reason: %s", ", ".join(f"{why} {n:,}" for why, n in counts.items()) or "none")
        names = getattr(feedback, "column_names", feedback.columns)  # Arrow's, or anyone else's
        for name in unmapped_columns(list(names), options):
            logger.warning("The feedback table has a column %r that is not read; set feedback.table.%s", name, name)
    told = FeedbackCounts(
        table=feedback is not None,
        rows_read=sum(counts.values()),
        rows_by_reason=counts,
        not_mapped=tuple(name for name, column in options.columns().items() if column is None),
    )
    return accepted(rows), rejected(rows), told


def report(
    shown: ibis.Table,
    counts: FeedbackCounts,
    recommendations: pd.DataFrame,
    vocabulary: pd.DataFrame,
    events: ibis.Table,
    certificate: Certificate,
    event_types: list[str],
    options: ReportOptions,
) -> FeedbackReport:
    """Rates, position bias and coverage of what was shown, and how far it is from the current recommendations."""
    _require_current(recommendations, certificate)
    newest = int(events[c.TIMESTAMP].max().execute())
    return reports.report(shown, counts, recommendations, vocabulary, newest, certificate, event_types, options)


def plot(report: FeedbackReport) -> Any:
    """Response rate by rank."""
    return figures.response_by_rank(report)


def judge_policies(
    shown: ibis.Table,
    counts: FeedbackCounts,
    recommendations: pd.DataFrame,
    events: ibis.Table,
    certificate: Certificate,
    event_types: list[str],
    options: OffPolicyOptions,
) -> OffPolicyReport:
    """What policies over the current recommendations would have earned, or why nothing can be said."""
    _require_current(recommendations, certificate)
    rewards = declared_rewards(options.rewards, event_types)
    judged = policy_report.policy_report(logged_lists(shown, options.max_rank, rewards), recommendations, options)
    report = OffPolicyReport(**certificate.stamp, **dict(judged), rewards=rewards)
    if not judged.policies:
        return report.model_copy(update={"why_not": _why_not(counts, judged.left_out)})
    newest = int(events[c.TIMESTAMP].max().execute())
    n_learnt = int((shown[f.SHOWN_AT] <= newest).sum().execute())
    return report.model_copy(update={"warnings": _warnings(n_learnt, counts)})


def response_events(shown: ibis.Table) -> ibis.Table:
    """Answers as events."""
    return responses.response_events(shown)


def _require_current(recommendations: pd.DataFrame, certificate: Certificate) -> None:
    for run_id in recommendations[f.RUN_ID].unique():
        require_same_run("recommendations", run_id, certificate, "recommendation")


def _why_not(counts: FeedbackCounts, left_out: dict[str, int]) -> str:
    if not counts.rows_by_reason.get("accepted"):
        return "no feedback yet"
    if f.PROPENSITY in counts.not_mapped:
        return (
            "no propensities: feedback.table.propensity names no column. Without the probability with which each item "
            "was shown, what another policy would have earned cannot be told from what this one chose to show"
        )
    why = "; ".join(f"{reason}: {n:,}" for reason, n in left_out.items())
    return f"no list begins with a logged propensity and belongs to a user with current recommendations ({why})"


def _warnings(n_learnt: int, counts: FeedbackCounts) -> tuple[str, ...]:
    if not n_learnt:
        return ()
    n_rows = counts.rows_by_reason["accepted"]
    return (
        f"{n_learnt:,} of {n_rows:,} rows were shown before the newest event that the recommendations know: a policy "
        "over them may have learnt from the very answers it is judged by, which flatters it",
    )
