import re
from xml.etree import ElementTree as ET

import pytest

from nextact.reports.evaluation_svg import (
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Box,
    calibration_chart,
    interval_chart,
    line_chart,
    log_scale,
    named_points_chart,
    scale,
)
from nextact.reports.svg import Axes

AXES = Axes("title", "x", "y")


def places(svg, tag="circle"):
    root = ET.fromstring(svg)
    return [(float(one.get("cx")), float(one.get("cy"))) for one in root.iter(tag)]


def test_a_scale_holds_all_values_and_marks_round_ones():
    one = scale(0.013, 0.27, 100, 200)
    assert one.marks == (0, 0.1, 0.2, 0.3)
    assert one(0) == 100
    assert one(0.3) == 200


@pytest.mark.parametrize(("low", "high"), [(-0.12, 0.3), (-3.0, -1.0), (-0.1, 0.0)])
def test_a_scale_reaches_below_zero_where_values_do(low, high):
    one = scale(low, high, 0, 100)
    assert one.low <= low
    assert one.high >= max(high, 0)
    assert 0 <= one(low) <= one(high) <= 100
    assert 0 in one.marks


def test_a_logarithmic_scale_gives_equal_ratios_equal_lengths():
    one = log_scale(0.01, 100, 0, 400)
    assert one(0.1) - one(0.01) == pytest.approx(one(100) - one(10)) == pytest.approx(100)


def test_intervals_stand_at_their_values_in_the_order_of_the_rows():
    rows = [
        ("first", {"a": {"mean": 0.5, "low": 0.4, "high": 0.6}, "b": {"mean": 0.2, "low": 0.1, "high": 0.3}}),
        ("second", {"b": {"mean": 0.2, "low": 0.0, "high": 1.0}}),
    ]
    svg = interval_chart(rows, "ndcg@10", "models")
    (x1, y1), (x2, y2), (x3, y3) = places(svg)
    assert x1 > x2 == x3
    assert y1 < y2 < y3
    colours = re.findall(r"<circle[^>]*fill:var\(--series-(\d)\)", svg)
    assert colours == ["0", "1", "1"]  # a series keeps its colour where another is absent


def test_points_lie_inside_the_drawing_and_labels_do_not_cover_each_other():
    points = [(f"model number {at}", 0.5 + at / 1000, 0.3 + at / 1000) for at in range(5)] + [("far", 0.0, 0.0)]
    svg = named_points_chart(points, AXES)
    assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT for x, y in places(svg))
    boxes = []
    for text in ET.fromstring(svg).iter("text"):
        if text.text and (text.text.startswith("model") or text.text == "far"):
            width, x, y = 7 * len(text.text), float(text.get("x")), float(text.get("y"))
            left = {"start": x, "end": x - width, "middle": x - width / 2}[text.get("text-anchor")]
            boxes.append(Box(left, y - 10, left + width, y + 2))
    assert len(boxes) == 6
    assert not any(one.meets(other) for at, one in enumerate(boxes) for other in boxes[:at])


def test_calibration_has_equal_axes_and_a_diagonal():
    svg = calibration_chart({"net": [(0.01, 0.01), (0.1, 0.02)]}, AXES)
    mark = ET.fromstring(svg).find(".//line[@class='mark']")
    (x1, y1), _ = places(svg)
    slope = (float(mark.get("y2")) - float(mark.get("y1"))) / (float(mark.get("x2")) - float(mark.get("x1")))
    assert float(mark.get("y1")) + slope * (x1 - float(mark.get("x1"))) == pytest.approx(y1, abs=0.2)


def test_a_bin_without_a_hit_stands_on_the_lower_edge_and_says_0():
    svg = calibration_chart({"net": [(0.05, 0.0), (0.1, 0.2)]}, AXES)
    assert "observed 0<" in svg
    assert places(svg)[0][1] == pytest.approx(HEIGHT - 52, abs=0.1)


@pytest.mark.parametrize(
    "svg",
    [
        interval_chart([], "x", "empty"),
        named_points_chart([], AXES),
        named_points_chart([("one", 1.0, 0.0)], AXES, log_x=True),
        line_chart({}, AXES),
        line_chart({"net": [(1, 0.0)]}, AXES),
        calibration_chart({}, AXES),
    ],
)
def test_nothing_to_draw_still_is_a_chart(svg):
    assert ET.fromstring(svg)[0].tag == "svg"
    assert "nan" not in svg


def test_names_are_escaped():
    assert "<b>" not in named_points_chart([("<b>", 1.0, 1.0)], AXES) + line_chart({"<b>": [(1, 1)]}, AXES)
