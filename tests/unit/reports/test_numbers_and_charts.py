import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from nextact.reports.html import page, table, text, tiles
from nextact.reports.numbers import powers, ticks
from nextact.reports.svg import Axes, bar_chart, legend, log_log_chart

AXES = Axes("Title", "x", "y")


def parse(svg):
    return ET.fromstring(svg)[0]


def rectangles(svg):
    return [{name: float(one.get(name)) for name in ("x", "y", "width", "height")} for one in parse(svg).iter("rect")]


@pytest.mark.parametrize("largest", [0.003, 0.7, 1, 2.5, 9, 10, 11, 99, 101, 12_345, 6.02e23])
def test_ticks_are_round_even_and_just_reach_the_largest(largest):
    found = ticks(largest)
    step = found[1] - found[0]
    assert found[0] == 0
    assert found[-1] >= largest > found[-1] - 1.001 * step
    assert 3 <= len(found) <= 8
    assert f"{step:e}"[0] in "125"
    assert float(f"{step:.1e}") == pytest.approx(step, rel=1e-6)


@pytest.mark.parametrize("bounds", [(1, 1), (1, 10), (2, 3), (0.5, 2_000), (1_000, 1_001)])
def test_powers_of_ten_enclose_both_ends(bounds):
    found = powers(*bounds)
    assert 10.0 ** found[0] <= bounds[0]
    assert bounds[1] <= 10.0 ** found[-1]
    assert len(found) >= 2


def test_bars_are_as_high_as_their_values_and_stand_on_the_axis():
    bars = rectangles(bar_chart(["a", "b"], {"n": [10, 5]}, AXES))
    assert bars[0]["height"] == pytest.approx(2 * bars[1]["height"], abs=0.2)
    assert bars[0]["y"] + bars[0]["height"] == pytest.approx(bars[1]["y"] + bars[1]["height"], abs=0.2)


def test_series_are_stacked_in_their_order_without_gaps():
    bars = rectangles(bar_chart(["a"], {"first": [3], "second": [4]}, AXES))
    assert bars[1]["y"] + bars[1]["height"] == pytest.approx(bars[0]["y"], abs=0.2)
    assert bars[0]["x"] == bars[1]["x"]


def test_bars_do_not_overlap_and_stay_inside():
    svg = bar_chart([str(at) for at in range(100)], {"n": [1] * 100}, AXES)
    bars = rectangles(svg)
    assert all(left["x"] + left["width"] < right["x"] for left, right in pairwise(bars))
    width, height = map(float, parse(svg).get("viewBox").split()[2:])
    assert all(bar["x"] > 0 and bar["x"] + bar["width"] <= width and bar["y"] <= height for bar in bars)


def test_labels_that_would_touch_are_left_out():
    labels = [f"2024-01-{day:02}" for day in range(1, 31)]
    written = [one for one in parse(bar_chart(labels, {"n": [1] * 30}, AXES)).iter("text") if one.text in labels]
    places = [float(one.get("x")) for one in written]
    assert 5 < len(written) < 12
    assert all(right - left > 70 for left, right in pairwise(places))


def test_an_empty_chart_and_one_of_zeros_are_drawn():
    assert rectangles(bar_chart([], {"n": []}, AXES)) == []
    assert rectangles(bar_chart(["a"], {"n": [0]}, AXES)) == []
    assert parse(log_log_chart([], AXES)).find("polyline") is None


def test_a_straight_line_on_logarithmic_axes_is_straight():
    svg = log_log_chart([(1, 1000), (10, 100), (100, 10)], AXES)
    points = [tuple(map(float, pair.split(","))) for pair in parse(svg).find("polyline").get("points").split()]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y1 - y0 == pytest.approx(y2 - y1, abs=0.2)
    assert y0 < y1 < y2


def test_a_mark_lies_at_its_value():
    svg = bar_chart(["a"], {"n": [2.0]}, AXES, mark=1.0)
    bar = rectangles(svg)[0]
    mark = next(line for line in parse(svg).iter("line") if line.get("class") == "mark")
    assert float(mark.get("y1")) == pytest.approx(bar["y"] + bar["height"] / 2, abs=0.2)


EVIL = '<script>alert("x")</script>&'


@pytest.mark.parametrize(
    "html",
    [
        table(EVIL, [EVIL, EVIL], [[EVIL, EVIL]]),
        tiles([(EVIL, EVIL)]),
        text(EVIL, EVIL),
        legend([EVIL]),
        bar_chart([EVIL], {EVIL: [1]}, Axes(EVIL, EVIL, EVIL)),
        log_log_chart([(1, 1)], Axes(EVIL, EVIL, EVIL)),
        page(EVIL, ""),
    ],
)
def test_text_from_data_is_escaped(html):
    assert "<script" not in html
    assert '"x"' not in html
    assert "&lt;script&gt;" in html


def test_numbers_are_aligned_to_the_right_and_texts_are_not():
    html = table("", ["a", "b", "n"], [["x", "y", "1"]], n_texts=2)
    assert re.findall(r"<t[dh]( class=\"n\")?>(\w)", html) == [
        ("", "a"),
        ("", "b"),
        (' class="n"', "n"),
        ("", "x"),
        ("", "y"),
        (' class="n"', "1"),
    ]
