"""Figures of the data and of the feedback; Matplotlib is imported where a figure is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    percent_marks,
    row_labels,
    rows_height,
    tip,
)
from nextact.reports.numbers import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Report = Mapping[str, Any]

HEIGHT = 210  # points of a chart with one plot


def events_over_time(report: Report) -> Figure:
    """Events outside test by type, stacked, a bar for each day, week or month."""
    over_time = report["over_time"]
    if over_time is None:
        return empty("Events over time", "The log has no times.")
    starts, counts = over_time["starts"], over_time["counts"]
    with drawn("Events over time", HEIGHT + 12 * len(counts)) as figure:
        axes = figure.add_subplot(xlabel=f"{over_time['bucket']} (UTC)", ylabel=f"events a {over_time['bucket']}")
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


def history_lengths(report: Report) -> Figure:
    """Users by number of training events."""
    bars = report["history_length"]["histogram"]
    labels = [bar["bin"] for bar in bars]
    with drawn("History lengths", HEIGHT) as figure:
        axes = figure.add_subplot(xlabel="training events of a user", ylabel="users")
        _bars(axes, labels, [bar["n"] for bar in bars], "users")
        bin_labels(axes, labels)
        few_marks(axes.yaxis, 4)
    return figure


def item_popularity(report: Report) -> Figure:
    """Training events of items by rank, both axes logarithmic."""
    curve = report["popularity"]["curve"]
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


def rejected_rows(report: Report) -> Figure:
    """Rejected rows by reason, the most frequent on top, a colour for each source."""
    rows = [row for row in report["rows"]["by_source"] if row["reason"] != "accepted"]
    if not rows:
        return empty("Rejected rows", "No row was rejected.")
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["reason"]] = totals.get(row["reason"], 0) + row["n"]
    reasons = sorted(totals, key=lambda reason: -totals[reason])
    sources = list(dict.fromkeys(row["source"] or "raw_events" for row in rows))
    with drawn("Rejected rows", rows_height(reasons, lines=4) + 60 + 12 * len(sources)) as figure:
        axes = figure.add_subplot(xlabel="rows")
        left, handles = dict.fromkeys(reasons, 0), {}
        for row in rows:
            source, reason, n = row["source"] or "raw_events", row["reason"], row["n"]
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


def held_out_beside_seen(report: Report) -> Figure:
    """Validation targets per training event, relative to all items, by the item's training events."""
    rows = [row for row in report["core"] if row["ratio"] is not None]
    labels = [row["bin"] for row in rows]
    with drawn("Held out beside seen: validation targets per training event", HEIGHT) as figure:
        axes = figure.add_subplot(xlabel="training events of the item", ylabel="times the mean")
        _bars(axes, labels, [row["ratio"] for row in rows], "times the mean")
        axes.axhline(1, color=INK, linewidth=1, dashes=(4, 3))
        bin_labels(axes, labels)
        few_marks(axes.yaxis, 4)
    return figure


def response_by_rank(report: Report) -> Figure:
    """Response rate of each rank with its interval, and what examination alone would leave of rank 1's rate.

    Args:
        report: ``feedback_report``.
    """
    rates, examined = report["by_rank"], report["examination"]["ranks"]
    if not rates:
        return empty("Responses to shown recommendations", "no feedback yet")
    with drawn("Responses to shown recommendations", HEIGHT + 24) as figure:
        axes = figure.add_subplot(xlabel="rank", ylabel="answered per shown item")
        lines = {"response rate": _with_intervals(axes, rates, "rate", COLOURS[0], "-")}
        if examined:
            first = next(one["rate"] for one in rates if one["rank"] == 1)
            scaled = [{"rank": 1} | dict.fromkeys(("examination", "low", "high"), first)]
            scaled += [one | {name: first * one[name] for name in ("examination", "low", "high")} for one in examined]
            name = "rate of rank 1 x examination"
            lines[name] = _with_intervals(axes, scaled, "examination", COLOURS[1], ":")
        few_marks(axes.xaxis, 10, whole=True)
        axes.set_ylim(bottom=0)
        percent_marks(axes.yaxis)
        legend(figure, list(lines.values()), list(lines))
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


def _with_intervals(axes: Axes, rows: Sequence[Report], key: str, colour: str, style: str) -> Any:
    ranks, values = [one["rank"] for one in rows], [one[key] for one in rows]
    spread = [[one[key] - one["low"] for one in rows], [one["high"] - one[key] for one in rows]]
    return axes.errorbar(ranks, values, spread, color=colour, linestyle=style, marker="o", elinewidth=1)
