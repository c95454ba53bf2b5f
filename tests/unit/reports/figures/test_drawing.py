"""Figures: what they say as text, and that they may stand in a page."""

import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest

from nextact.reports.figures.drawing import (
    COLOURS,
    NAMED,
    as_svg,
    bin_labels,
    drawn,
    empty,
    few_marks,
    legend,
    log_marks,
    row_labels,
    short,
    tip,
)

from ..reading import EVIL, texts_of, tips


def one_row(label, title="A title", name="a name"):
    with drawn(title, 120) as figure:
        axes = figure.add_subplot(xlabel=label)
        dot = axes.plot([1.0], [0], "o", color=COLOURS[0])[0]
        tip(label, dot)
        row_labels(axes, [label])
        legend(figure, [dot], [name])
    return figure


def test_names_from_data_are_escaped_wherever_they_stand():
    svg = as_svg(one_row(EVIL, EVIL, EVIL))
    assert "<script" not in svg
    root = ET.fromstring(svg)
    assert root.get("aria-label") == EVIL
    assert EVIL in [one.text for one in root.iter("title")]
    assert EVIL[:20] in "".join(one.text or "" for one in root.iter("text"))


@pytest.mark.parametrize("words", ["$\\notacommand{$", "5 $ or 6 $", "--> ]]>", "a\x00b", "_hidden", "%d {x}", ""])
def test_odd_names_are_drawn_as_they_are(words, tmp_path):
    figure = one_row(words, name=words)
    svg = as_svg(figure)
    wanted = " ".join(words.replace("\x00", "").split())
    written = [one.text for one in ET.fromstring(svg).iter("text") if one.text]
    assert not words or written.count(wanted) == 3  # name of the axis, of the row and of the colour
    figure.savefig(tmp_path / "figure.png")  # as the data catalog saves it, long after the style held


def test_text_stays_text_and_takes_font_and_colours_of_the_page():
    svg = as_svg(one_row("item_knn"))
    assert "item_knn" in texts_of(svg)
    assert "font-family" not in svg
    assert "var(--series-0)" in svg
    assert "var(--ink)" in svg
    assert not [colour for colour in NAMED if colour in svg]


def test_a_figure_holds_no_style_sheet_no_address_and_no_date():
    svg = as_svg(one_row("a"))
    assert svg == as_svg(one_row("a"))
    for part in ("<style", "http", "url(", "clip-path", "metadata", "xmlns"):
        assert part not in svg


def test_marks_of_two_figures_do_not_share_an_id():
    ids = [
        {one.get("id") for one in ET.fromstring(as_svg(one_row("a", title))).iter() if one.get("id")} for title in "xy"
    ]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_figure_holds_the_names_of_its_rows_and_leaves_room_beside_long_labels():
    figure = one_row("a name that is a good deal longer than a phone is wide, and then some more of it")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    labels = [text.get_window_extent() for text in axes.get_yticklabels()]
    for box in [*labels, axes.get_window_extent()]:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
    assert axes.get_window_extent().width > max(box.width for box in labels)


def test_the_style_of_figures_does_not_leak():
    before = dict(mpl.rcParams)
    as_svg(one_row("a"))
    assert dict(mpl.rcParams) == before


def test_an_empty_figure_says_why():
    assert {"Rejected rows", "No row was rejected."} <= set(
        texts_of(as_svg(empty("Rejected rows", "No row was rejected.")))
    )


def test_a_long_label_is_cut_and_a_short_one_is_not():
    assert short("item_knn") == "item_knn"
    cut = short("x" * 100)
    assert cut.endswith(" …")
    assert all(len(line) <= 21 for line in cut.split("\n"))


@pytest.mark.parametrize("n", [1, 5, 30, 400])
def test_labels_under_bars_do_not_touch(n):
    labels = [f"2024-{1 + at % 12:02}-{1 + at % 28:02}" for at in range(n)]
    with drawn("Bars", 200) as figure:
        axes = figure.add_subplot()
        axes.bar(range(n), [1] * n)
        bin_labels(axes, labels)
    boxes = [text.get_window_extent() for text in axes.get_xticklabels()]
    assert min(n, 3) <= len(boxes) <= 4
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert axes.get_xticklabels()[0].get_text() == labels[0]


@pytest.mark.parametrize("largest", [1e-3, 0.8, 1, 93, 12_345, 6e7])
def test_marks_of_an_axis_are_few_round_and_short(largest):
    with drawn("Marks", 200) as figure:
        axes = figure.add_subplot()
        axes.plot([0, largest], [0, largest])
        few_marks(axes.xaxis)
    marks = [text.get_text() for text in axes.get_xticklabels()]
    assert 2 <= len(marks) <= 8
    assert all(len(mark) <= 7 for mark in marks)


@pytest.mark.parametrize("ends", [(1, 3), (1, 1e6), (5, 5), (1e-5, 0.1)])
def test_a_logarithmic_axis_has_marks_in_view(ends):
    with drawn("Marks", 200) as figure:
        axes = figure.add_subplot(xscale="log")
        axes.plot(ends, [0, 1], "o")
        log_marks(axes.xaxis)
    low, high = axes.get_xlim()
    assert len([mark for mark in axes.get_xticks() if low <= mark <= high]) >= 1


def test_a_tip_stands_in_the_element_it_tells_of():
    assert tips(as_svg(one_row("ease: 0.5"))) == ["ease: 0.5"]


def test_importing_the_figures_imports_no_plotting_library():
    code = (
        "import sys, nextact.reports.figures.quality_figures;"
        "import nextact.reports.pages.evaluation_page, nextact.reports.pages.quality_page;"
        "print({'plotly', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
