"""Figures of the data; Matplotlib is imported where a figure is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nextact.reports.figures.drawing import (
    COLOURS,
    INK,
    bin_labels,
    drawn,
    empty,
    few_marks,
    legend,
    log_marks,
    row_labels,
    rows_height,
    tip,
)
from nextact.reports.numbers import whole
from nextact.results.quality import QualityReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 210  # points of a chart with one plot


def events_over_time(report: QualityReport) -> Figure:
    """Events outside test by type, stacked, a bar for each day, week or month."""
    over_time = report.over_time
    if over_time is None:
        return empty("Events over time", "The log has no times.")
    starts, counts = over_time.starts, over_time.counts
    with drawn("Events over time", HEIGHT + 12 * len(counts)) as figure:
        axes = figure.add_subplot(xlabel=f"{over_time.bucket} (UTC)", ylabel=f"events a {over_time.bucket}")
        below, handles = [0.0] * len(starts), []
        for at, (name, values) in enumerate(counts.items()):
            bars = _bars(axes, starts, values, name, COLOURS[at % len(COLOURS)], below)
            below = [low + value for low, value in zip(below, values, strict=True)]
            handles.append(bars)
        bin_labels(axes, starts)
        few_marks(axes.yaxis, 4)
        if len(counts) > 1:
            legend(figure, handles, list(counts))
    return figure


def history_lengths(report: QualityReport) -> Figure:
    """Users by number of training events."""
    bars = report.history_length.histogram
    labels = [bar.bin for bar in bars]
    with drawn("History lengths", HEIGHT) as figure:
        axes = figure.add_subplot(xlabel="training events of a user", ylabel="users")
        _bars(axes, labels, [bar.n for bar in bars], "users")
        bin_labels(axes, labels)
        few_marks(axes.yaxis, 4)
    return figure


def item_popularity(report: QualityReport) -> Figure:
    """Training events of items by rank, both axes logarithmic."""
    curve = report.popularity.curve
    if not curve:
        return empty("Item popularity", "No item has a training event.")
    with drawn("Item popularity", HEIGHT) as figure:
        axes = figure.add_subplot(
            xscale="log", yscale="log", xlabel="rank of the item, most popular first", ylabel="training events"
        )
        axes.plot([rank for rank, _ in curve], [n for _, n in curve], "o-", markersize=3, color=COLOURS[0])
        log_marks(axes.xaxis)
        log_marks(axes.yaxis)
    return figure


def rejected_rows(report: QualityReport) -> Figure:
    """Rejected rows by reason, the most frequent on top, a colour for each source."""
    rows = [row for row in report.rows.by_source if row.reason != "accepted"]
    if not rows:
        return empty("Rejected rows", "No row was rejected.")
    totals: dict[str, int] = {}
    for row in rows:
        totals[row.reason] = totals.get(row.reason, 0) + row.n
    reasons = sorted(totals, key=lambda reason: -totals[reason])
    sources = list(dict.fromkeys(row.source or "raw_events" for row in rows))
    with drawn("Rejected rows", rows_height(reasons, lines=4) + 60 + 12 * len(sources)) as figure:
        axes = figure.add_subplot(xlabel="rows")
        left, handles = dict.fromkeys(reasons, 0), {}
        for row in rows:
            source, reason, n = row.source or "raw_events", row.reason, row.n
            colour = COLOURS[sources.index(source) % len(COLOURS)]
            bar = axes.barh([reasons.index(reason)], [n], left=[left[reason]], height=0.6, color=colour)
            tip(f"{reason}: {source} {whole(n)}", *bar)
            left[reason] += n
            handles[source] = bar
        row_labels(axes, reasons, lines=4)
        few_marks(axes.xaxis, 4)
        if len(sources) > 1:
            legend(figure, list(handles.values()), list(handles))
    return figure


def held_out_beside_seen(report: QualityReport) -> Figure:
    """Validation targets per training event, relative to all items, by the item's training events."""
    ratios = {row.bin: row.ratio for row in report.core if row.ratio is not None}
    labels = list(ratios)
    with drawn("Held out beside seen: validation targets per training event", HEIGHT) as figure:
        axes = figure.add_subplot(xlabel="training events of the item", ylabel="times the mean")
        _bars(axes, labels, list(ratios.values()), "times the mean")
        axes.axhline(1, color=INK, linewidth=1, dashes=(4, 3))
        bin_labels(axes, labels)
        few_marks(axes.yaxis, 4)
    return figure


def _bars(
    axes: Axes,
    labels: Sequence[str],
    values: Sequence[float],
    name: str,
    colour: str = COLOURS[0],
    below: Sequence[float] | None = None,
) -> Any:
    bars = axes.bar(range(len(labels)), values, 0.8, below if below else 0, color=colour)
    for bar, label, value in zip(bars, labels, values, strict=True):
        tip(f"{label}: {name} {whole(value) if value == int(value) else f'{value:.3g}'}", bar)
    return bars
