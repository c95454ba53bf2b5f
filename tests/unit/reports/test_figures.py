import json
import subprocess
import sys

import pytest

from nextact.reports import figures


@pytest.fixture(scope="module")
def report(make_report):
    return make_report()


def data(figure):
    return json.loads(figure.to_json())["data"]


def layout(figure):
    return json.loads(figure.to_json())["layout"]


def values(array):
    """Plotly writes arrays of numbers as base64 where it can."""
    if isinstance(array, dict):
        import base64

        import numpy as np

        return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]).tolist()
    return array


def test_events_over_time_are_one_stacked_series_a_type(report):
    figure = figures.events_over_time(report)
    drawn = {one["name"]: values(one["y"]) for one in data(figure)}
    assert drawn == report["over_time"]["counts"]
    assert layout(figure)["barmode"] == "stack"


def test_history_lengths_are_drawn_as_names_not_as_dates(report):
    figure = figures.history_lengths(report)
    assert data(figure)[0]["x"] == [bar["bin"] for bar in report["history_length"]["histogram"]]
    assert layout(figure)["xaxis"]["type"] == "category"


def test_popularity_has_two_logarithmic_axes(report):
    figure = figures.item_popularity(report)
    axes = layout(figure)
    assert (axes["xaxis"]["type"], axes["yaxis"]["type"]) == ("log", "log")
    assert values(data(figure)[0]["y"]) == [n for _, n in report["popularity"]["curve"]]


def test_rejected_rows_leave_the_accepted_out(report):
    drawn = data(figures.rejected_rows(report))
    assert {reason: n for one in drawn for reason, n in zip(one["y"], values(one["x"]), strict=True)} == {
        "x is missing": 2,
        "repeats": 1,
    }


def test_a_run_that_rejected_nothing_says_so(report):
    rows = report["rows"] | {"by_source": [row for row in report["rows"]["by_source"] if row["reason"] == "accepted"]}
    figure = figures.rejected_rows(report | {"rows": rows})
    assert layout(figure)["annotations"][0]["text"] == "No row was rejected."


def test_a_log_without_times_says_so(report):
    assert "no times" in layout(figures.events_over_time(report | {"over_time": None}))["annotations"][0]["text"]


def test_held_out_beside_seen_leaves_unseen_items_out_and_marks_the_mean(report):
    figure = figures.held_out_beside_seen(report)
    assert report["core"][0]["bin"] == "0"
    assert data(figure)[0]["x"] == [row["bin"] for row in report["core"][1:]]
    assert layout(figure)["shapes"][0]["y0"] == 1


def result(name, validation, test):
    spread = {"low": -0.1, "high": 0.2}
    return {"name": name} | {
        split: {"ndcg@10": {"mean": mean} | {side: mean + by for side, by in spread.items()}}
        for split, mean in (("validation", validation), ("test", test))
    }


RESULTS = {
    "metric": "ndcg@10",
    "chosen": "blend",
    "models": [result("blend", 0.5, 0.4), result("twin", 0.5, 0.3), result("<b>pop</b>", 0.2, 0.6)],
}


def test_the_leaderboard_has_the_best_of_validation_on_top_with_intervals():
    figure = figures.leaderboard(RESULTS)
    validation, test = data(figure)
    assert (validation["name"], test["name"]) == ("validation", "test")
    assert layout(figure)["yaxis"]["ticktext"] == ["&lt;b&gt;pop&lt;/b&gt;", "twin", "blend (chosen)"]
    assert values(validation["x"]) == [0.2, 0.5, 0.5]
    assert values(test["x"]) == [0.6, 0.3, 0.4]
    assert values(test["error_x"]["array"]) == pytest.approx([0.2] * 3)
    assert values(test["error_x"]["arrayminus"]) == pytest.approx([0.1] * 3)


def test_validation_and_test_of_a_model_lie_beside_each_other_not_on_each_other():
    validation, test = data(figures.leaderboard(RESULTS))
    gaps = [one - other for one, other in zip(values(validation["y"]), values(test["y"]), strict=True)]
    assert all(0.1 < gap < 0.5 for gap in gaps)


def test_markup_in_names_is_written_not_rendered(make_report):
    report = make_report(source="<a href='x'>a</a>", kind="<b>view</b>")
    assert data(figures.events_over_time(report))[0]["name"] == "&lt;b&gt;view&lt;/b&gt;"
    assert "<a" not in figures.rejected_rows(report).to_json()


def test_importing_the_figures_does_not_import_plotly():
    code = "import sys, nextact.reports.figures; print('plotly' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
