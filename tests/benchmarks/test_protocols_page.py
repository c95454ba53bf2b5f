"""``docs/protocols.md`` shows what ``benchmarks/results/protocols.jsonl`` holds."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("protocols_tables", ROOT / "benchmarks" / "protocols_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_the_page_are_those_of_the_results(tables):
    page = tables.PAGE.read_text(encoding="utf-8")
    rows = tables.newest(tables.RESULTS.read_text(encoding="utf-8").splitlines())
    assert tables.fill(page, rows) == page


def test_every_table_has_a_place_and_holds_both_data_sets(tables):
    page = tables.PAGE.read_text(encoding="utf-8")
    found = {place[2]: place[0] for place in tables.PLACE.finditer(page)}
    assert set(found) == set(tables.TABLES)
    assert [name for name, text in found.items() if "| Beauty |" not in text] == []
    assert [name for name, text in found.items() if "| Complete Journey |" not in text and name != "ties"] == []


def test_of_two_measurements_the_newest_is_shown(tables):
    line = '{"dataset": "beauty", "choice": "ties", "value": "shuffled", "model": "popularity", "ndcg@10": %s}'
    assert tables.newest([line % 0.1, line % 0.2])[0]["ndcg@10"] == 0.2
