"""Charts as inline SVG: no script, no network, sharp at any size, and their colours follow the page's theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import log10

from nextact.reports.numbers import compact, powers, ticks, whole

WIDTH, HEIGHT = 860, 280
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 56
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
CHARACTER, GAP = 7, 14  # about how wide a character is written, and the room between two labels
N_COLOURS = 6  # the page's style names --series-0 to --series-5


@dataclass(frozen=True)
class Axes:
    """Titles of a chart: what it shows (read aloud), and its two axes."""

    title: str
    x: str
    y: str


def bar_chart(
    labels: Sequence[str], series: Mapping[str, Sequence[float]], axes: Axes, mark: float | None = None
) -> str:
    """Stacked bars.

    Args:
        labels: One a bar; of many only some are written below.
        series: Name -> one value of at least 0 a bar; stacked in their order.
        axes: Titles.
        mark: A value at which a dashed line is drawn, if any.
    """
    totals = [sum(values) for values in zip(*series.values(), strict=True)]
    scale = ticks(max([*totals, mark or 0.0], default=0.0))
    step = PLOT_WIDTH / max(len(labels), 1)
    below, bars = [0.0] * len(labels), []
    for colour, (name, values) in enumerate(series.items()):
        for at, value in enumerate(values):
            if value > 0:
                top = _y((below[at] + value) / scale[-1])
                height = _y(below[at] / scale[-1]) - top
                note = f"{labels[at]}: {name} {_exact(value)}"
                bars.append(_bar(LEFT + (at + 0.1) * step, top, 0.8 * step, height, colour, note))
                below[at] += value
    marked = [] if mark is None else [_line(_y(mark / scale[-1]), "mark")]
    written = [_x_label(LEFT + (at + 0.5) * step, labels[at]) for at in _some(labels)]
    return _chart(axes, [*_y_axis([(tick / scale[-1], compact(tick)) for tick in scale]), *bars, *marked, *written])


def log_log_chart(points: Sequence[Sequence[float]], axes: Axes) -> str:
    """A line through ``(x, y)`` above 0, both axes in powers of ten; no line of no points."""
    if not points:
        return _chart(axes, [])
    across = powers(min(x for x, _ in points), max(x for x, _ in points))
    up = powers(min(y for _, y in points), max(y for _, y in points))
    corners = " ".join(f"{_x(_place(x, across)):.1f},{_y(_place(y, up)):.1f}" for x, y in points)
    written = [_x_label(_x(_place(10.0**power, across)), compact(10**power)) for power in across]
    levels = [(_place(10.0**power, up), compact(10**power)) for power in up]
    return _chart(axes, [*_y_axis(levels), f'<polyline class="line" points="{corners}"/>', *written])


def legend(names: Sequence[str]) -> str:
    """The colours of the series, for bars of more than one."""
    keys = "".join(
        f'<span><i style="background:var(--series-{at % N_COLOURS})"></i>{escape(name)}</span>'
        for at, name in enumerate(names)
    )
    return f'<p class="legend">{keys}</p>'


def _place(value: float, exponents: Sequence[int]) -> float:
    return (log10(value) - exponents[0]) / (exponents[-1] - exponents[0])


def _x(share: float) -> float:
    return LEFT + share * PLOT_WIDTH


def _y(share: float) -> float:
    return TOP + (1 - share) * PLOT_HEIGHT


def drawing(height: float, title: str, parts: Sequence[str]) -> str:
    """A chart of these elements, which scrolls where the page is too narrow for its labels."""
    opening = f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
    return f'<div class="wide">{opening}{"".join(parts)}</svg></div>'


def _chart(axes: Axes, parts: Sequence[str]) -> str:
    names = [
        f'<text x="{_x(0.5):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(axes.x)}</text>',
        f'<text transform="translate(14 {_y(0.5):.1f}) rotate(-90)" text-anchor="middle">{escape(axes.y)}</text>',
    ]
    return drawing(HEIGHT, axes.title, [*parts, _line(_y(0), "axis"), *names])


def _bar(x: float, y: float, width: float, height: float, colour: int, note: str) -> str:
    style = f"fill:var(--series-{colour % N_COLOURS})"
    box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {box} style="{style}"><title>{escape(note)}</title></rect>'


def _y_axis(levels: Sequence[tuple[float, str]]) -> list[str]:
    lines = [_line(_y(share), "grid") for share, _ in levels]
    texts = [
        f'<text x="{LEFT - 8}" y="{_y(share) + 4:.1f}" text-anchor="end">{escape(label)}</text>'
        for share, label in levels
    ]
    return [*lines, *texts]


def _line(y: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _x_label(x: float, label: str) -> str:
    return f'<text x="{x:.1f}" y="{_y(0) + 18:.1f}" text-anchor="middle">{escape(label)}</text>'


def _some(labels: Sequence[str]) -> range:
    """Positions of the labels that are written, so that none touches the next."""
    n_fit = PLOT_WIDTH // (CHARACTER * max(map(len, labels), default=1) + GAP)
    return range(0, len(labels), max(1, -(-len(labels) // n_fit)))


def _exact(value: float) -> str:
    return whole(value) if value == int(value) else f"{value:.3g}"
