"""The model card: what the chosen model is, learnt from and good for, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nextact.reports.cautions import cautions
from nextact.reports.pages import evaluation_tables as tables
from nextact.reports.pages import evaluation_words as words
from nextact.reports.pages.evaluation_page import FEWEST_USERS, horizon_parts
from nextact.reports.pages.templating import render
from nextact.reports.pages.weaknesses import weaknesses
from nextact.results.evaluation import LeakChecks, Slices, TestResults


def model_card(results: TestResults, slices: Slices, checks: LeakChecks, options: Mapping[str, Any]) -> str:
    """The card of the chosen model.

    Args:
        results: ``test_results``.
        slices: ``evaluation_slices``.
        checks: ``leak_checks``.
        options: Of the model, defaults included.

    Returns:
        Markdown; text from data is escaped.
    """
    return render(
        "model_card.md",
        results=results,
        tables=tables,
        words=words,
        cautions=list(cautions(results)),
        options=tables.options(options),
        horizons=horizon_parts(results),
        weak=list(weaknesses(results, slices, FEWEST_USERS)),
        failed=[one for one in checks.checks if not one.passed],
        machine=results.provenance.machine,
    )
