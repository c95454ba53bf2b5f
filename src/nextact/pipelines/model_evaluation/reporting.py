"""Nodes that write the evaluation down: the page with its figures, and the model card."""

from collections.abc import Mapping
from typing import Any

from nextact.protocol import Certificate, require_same_run
from nextact.reports.pages.evaluation_card import model_card
from nextact.reports.pages.evaluation_page import draw_evaluation, evaluation_page
from nextact.results.evaluation import Examples, LeakChecks, Slices, TestResults
from nextact.results.models import Leaderboard


def write_page(
    test_results: TestResults,
    slices: Slices,
    checks: LeakChecks,
    examples: Examples,
    leaderboard: Leaderboard,
    certificate: Certificate,
) -> dict[str, Any]:
    """One ``page`` of HTML that stands alone, and its figures for Kedro-Viz."""
    made_here = {
        "evaluation_slices": slices.run_id,
        "leak_checks": checks.run_id,
        "evaluation_examples": examples.run_id,
    }
    _require(certificate, test_results, leaderboard, made_here)
    reports = {one.name: one.report for one in leaderboard.models}
    drawn = draw_evaluation(test_results, slices, reports)
    return {"page": evaluation_page(test_results, slices, checks, examples, reports, drawn), **drawn}


def write_model_card(
    test_results: TestResults,
    slices: Slices,
    checks: LeakChecks,
    leaderboard: Leaderboard,
    certificate: Certificate,
) -> str:
    """What the chosen model is, learnt from and good for."""
    made_here = {"evaluation_slices": slices.run_id, "leak_checks": checks.run_id}
    _require(certificate, test_results, leaderboard, made_here)
    chosen = next(one for one in leaderboard.models if one.name == test_results.chosen)
    return model_card(test_results, slices, checks, chosen.options)


def _require(
    certificate: Certificate, results: TestResults, leaderboard: Leaderboard, made_here: Mapping[str, str]
) -> None:
    require_same_run("leaderboard", leaderboard.run_id, certificate, "model_training")
    for name, run_id in {"test_results": results.run_id, **made_here}.items():
        require_same_run(name, run_id, certificate, "model_evaluation")
