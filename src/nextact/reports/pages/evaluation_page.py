"""The evaluation of a run as one page that stands alone, and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nextact.reports.cautions import cautions
from nextact.reports.figures import evaluation_figures as figures
from nextact.reports.figures.drawing import as_svg
from nextact.reports.numbers import share, whole
from nextact.reports.pages import evaluation_tables as tables
from nextact.reports.pages import evaluation_words as words
from nextact.reports.pages.tables import Table
from nextact.reports.pages.templating import render
from nextact.reports.pages.weaknesses import weaknesses
from nextact.results.evaluation import Examples, LeakChecks, Slices, TestResults
from nextact.results.horizons import HorizonSection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Report = Mapping[str, Any]

FEWEST_USERS = 30  # of a group that is named as a weak one
RIGHT, WRONG = "A relevant item is in the list", "No relevant item is in the list"


@dataclass(frozen=True)
class HorizonPart:
    """What was said of horizons on one part: a sentence, and a table where they were scored."""

    name: str
    words: str
    table: Table | None


def draw_evaluation(results: TestResults, slices: Slices, reports: Mapping[str, Report]) -> dict[str, Figure]:
    """The figures of an evaluation, for the page and for Kedro-Viz.

    Args:
        results: ``test_results``.
        slices: ``evaluation_slices``.
        reports: Fit report of each model; those of networks hold a ``curve``.
    """
    return {
        "leaderboard": figures.leaderboard(results),
        "slices": figures.slices(slices),
        "calibration": figures.calibration(results),
        "trade_off": figures.trade_off(results),
        "training_curves": figures.training_curves(results, _curves(reports)),
    }


def evaluation_page(
    results: TestResults,
    slices: Slices,
    checks: LeakChecks,
    examples: Examples,
    reports: Mapping[str, Report],
    drawn: Mapping[str, Figure],
) -> str:
    """The page of one run.

    Args:
        results: ``test_results``.
        slices: ``evaluation_slices``.
        checks: ``leak_checks``.
        examples: ``evaluation_examples``.
        reports: Fit report of each model; those of networks hold a ``curve``.
        drawn: Of :func:`draw_evaluation`.
    """
    return render(
        "evaluation.html",
        results=results,
        slices=slices,
        figures={name: as_svg(figure) for name, figure in drawn.items()},
        tables=tables,
        words=words,
        cautions=list(cautions(results)),
        weak=list(weaknesses(results, slices, FEWEST_USERS)),
        fewest_users=FEWEST_USERS,
        observed=_observed(results),
        horizons=horizon_parts(results),
        curves=_curves(reports),
        examples=[(RIGHT, examples.right), (WRONG, examples.wrong)],
        checks=checks,
        failed=[one for one in checks.checks if not one.passed],
        core=next(one for one in checks.checks if one.name == "k-core artefact").numbers,
    )


def horizon_parts(results: TestResults) -> list[HorizonPart]:
    """Of events within so many days, part by part; none where they were not scored."""
    parts = {"validation": results.horizons.validation, "test": results.horizons.test}
    return [
        HorizonPart(part, found.why_not or _window(found), tables.horizons(results, part))
        for part, found in parts.items()
    ]


def _window(found: HorizonSection) -> str:
    return (
        f"Predicted at {found.moment}, observed for {found.days_observed} days; {whole(found.users)} users. "
        f"Left out: {words.counts(found.users_left_out)}."
    )


def _observed(results: TestResults) -> str:
    """How often each event type came, in words."""
    found = results.behaviour
    if found is None:
        return ""
    kinds = zip(found.event_types, found.observed, strict=True)
    return ", ".join(f"{kind} {share(part)}" for kind, part in kinds)


def _curves(reports: Mapping[str, Report]) -> dict[str, Sequence[Report]]:
    return {name: report["curve"] for name, report in reports.items() if report.get("curve")}
