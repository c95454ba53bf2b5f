"""The model card: what the chosen model is, learnt from and good for, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nextact.reports.pages import evaluation_tables as tables
from nextact.reports.pages import evaluation_words as words
from nextact.reports.pages.evaluation_page import FEWEST_USERS, horizon_parts
from nextact.reports.pages.evaluation_results import EvaluationResults, Slices, weaknesses
from nextact.reports.pages.templating import render

Report = Mapping[str, Any]


def model_card(results: Report, slices: Report, checks: Report, described: Report) -> str:
    """The card of the chosen model.

    Args:
        results: ``test_results``.
        slices: ``evaluation_slices``.
        checks: ``leak_checks``.
        described: The model's entry in the leaderboard: options and fit report.

    Returns:
        Markdown; text from data is escaped.
    """
    found = EvaluationResults.of(results)
    return render(
        "model_card.md",
        results=found,
        tables=tables,
        words=words,
        options=tables.options(described),
        horizons=horizon_parts(found),
        weak=list(weaknesses(found, Slices.of(slices), FEWEST_USERS)),
        failed=[one for one in checks["checks"] if not one["passed"]],
        machine=str(found.provenance.get("machine", "unknown")),
    )
