"""Plotly figures of a run, small enough for a preview; plotly is imported where a figure is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Report = Mapping[str, Any]
Figure = Any  # plotly.graph_objects.Figure, without importing it for a hint

COLOURS = ("#3d78c2", "#d98a2b", "#3f9a75", "#a8588f", "#7b8490", "#c25450")


def events_over_time(report: Report) -> Figure:
    """Events outside test by type, stacked, a bar for each day, week or month."""
    over_time = report["over_time"]
    if over_time is None:
        return _empty("Events over time", "The log has no times.")
    bars = [_bar(over_time["starts"], counts, name) for name, counts in over_time["counts"].items()]
    figure = _figure("Events over time", f"{over_time['bucket']} (UTC)", f"events a {over_time['bucket']}", bars)
    return figure.update_layout(barmode="stack", showlegend=len(bars) > 1)


def history_lengths(report: Report) -> Figure:
    """Users by number of training events."""
    bars = report["history_length"]["histogram"]
    drawn = _bar([bar["bin"] for bar in bars], [bar["n"] for bar in bars], "users")
    return _figure("History lengths", "training events of a user", "users", [drawn], category=True)


def item_popularity(report: Report) -> Figure:
    """Training events of items by rank, both axes logarithmic."""
    import plotly.graph_objects as go

    curve = report["popularity"]["curve"]
    line = go.Scatter(
        x=[rank for rank, _ in curve], y=[n for _, n in curve], mode="lines+markers", line_color=COLOURS[0]
    )
    figure = _figure("Item popularity", "rank of the item", "training events", [line])
    return figure.update_xaxes(type="log").update_yaxes(type="log")


def rejected_rows(report: Report) -> Figure:
    """Rejected rows by reason, a colour for each source."""
    import plotly.graph_objects as go

    rows = [row for row in report["rows"]["by_source"] if row["reason"] != "accepted"]
    if not rows:
        return _empty("Rejected rows", "No row was rejected.")
    sources = list(dict.fromkeys(row["source"] for row in rows))
    bars = [
        go.Bar(
            y=[_plain(row["reason"]) for row in rows if row["source"] == source],
            x=[row["n"] for row in rows if row["source"] == source],
            name=_plain(source or "raw_events"),
            orientation="h",
            marker_color=COLOURS[at % len(COLOURS)],
        )
        for at, source in enumerate(sources)
    ]
    figure = _figure("Rejected rows", "rows", None, bars)
    figure.update_layout(barmode="stack", showlegend=len(sources) > 1)
    return figure.update_yaxes(automargin=True, categoryorder="total ascending")


def held_out_beside_seen(report: Report) -> Figure:
    """Validation targets per training event, relative to all items, by the item's training events."""
    rows = [row for row in report["core"] if row["ratio"] is not None]
    drawn = _bar([row["bin"] for row in rows], [row["ratio"] for row in rows], "times the mean")
    drawn.customdata = [[row["items"], row["targets"]] for row in rows]
    drawn.hovertemplate = "%{x}: %{y:.2f} times the mean<br>%{customdata[0]:,} items, %{customdata[1]:,} targets"
    title = "Held out beside seen: targets per training event"
    figure = _figure(title, "training events of the item", "times the mean", [drawn], category=True)
    return figure.add_hline(y=1, line_dash="dash", line_color=COLOURS[4])


def leaderboard(results: Mapping[str, Any], metric: str | None = None) -> Figure:
    """Models by validation, best on top: validation and test as dots with the intervals of their bootstrap.

    Args:
        results: Of model_evaluation: ``metric``, ``chosen`` and the ``models`` from best to worst: ``name``,
            ``validation`` and ``test``; each of the two holds ``mean``, ``low`` and ``high`` by metric.
        metric: The metric shown; the one that chose, if left out.
    """
    name = metric or results["metric"]
    ranked = sorted(results["models"], key=lambda model: -model["validation"][name]["mean"])[::-1]
    drawn = [_dots(ranked, split, name, colour, shift) for split, colour, shift in SPLITS]
    figure = _figure(f"Models: {name} with 95 % intervals", name, None, drawn)
    names = [_plain(model["name"]) + (" (chosen)" if model["name"] == results["chosen"] else "") for model in ranked]
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, automargin=True, zeroline=False)
    return figure.update_layout(showlegend=True, height=140 + 34 * len(names)).update_xaxes(rangemode="tozero")


SPLITS = (("validation", COLOURS[0], 0.12), ("test", COLOURS[1], -0.12))


def _dots(ranked: list[Mapping[str, Any]], split: str, metric: str, colour: str, shift: float) -> Any:
    import plotly.graph_objects as go

    found = [model[split][metric] for model in ranked]
    return go.Scatter(
        x=[one["mean"] for one in found],
        y=[at + shift for at in range(len(found))],
        error_x={
            "array": [one["high"] - one["mean"] for one in found],
            "arrayminus": [one["mean"] - one["low"] for one in found],
            "thickness": 1.5,
            "width": 3,
        },
        mode="markers",
        marker={"color": colour, "size": 8},
        name=split,
        customdata=[[_plain(model["name"]), one["low"], one["high"]] for model, one in zip(ranked, found, strict=True)],
        hovertemplate="%{customdata[0]}: %{x:.4f} [%{customdata[1]:.4f}, %{customdata[2]:.4f}]",
    )


def _bar(labels: list[str], values: list[float], name: str) -> Any:
    import plotly.graph_objects as go

    return go.Bar(x=labels, y=values, name=_plain(name))


def _figure(title: str, x: str | None, y: str | None, drawn: list[Any], category: bool = False) -> Figure:
    import plotly.graph_objects as go

    figure = go.Figure(drawn, layout={"colorway": COLOURS, "title": title, "showlegend": False})
    figure.update_layout(template="plotly_white", margin={"l": 60, "r": 20, "t": 50, "b": 50}, bargap=0.15)
    figure.update_xaxes(title=x)
    if category:  # bins such as "3-5" would be read as dates
        figure.update_xaxes(type="category")
    return figure.update_yaxes(title=y)


def _empty(title: str, words: str) -> Figure:
    figure = _figure(title, None, None, [])
    figure.add_annotation(text=words, showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    return figure.update_xaxes(visible=False).update_yaxes(visible=False)


def _plain(words: str) -> str:
    """Text from data without the markup that Plotly reads in labels."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
