"""The pages of measurements hold what ``benchmarks/results`` holds, and every line says how it was measured."""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
RESULTS = sorted((FOLDER / "results").glob("*.jsonl"))
OF_OTHERS = ("kedro run", "make run")  # whole runs, which run_results.py records


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module("report")


@pytest.fixture
def parts(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module("report_parts")


def test_the_committed_pages_are_those_of_the_results(report):
    assert len(report.PAGES) == 12
    for path in report.PAGES:
        page = path.read_text(encoding="utf-8")
        assert report.fill(page) == page, f"{path.name}: run python benchmarks/report.py"


def test_every_table_has_one_place_and_lines(report):
    pages = [path.read_text(encoding="utf-8") for path in report.PAGES]
    places = [found for page in pages for found in report.PLACE.finditer(page)]
    assert sorted(found[2] for found in places) == sorted(report.TABLES)
    for found in places:
        lines = [line for line in found[0].splitlines() if line.startswith("| ")]
        assert len(lines) > 2, found[2]
        assert len({line.count(" | ") for line in lines}) == 1, found[2]
        assert "Measured by" in found[0], found[2]


def test_every_file_of_results_has_a_table(report):
    assert {path.stem for path in RESULTS} == {table.results for table in report.TABLES.values()}


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_every_line_names_its_date_and_a_command_whose_script_is_here(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"])
        if not row["command"].startswith(OF_OTHERS):
            script = re.match(r"python benchmarks/(\w+\.py)", row["command"])
            assert script, row["command"]
            assert (FOLDER / script[1]).exists(), row["command"]


def test_the_overview_names_every_script():
    overview = (FOLDER / "README.md").read_text(encoding="utf-8")
    scripts = {path.name for path in FOLDER.glob("*.py") if not path.stem.startswith("report")}
    assert {name for name in scripts if f"`{name}" not in overview} == set()


def test_of_two_measurements_the_newest_is_shown(parts, monkeypatch):
    row = {"model": "a", "value": 0.1, "command": "python benchmarks/a.py", "date": "2026-01-01"}
    rows = [row, row | {"model": "b"}, row | {"value": 0.2, "date": "2026-01-02", "machine": "two cores"}]
    monkeypatch.setattr(parts, "read", lambda _: rows)
    table = parts.Table("any", ("model",), parts.columns({"model": parts.text("model"), "v": parts.number("value", 1)}))
    assert table.markdown().splitlines()[:4] == ["| model | v |", "| --- | --- |", "| a | 0.2 |", "| b | 0.1 |"]
    assert "- `python benchmarks/a.py`, 2026-01-02, machine two cores" in table.markdown()
    with pytest.raises(ValueError, match="no row"):
        parts.Table("any", ("model",), parts.columns({}), lambda row: row["model"] == "c").markdown()


def test_a_column_for_each_of_a_name_leaves_a_gap_where_nothing_was_measured(parts):
    made = parts.across({"model": parts.text("model")}, parts.text("group"), parts.number("value", 1))
    rows = [
        {"model": "a", "group": "warm", "value": 1.0},
        {"model": "b", "group": "warm", "value": 2.0},
        {"model": "a", "group": "cold", "value": 3.0},
    ]
    assert made(rows) == [["model", "warm", "cold"], ["a", "1.0", "3.0"], ["b", "2.0", ""]]
