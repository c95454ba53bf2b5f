"""The report as a picture."""

from __future__ import annotations

from typing import Any

from nextact.feedback import columns as f


def response_by_rank(report: dict[str, Any]) -> Any:
    """Response rate of each rank with its interval, and what examination alone would leave of rank 1's rate.

    Args:
        report: As :func:`nextact.feedback.report.report` gives it.

    Returns:
        A plotly figure; without any feedback an empty one that says so.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(title="Responses to shown recommendations", template="plotly_white")
    figure.update_xaxes(title="rank", dtick=1)
    figure.update_yaxes(title="answered per shown item", rangemode="tozero", tickformat=".1%")
    rates = report["by_rank"]
    if not rates:
        return figure.add_annotation(text="no feedback yet", showarrow=False, font={"size": 20})
    figure.add_trace(_points("response rate", rates, "rate", go))
    examined = report["examination"]["ranks"]
    if examined:
        first = next(one["rate"] for one in rates if one[f.RANK] == 1)
        scaled = [{f.RANK: 1, "examination": first, "low": first, "high": first}]
        scaled += [one | {name: first * one[name] for name in ("examination", "low", "high")} for one in examined]
        figure.add_trace(_points("rate of rank 1 x examination", scaled, "examination", go, dash="dot"))
    return figure


def _points(name: str, rows: list[dict[str, Any]], value: str, go: Any, dash: str = "solid") -> Any:
    spread = {
        "type": "data",
        "array": [one["high"] - one[value] for one in rows],
        "arrayminus": [one[value] - one["low"] for one in rows],
    }
    return go.Scatter(
        name=name,
        x=[one[f.RANK] for one in rows],
        y=[one[value] for one in rows],
        error_y=spread,
        mode="lines+markers",
        line={"dash": dash},
    )
