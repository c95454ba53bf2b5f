"""The figure of the feedback; Matplotlib is imported where it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nextact.reports.figures.drawing import COLOURS, drawn, empty, few_marks, legend, percent_marks
from nextact.results.feedback import FeedbackReport, RankExamined, RateWithin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 234  # points

Point = tuple[int, float, float, float]  # rank, value, lower and upper end


def response_by_rank(report: FeedbackReport) -> Figure:
    """Response rate of each rank with its interval, and what examination alone would leave of rank 1's rate."""
    rates, examined = report.by_rank, report.examination.ranks
    if not rates:
        return empty("Responses to shown recommendations", "no feedback yet")
    with drawn("Responses to shown recommendations", HEIGHT) as figure:
        axes = figure.add_subplot(xlabel="rank", ylabel="answered per shown item")
        lines = {"response rate": _with_intervals(axes, _of_rates(rates), COLOURS[0], "-")}
        if examined:
            first = next(one.rate for one in rates if one.value == 1)
            lines["rate of rank 1 x examination"] = _with_intervals(axes, _scaled(examined, first), COLOURS[1], ":")
        few_marks(axes.xaxis, 10, whole=True)
        axes.set_ylim(bottom=0)
        percent_marks(axes.yaxis)
        legend(figure, list(lines.values()), list(lines))
    return figure


def _of_rates(rates: Sequence[RateWithin]) -> list[Point]:
    return [(int(one.value or 0), one.rate, one.low, one.high) for one in rates]


def _scaled(examined: Sequence[RankExamined], first: float) -> list[Point]:
    """Examination times the rate of rank 1, which is examined by definition."""
    lower = [(one.rank, first * one.examination, first * one.low, first * one.high) for one in examined]
    return [(1, first, first, first), *lower]


def _with_intervals(axes: Axes, points: Sequence[Point], colour: str, style: str) -> Any:
    ranks, values, lows, highs = zip(*points, strict=True)
    spread = [
        [value - low for value, low in zip(values, lows, strict=True)],
        [high - value for value, high in zip(values, highs, strict=True)],
    ]
    return axes.errorbar(ranks, values, spread, color=colour, linestyle=style, marker="o", elinewidth=1)
