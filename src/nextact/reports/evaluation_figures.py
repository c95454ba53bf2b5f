"""Plotly figures of an evaluation, for Kedro-Viz; plotly is imported where a figure is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nextact.reports.evaluation_page import fit_seconds
from nextact.reports.figures import COLOURS

Report = Mapping[str, Any]
Figure = Any  # plotly.graph_objects.Figure, without importing it for a hint


def slices_figure(slices: Report) -> Figure:
    """Every group of every slice: the chosen model and the best baseline with their intervals."""
    import plotly.graph_objects as go

    metric = slices["metrics"][0]
    groups = [
        (f"{one['by']}: {group['group']}", group["models"]) for one in slices["slices"] for group in one["groups"]
    ]
    traces = [
        go.Scatter(
            x=[found[name][metric]["mean"] for _, found in groups],
            y=[_plain(label) for label, _ in groups],
            error_x=_errors([found[name][metric] for _, found in groups]),
            mode="markers",
            name=_plain(name),
            marker={"color": COLOURS[at], "size": 7},
        )
        for at, name in enumerate(slices["models"])
    ]
    figure = _figure(f"{metric} by group", metric, None, traces, slices)
    figure.update_layout(height=160 + 22 * len(groups), showlegend=True)
    return figure.update_yaxes(autorange="reversed", automargin=True)


def calibration_figure(results: Report) -> Figure:
    """Observed over predicted probability of the listed items, of every model; both axes logarithmic."""
    import plotly.graph_objects as go

    traces = [
        go.Scatter(
            x=[row["predicted"] for row in model["calibration"]["bins"] if row["observed"] > 0],
            y=[row["observed"] for row in model["calibration"]["bins"] if row["observed"] > 0],
            mode="lines+markers",
            name=_plain(model["name"]),
            visible=True if model["name"] in (results["chosen"], results["baseline"]) else "legendonly",
        )
        for model in results["models"]
    ]
    values = [value for trace in traces for value in (*trace.x, *trace.y)] or [0.1, 1.0]
    ends = [min(values), max(values)]
    traces.append(
        go.Scatter(x=ends, y=ends, mode="lines", line={"dash": "dash", "color": COLOURS[4]}, name="calibrated")
    )
    figure = _figure("Calibration of item probabilities", "predicted", "observed", traces, results)
    return figure.update_layout(showlegend=True).update_xaxes(type="log").update_yaxes(type="log")


def trade_off_figure(results: Report) -> Figure:
    """Accuracy beside the share of the catalogue that is recommended; a point's size is the time to fit."""
    import plotly.graph_objects as go

    metric, models = results["metric"], results["models"]
    longest = max((fit_seconds(model) for model in models), default=0.0) or 1.0
    trace = go.Scatter(
        x=[model["catalogue"]["coverage"] for model in models],
        y=[model["test"][metric]["mean"] for model in models],
        text=[_plain(model["name"]) for model in models],
        customdata=[[fit_seconds(model), model["catalogue"].get("diversity_text")] for model in models],
        hovertemplate="%{text}: %{y:.4f}, coverage %{x:.3f}, %{customdata[0]:.1f} s to fit",
        mode="markers+text",
        textposition="top center",
        marker={"size": [9 + 25 * (fit_seconds(model) / longest) ** 0.5 for model in models], "color": COLOURS[0]},
    )
    return _figure(f"{metric} beside coverage and cost", "coverage", metric, [trace], results)


def _errors(found: list[Report]) -> dict[str, Any]:
    return {
        "array": [one["high"] - one["mean"] for one in found],
        "arrayminus": [one["mean"] - one["low"] for one in found],
        "thickness": 1.5,
        "width": 3,
    }


def _figure(title: str, x: str, y: str | None, traces: list[Any], stamped: Report) -> Figure:
    import plotly.graph_objects as go

    words = f"{title} · protocol {stamped['protocol_hash']}"
    figure = go.Figure(traces, layout={"colorway": COLOURS, "title": words, "showlegend": False})
    figure.update_layout(template="plotly_white", margin={"l": 60, "r": 20, "t": 50, "b": 50})
    return figure.update_xaxes(title=x).update_yaxes(title=y)


def _plain(words: str) -> str:
    """Text from data without the markup that Plotly reads in labels."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
