"""Charts of an evaluation as inline SVG: dots with intervals, clouds of named points, lines, and calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import log10

from nextact.reports.numbers import compact, powers, ticks
from nextact.reports.svg import N_COLOURS, Axes, drawing

WIDTH, HEIGHT = 860, 300
LEFT, RIGHT, TOP, BOTTOM = 72, 24, 14, 52
ROW, DOT = 26, 4
CHARACTER = 7  # about how wide a character is written
LONGEST_LABEL = 34

Interval = Mapping[str, float]  # mean, low, high
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Scale:
    """From values to places on the page; ``logarithmic`` scales have powers of ten as their marks.

    Attributes:
        low: Value at the start.
        high: Value at the end.
        start: Place of the start.
        end: Place of the end.
        marks: Values that are written.
        logarithmic: Whether equal ratios have equal lengths.
    """

    low: float
    high: float
    start: float
    end: float
    marks: tuple[float, ...]
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value.

        Example:
            >>> scale(0.0, 10.0, 0.0, 100.0)(5.0)
            50.0
        """
        low, high = (log10(self.low), log10(self.high)) if self.logarithmic else (self.low, self.high)
        at = log10(value) if self.logarithmic else value
        return self.start + (at - low) / (high - low) * (self.end - self.start)


@dataclass(frozen=True)
class Box:
    """A rectangle on the page."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two share an area."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def is_inside(self) -> bool:
        """Whether all of it lies in the drawing."""
        return self.left >= LEFT and self.right <= WIDTH and self.top >= 0 and self.bottom <= HEIGHT - BOTTOM + 14


def scale(smallest: float, largest: float, start: float, end: float) -> Scale:
    """A linear scale from 0, or from below it where values are negative."""
    above = ticks(max(largest, 0.0)) if largest > 0 or smallest >= 0 else [0]
    step = above[1] if len(above) > 1 else ticks(-smallest)[1]
    n_below = -(min(smallest, 0.0) // step)
    marks = [-step * at for at in range(int(n_below), 0, -1)] + list(above)
    return Scale(marks[0], marks[-1], start, end, tuple(round(mark, 10) for mark in marks))


def log_scale(smallest: float, largest: float, start: float, end: float) -> Scale:
    """A logarithmic scale over whole powers of ten."""
    exponents = powers(smallest, largest)
    marks = tuple(10.0**power for power in exponents)
    return Scale(marks[0], marks[-1], start, end, marks, logarithmic=True)


def interval_chart(rows: Sequence[tuple[str, Mapping[str, Interval]]], axis: str, title: str) -> str:
    """A row for each label, and in it a dot with its interval for each series.

    Args:
        rows: Label -> series -> ``mean``, ``low`` and ``high``, top row first. Series keep their colour over all rows.
        axis: What the numbers are.
        title: Read aloud.
    """
    series = list(dict.fromkeys(name for _, found in rows for name in found))
    ends = [one[end] for _, found in rows for one in found.values() for end in ("low", "high")]
    left = 16 + CHARACTER * min(max((len(label) for label, _ in rows), default=0), LONGEST_LABEL)
    height = TOP + ROW * len(rows) + BOTTOM - 8
    across = scale(min(ends, default=0.0), max(ends, default=0.0), left, WIDTH - RIGHT)
    bottom = TOP + ROW * len(rows)
    parts = [_vertical(across(mark), bottom, compact(mark)) for mark in across.marks]
    for at, (label, found) in enumerate(rows):
        middle = TOP + ROW * (at + 0.5)
        parts.append(_text(left - 10, middle + 4, _cut(label), "end"))
        for name, one in found.items():
            y = middle + (series.index(name) - (len(series) - 1) / 2) * 8
            parts.append(_dot_with_interval(one, across, y, series.index(name), f"{label}: {name}"))
    parts.append(_text((left + WIDTH - RIGHT) / 2, height - 8, axis, "middle"))
    return drawing(height, title, parts)


def named_points_chart(points: Sequence[tuple[str, float, float]], axes: Axes, log_x: bool = False) -> str:
    """A cloud of points, each with its name beside it.

    Args:
        points: ``(name, x, y)``; with ``log_x`` every x above 0.
        axes: Titles.
        log_x: Whether x is in powers of ten.
    """
    xs, ys = [x for _, x, _ in points], [y for _, _, y in points]
    make = log_scale if log_x else scale
    across = make(min(xs, default=1.0), max(xs, default=1.0), LEFT, WIDTH - RIGHT)
    up = scale(min(ys, default=0.0), max(ys, default=0.0), HEIGHT - BOTTOM, TOP)
    places = [(across(x), up(y)) for _, x, y in points]
    drawn = [
        _circle(*place, at, f"{name}: {x:.4g}, {y:.4g}")
        for at, ((name, x, y), place) in enumerate(zip(points, places, strict=True))
    ]
    taken = [Box(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in places]
    for (name, _, _), place in zip(points, places, strict=True):
        drawn.append(_label_beside(*place, _cut(name), taken))
    return drawing(HEIGHT, axes.title, [*_frame(across, up, axes), *drawn])


def line_chart(series: Mapping[str, Points], axes: Axes) -> str:
    """A line through the points of each series."""
    points = [point for line in series.values() for point in line]
    across = scale(0.0, max((x for x, _ in points), default=1.0), LEFT, WIDTH - RIGHT)
    up = scale(0.0, max((y for _, y in points), default=1.0), HEIGHT - BOTTOM, TOP)
    lines = [_polyline(line, across, up, at) for at, line in enumerate(series.values())]
    dots = [
        _circle(across(x), up(y), at, f"{name}: {x:.4g}, {y:.4g}")
        for at, (name, line) in enumerate(series.items())
        for x, y in line
    ]
    return drawing(HEIGHT, axes.title, [*_frame(across, up, axes), *lines, *dots])


def calibration_chart(series: Mapping[str, Points], axes: Axes) -> str:
    """Observed over predicted probability, both in powers of ten, with the diagonal of a calibrated model.

    Points at 0 are drawn on the lower edge.
    """
    points = [point for line in series.values() for point in line if min(point) > 0]
    values = [value for point in points for value in point] or [0.1, 1.0]
    across = log_scale(min(values), max(values), LEFT, WIDTH - RIGHT)
    up = log_scale(min(values), max(values), HEIGHT - BOTTOM, TOP)
    ends = (across.low, across.high)
    diagonal = (
        f'<line class="mark" x1="{across(ends[0]):.1f}" y1="{up(ends[0]):.1f}" x2="{across(ends[1]):.1f}" '
        f'y2="{up(ends[1]):.1f}"/>'
    )
    drawn = []
    for at, (name, line) in enumerate(series.items()):
        shown = [(max(x, ends[0]), max(y, ends[0])) for x, y in line]
        drawn.append(_polyline(shown, across, up, at))
        drawn += [
            _circle(across(x), up(y), at, f"{name}: predicted {px:.3g}, observed {py:.3g}")
            for (x, y), (px, py) in zip(shown, line, strict=True)
        ]
    return drawing(HEIGHT, axes.title, [*_frame(across, up, axes), diagonal, *drawn])


def _frame(across: Scale, up: Scale, axes: Axes) -> list[str]:
    """Grid, marks and titles."""
    rows = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(mark):.1f}" y2="{up(mark):.1f}"/>'
        + _text(LEFT - 8, up(mark) + 4, compact(mark), "end")
        for mark in up.marks
    ]
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return [
        *(_vertical(across(mark), HEIGHT - BOTTOM, compact(mark)) for mark in across.marks),
        *rows,
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, axes.x, "middle"),
        f'<text transform="translate(14 {middle:.1f}) rotate(-90)" text-anchor="middle">{escape(axes.y)}</text>',
    ]


def _vertical(x: float, bottom: float, label: str) -> str:
    line = f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom:.1f}"/>'
    return line + _text(x, bottom + 18, label, "middle")


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _circle(x: float, y: float, colour: int, note: str) -> str:
    style = f"fill:var(--series-{colour % N_COLOURS})"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{DOT}" style="{style}"><title>{escape(note)}</title></circle>'


def _dot_with_interval(one: Interval, across: Scale, y: float, colour: int, note: str) -> str:
    stroke = f"stroke:var(--series-{colour % N_COLOURS});stroke-width:2"
    words = f"{note} {one['mean']:.4f} [{one['low']:.4f}, {one['high']:.4f}]"
    return (
        f'<line x1="{across(one["low"]):.1f}" x2="{across(one["high"]):.1f}" y1="{y:.1f}" y2="{y:.1f}" '
        f'style="{stroke}"/>' + _circle(across(one["mean"]), y, colour, words)
    )


def _polyline(line: Points, across: Scale, up: Scale, colour: int) -> str:
    corners = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line)
    return f'<polyline class="line" style="stroke:var(--series-{colour % N_COLOURS})" points="{corners}"/>'


def _label_beside(x: float, y: float, name: str, taken: list[Box]) -> str:
    """A name right, left, above or below its point: the first place that covers nothing."""
    width = CHARACTER * len(name)
    tried = [
        (x + 10, y + 4, "start", x + 10),
        (x - 10, y + 4, "end", x - 10 - width),
        (x, y - 10, "middle", x - width / 2),
        (x, y + 18, "middle", x - width / 2),
        *((x + 10, y + 4 + shift, "start", x + 10) for shift in (-14, 14, -28, 28)),
    ]
    boxes = [Box(left, at_y - 10, left + width, at_y + 2) for _, at_y, _, left in tried]
    free = (at for at, box in enumerate(boxes) if box.is_inside() and not any(box.meets(other) for other in taken))
    at = next(free, 0)
    taken.append(boxes[at])
    at_x, at_y, anchor, _ = tried[at]
    return _text(at_x, at_y, name, anchor)


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"
