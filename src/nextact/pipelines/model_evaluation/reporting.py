"""Nodes that write the evaluation down: the page with its figures, and the model card."""

from collections.abc import Mapping
from typing import Any

from nextact.protocol import Certificate, require_same_run
from nextact.reports.pages.evaluation_card import model_card
from nextact.reports.pages.evaluation_page import draw_evaluation, evaluation_page


def write_page(
    test_results: dict[str, Any],
    slices: dict[str, Any],
    checks: dict[str, Any],
    examples: dict[str, Any],
    leaderboard: dict[str, Any],
    certificate: Certificate,
) -> dict[str, Any]:
    """One ``page`` of HTML that stands alone, and its figures for Kedro-Viz."""
    _require(certificate, test_results, evaluation_slices=slices, leak_checks=checks, evaluation_examples=examples)
    require_same_run("leaderboard", leaderboard, certificate, "model_training")
    reports = {one["name"]: one.get("report") or {} for one in leaderboard["models"]}
    drawn = draw_evaluation(test_results, slices, reports)
    return {"page": evaluation_page(test_results, slices, checks, examples, reports, drawn), **drawn}


def write_model_card(
    test_results: dict[str, Any],
    slices: dict[str, Any],
    checks: dict[str, Any],
    leaderboard: dict[str, Any],
    certificate: Certificate,
) -> str:
    """What the chosen model is, learnt from and good for."""
    _require(certificate, test_results, evaluation_slices=slices, leak_checks=checks)
    require_same_run("leaderboard", leaderboard, certificate, "model_training")
    described = next(one for one in leaderboard["models"] if one["name"] == test_results["chosen"])
    return model_card(test_results, slices, checks, described)


def _require(certificate: Certificate, results: Mapping[str, Any], **others: Mapping[str, Any]) -> None:
    for name, found in {"test_results": results, **others}.items():
        require_same_run(name, found, certificate, "model_evaluation")
