"""How every figure of the reports looks, and a figure as SVG that takes colours and font from its page.

A figure is a :class:`matplotlib.figure.Figure`, drawn once: Kedro-Viz shows it as PNG, a page holds it as SVG. It is as
wide as a phone, so that its text stays readable there; a wide screen shows it larger or beside another.
"""

from __future__ import annotations

import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

from nextact.reports.numbers import compact

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

POINTS = 72  # an inch; one point of a figure is one unit of its SVG
WIDTH = 360  # points
COLOURS = ("#3d78c2", "#d98a2b", "#3f9a75", "#a8588f", "#7b8490", "#c25450")
INK, SOFT, RULE = "#23262b", "#6a7078", "#dcdfe3"
ROW = 20  # points of a row that holds one line of text
LINE = 12  # points of one more line

# The page's style gives these their colours, which differ by day and by night.
NAMED = {colour: f"var(--series-{at})" for at, colour in enumerate(COLOURS)} | {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    RULE: "var(--rule)",
}

STYLE: dict[str, Any] = {
    "font.size": 10.5,
    "text.color": INK,
    "text.parse_math": False,  # a price such as $5 is no formula
    "axes.facecolor": "none",
    "axes.edgecolor": SOFT,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.w_pad": 0.06,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.title_fontsize": 10,
    "legend.borderpad": 0.2,
    "legend.borderaxespad": 0.2,
    "legend.handlelength": 1.2,
    "legend.columnspacing": 1.4,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
}
LATIN = "DejaVu Sans"  # comes with Matplotlib
OTHER_SCRIPTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Noto Sans Arabic", "Noto Sans Hebrew")

_TIP = "tip:"
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_FONT = re.compile(r"font-family:[^;]*;?\s*")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # characters that XML cannot hold
_DROPPED = ("metadata", "style", "clipPath")


@contextmanager
def drawn(title: str, height: float) -> Iterator[Figure]:
    """A figure to draw into; what is drawn has the style of all figures.

    Args:
        title: Stands above the figure, in lines that fit.
        height: Points.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style: Any = {**STYLE, "font.family": _fonts()}
    with rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a browser has more fonts
        figure = Figure(figsize=(WIDTH / POINTS, height / POINTS), layout="constrained")
        figure.set_label(title)
        yield figure
        if not figure.legends:
            figure.suptitle(_in_lines(title), x=0.01, ha="left", fontsize=10, color=SOFT)
        figure.draw_without_rendering()  # makes the ticks while the style holds


def empty(title: str, words: str) -> Figure:
    """A figure that says why there is nothing to see."""
    with drawn(title, 80) as figure:
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.text(0.5, 0.5, words, ha="center", va="center", color=SOFT, transform=axes.transAxes)
    return figure


def tip(words: str, *artists: Artist) -> None:
    """Words that a browser shows where the mouse rests on what was drawn."""
    for artist in artists:
        artist.set_gid(_TIP + words)


def row_labels(axes: Axes, labels: Sequence[str], lines: int = 2) -> None:
    """Names of rows, the first on top, cut where they would take the chart's room."""
    axes.set_yticks(range(len(labels)), [short(label, lines) for label in labels], color=INK)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)


def rows_height(labels: Sequence[str], lines: int = 2) -> float:
    """Points that so many rows take, each as high as the one with most lines needs."""
    most = max((short(label, lines).count("\n") for label in labels), default=0)
    return len(labels) * (ROW + most * LINE)


def short(label: str, lines: int = 2, width: int = 21) -> str:
    r"""A label in a few lines, with a mark where it was cut.

    Example:
        >>> short("a rather long name of a group of people in words")
        'a rather long name of\na group of people i …'
    """
    parts = textwrap.wrap(label, width) or [""]
    if len(parts) > lines:
        parts = [*parts[: lines - 1], parts[lines - 1][: width - 2].rstrip() + " …"]
    return "\n".join(parts)


def bin_labels(axes: Axes, labels: Sequence[str], room: float = 300) -> None:
    """Names under bars; of many only some are written, so that none touches the next."""
    n_fit = max(2, int(room // (6 * max(map(len, labels), default=1) + 12)))
    shown = range(0, len(labels), max(1, -(-len(labels) // n_fit)))
    axes.set_xticks(list(shown), [labels[at] for at in shown])
    axes.grid(False, axis="x")


def few_marks(axis: Axis, n: int = 5, whole: bool = False) -> None:
    """About ``n`` round marks on a linear axis, written short."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(n, integer=whole, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: compact(round(value, 10))))


def log_marks(axis: Axis, n: int = 5) -> None:
    """Powers of ten on a logarithmic axis, or rounder numbers where there would be but one; written short."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = axis.get_data_interval()
    axis.set_major_locator(LogLocator(subs=(1.0,) if high > 50 * low else (1.0, 2.0, 5.0), numticks=n))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))


def percent_marks(axis: Axis) -> None:
    """Shares as percentages."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1, symbol=" %"))


def legend(figure: Figure, handles: Sequence[Any], names: Sequence[str], columns: int = 2) -> None:
    """The figure's title and below it what the colours mean; Matplotlib would lay a title over a legend."""
    written = [short(name) for name in names]
    title = _in_lines(str(figure.get_label()))
    made = figure.legend(handles, written, loc="outside upper left", ncols=columns, title=title, alignment="left")
    made.get_title().set_color(SOFT)


def as_svg(figure: Figure) -> Markup:
    """A figure as SVG to stand in a page: its text is text, its colours are those of the page's style.

    Args:
        figure: As :func:`drawn` gives it.

    Returns:
        One ``svg`` element without a script, a style sheet or an address.
    """
    from matplotlib import rc_context

    title = str(figure.get_label())
    written = StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": title}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(written, format="svg", facecolor="none", metadata={"Date": None})
    root = ET.fromstring(_NO_XML.sub("", written.getvalue()).encode())
    _clean(root)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", title)
    return Markup(ET.tostring(root, encoding="unicode"))


def _clean(root: ET.Element) -> None:
    used = {value[1:] for element in root.iter() for name, value in element.attrib.items() if name.endswith("}href")}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.text, element.tail = _kept(element, element.text), None
        for child in [one for one in element if one.tag.rpartition("}")[2] in _DROPPED]:
            element.remove(child)
        words = element.get("id", "")
        element.attrib = {
            name.rpartition("}")[2]: _attribute(name, value)
            for name, value in element.attrib.items()
            if not _is_idle(name, value) and not (name == "id" and value not in used)
        }
        if words.startswith(_TIP):
            title = ET.Element("title")
            title.text = words.removeprefix(_TIP)
            element.insert(0, title)


def _kept(element: ET.Element, words: str | None) -> str | None:
    return words if element.tag in ("text", "tspan", "title") else None


def _is_idle(name: str, value: str) -> bool:
    """A clip that cuts nothing off, since axes hold all they show, and a turn by nothing."""
    return name == "clip-path" or (name == "transform" and value.startswith("rotate(-0 "))


def _attribute(name: str, value: str) -> str:
    if name == "style":
        return _COLOUR.sub(lambda found: NAMED.get(found[0], found[0]), _FONT.sub("", value)).strip("; ")
    return _NUMBER.sub(lambda found: f"{float(found[0]):.2f}", " ".join(value.split())) if name != "id" else value


def _in_lines(title: str) -> str:
    return "\n".join(textwrap.wrap(title, 56))


def _fonts() -> list[str]:
    """The Latin font and those of other scripts that this machine has."""
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    return [LATIN, *(name for name in OTHER_SCRIPTS if name in there)]
