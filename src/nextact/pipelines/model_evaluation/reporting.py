"""Nodes that write the evaluation down: page, model card, figures."""

from collections.abc import Mapping
from typing import Any

from nextact.protocol import Certificate, require_same_run
from nextact.reports import evaluation_figures
from nextact.reports.evaluation_card import model_card
from nextact.reports.evaluation_page import evaluation_page


def write_page(
    test_results: dict[str, Any],
    slices: dict[str, Any],
    checks: dict[str, Any],
    examples: dict[str, Any],
    leaderboard: dict[str, Any],
    certificate: Certificate,
) -> str:
    """One page of HTML that stands alone."""
    _require(certificate, test_results, evaluation_slices=slices, leak_checks=checks, evaluation_examples=examples)
    require_same_run("leaderboard", leaderboard, certificate, "model_training")
    reports = {one["name"]: one.get("report") or {} for one in leaderboard["models"]}
    return evaluation_page(test_results, slices, checks, examples, reports)


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


def plot_evaluation(test_results: dict[str, Any], slices: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Slices, calibration, and accuracy beside coverage and cost."""
    return (
        evaluation_figures.slices_figure(slices),
        evaluation_figures.calibration_figure(test_results),
        evaluation_figures.trade_off_figure(test_results),
    )


def _require(certificate: Certificate, results: Mapping[str, Any], **others: Mapping[str, Any]) -> None:
    for name, found in {"test_results": results, **others}.items():
        require_same_run(name, found, certificate, "model_evaluation")
