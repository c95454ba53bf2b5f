"""Figures of an evaluation; Matplotlib is imported where a figure is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import floor, log10
from typing import TYPE_CHECKING, Any

from nextact.metrics.comparison import Interval
from nextact.reports.figures.drawing import (
    COLOURS,
    INK,
    SOFT,
    drawn,
    empty,
    few_marks,
    legend,
    log_marks,
    row_labels,
    rows_height,
    tip,
)
from nextact.reports.numbers import compact
from nextact.reports.pages.evaluation_words import interval
from nextact.results.evaluation import Slices, TestedModel, TestResults

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AROUND = 74  # points above and below rows: title, legend, marks and their name
DECADES = 6  # that an axis of probabilities shows
SHORTEST = 0.01  # seconds; a shorter fit has no place on a logarithmic axis


def leaderboard(results: TestResults) -> Figure:
    """Every model by the metric that chose, best on validation on top: validation and test with their intervals."""
    metric = results.metric
    labels = [f"{row.name} (chosen)" if row.name == results.chosen else row.name for row in results.models]
    rows = [(row.name, {"validation": row.validation[metric], "test": row.test[metric]}) for row in results.models]
    title = f"{metric} of {len(rows)} models, {results.level:.0%} intervals · protocol {results.protocol_hash}"
    return _intervals(title, metric, labels, rows, ("validation", "test"))


def slices(found: Slices) -> Figure:
    """Every group of every slice: the chosen model and the best baseline with their intervals."""
    rows = [
        (f"{one.by}: {group.group}", {name: values[found.metric] for name, values in group.models.items()})
        for one in found.slices
        for group in one.groups
    ]
    title = f"{found.metric} by group · protocol {found.protocol_hash}"
    if not rows:
        return empty(title, "No user is in a group.")
    return _intervals(title, found.metric, [label for label, _ in rows], rows, found.models, lines=3)


def calibration(results: TestResults) -> Figure:
    """Observed over predicted probability of the listed items, both in powers of ten.

    Of the chosen model and the best baseline. What is 0 or tiny is drawn on the lower edge.
    """
    series = [(row.name, [(one.predicted, one.observed) for one in row.calibration.bins]) for row in results.shown]
    values = [value for _, points in series for point in points for value in point if value > 0] or [0.1, 1.0]
    high = max(values)
    low = 10.0 ** max(floor(log10(min(values))), floor(log10(high)) - DECADES)
    with drawn(f"Calibration of item probabilities · protocol {results.protocol_hash}", 300) as figure:
        axes = figure.add_subplot(xscale="log", yscale="log", xlabel="predicted probability", ylabel="observed share")
        lines = [
            _dots(axes, name, [(max(x, low), max(y, low)) for x, y in points], colour, (points, "predicted"))
            for (name, points), colour in zip(series, COLOURS, strict=False)
        ]
        ideal = axes.plot([low, high], [low, high], color=INK, linewidth=1, dashes=(4, 3), zorder=1)[0]
        for axis in (axes.xaxis, axes.yaxis):
            log_marks(axis)
        legend(figure, [*lines, ideal], [*(name for name, _ in series), "as often as predicted"])
    return figure


def trade_off(results: TestResults) -> Figure:
    """Beside the metric that chose: coverage, diversity and cost, a row for each model."""
    metric = results.metric
    panels: list[tuple[str, Callable[[TestedModel], float | None], bool]] = [
        (metric, lambda row: row.test[metric].mean, False),
        ("coverage", lambda row: row.catalogue.get("coverage"), False),
        ("diversity\nby text", lambda row: row.catalogue.get("diversity_text"), False),
        ("seconds\nto fit", lambda row: max(row.all_fit_seconds, SHORTEST), True),
    ]
    shown = [panel for panel in panels if any(panel[1](row) is not None for row in results.models)]
    names = [row.name for row in results.models]
    title = f"{metric} on test beside coverage, diversity and cost · protocol {results.protocol_hash}"
    with drawn(title, rows_height(names) + AROUND) as figure:
        for axes, (name, value, is_log) in zip(figure.subplots(1, len(shown), sharey=True), shown, strict=True):
            _panel(axes, name, [value(row) for row in results.models], results, is_log)
        row_labels(figure.axes[0], names)
    return figure


def training_curves(results: TestResults, curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Validation and loss of the networks by epoch."""
    title = f"Training of the networks · protocol {results.protocol_hash}"
    if not curves:
        return empty(title, "No network of this run tells of its training.")
    with drawn(title, 330) as figure:
        above, below = figure.subplots(2, 1, sharex=True)
        for key, axes, name in (("validation", above, "validation NDCG@10"), ("loss", below, "training loss")):
            axes.set_ylabel(name)
            lines = [
                _dots(axes, network, [(one["epoch"], one[key]) for one in curve if one[key] is not None], colour)
                for (network, curve), colour in zip(curves.items(), _colours(len(curves)), strict=True)
            ]
            few_marks(axes.yaxis, 4)
        below.set_xlabel("epoch")
        few_marks(below.xaxis, 6, whole=True)
        legend(figure, lines, list(curves))
    return figure


def _intervals(
    title: str,
    metric: str,
    labels: Sequence[str],
    rows: Sequence[tuple[str, Mapping[str, Interval]]],
    series: Sequence[str],
    lines: int = 2,
) -> Figure:
    """A row for each label, and in it a dot with its interval for each series."""
    with drawn(title, rows_height(labels, lines) + AROUND) as figure:
        axes = figure.add_subplot(xlabel=metric)
        handles: dict[str, Any] = {}
        for at, (label, found) in enumerate(rows):
            for place, name in enumerate(series):
                if name in found:
                    y = at + (place - (len(series) - 1) / 2) * 0.32
                    words = f"{label}: {name} {interval(found[name])}"
                    handles[name] = _dot_with_interval(axes, found[name], y, COLOURS[place % len(COLOURS)], words)
        row_labels(axes, labels, lines)
        few_marks(axes.xaxis)
        axes.set_xlim(left=min(0.0, *(one.low for _, found in rows for one in found.values())))
        legend(figure, list(handles.values()), list(handles))
    return figure


def _dot_with_interval(axes: Axes, found: Interval, y: float, colour: str, words: str) -> Any:
    whisker = axes.plot([found.low, found.high], [y, y], color=colour, solid_capstyle="butt")[0]
    dot = axes.plot([found.mean], [y], "o", color=colour)[0]
    tip(words, whisker, dot)
    return dot


def _dots(
    axes: Axes,
    name: str,
    points: Sequence[tuple[float, float]],
    colour: str,
    told: tuple[Sequence[tuple[float, float]], str] | None = None,
) -> Any:
    """A line through points; a point tells its own place, or that of ``told`` where it is drawn elsewhere."""
    line = axes.plot([x for x, _ in points], [y for _, y in points], color=colour)[0]
    places, x_name = told or (points, "")
    for (x, y), (true_x, true_y) in zip(points, places, strict=True):
        words = f"{name}: {x_name} {true_x:.4g}, {true_y:.4g}".replace("  ", " ")
        tip(words, axes.plot([x], [y], "o", color=colour)[0])
    return line


def _panel(axes: Axes, name: str, values: Sequence[float | None], results: TestResults, is_log: bool) -> None:
    for at, (row, value) in enumerate(zip(results.models, values, strict=True)):
        if value is not None:
            colour = COLOURS[1] if row.name == results.chosen else COLOURS[0]
            words = f"{row.name}: {name} {value:.4g}".replace("\n", " ")
            tip(words, axes.plot([value], [at], "o", color=colour)[0])
    axes.set_title(name, fontsize=9.5, color=SOFT)
    axes.grid(True, axis="y")
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.15)
    if is_log:
        axes.set_xscale("log")
        axes.xaxis.minorticks_off()
    _mark_ends(axes, [value for value in values if value is not None])


def _mark_ends(axes: Axes, values: Sequence[float]) -> None:
    """The smallest and the largest value below a plot that is too narrow for more, or for both in one line."""
    ends = sorted({min(values), max(values)})
    marks = [f"{end:.2g}" if end < 100 else compact(end) for end in ends]
    axes.set_xticks(ends, [marks[0], *(f"\n{mark}" for mark in marks[1:])], fontsize=9)
    if len(ends) > 1:
        first, last = axes.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")


def _colours(n: int) -> list[str]:
    return [COLOURS[at % len(COLOURS)] for at in range(n)]
