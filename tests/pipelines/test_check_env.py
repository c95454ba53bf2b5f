"""All that is wrong with an environment, at once, before anything runs."""

import json
import time

import pytest

from nextact.datasets.generated import GeneratedShopDataset

CATALOG = """
raw_events: {type: pandas.CSVDataset, filepath: data/mine/01_raw/orders.csv}
raw_items: {type: pandas.ParquetDataset, filepath: data/mine/01_raw/products.parquet}
"""
EVENTS = {"user_id": "user_id", "item_id": "item_id", "event_type": "event_type", "event_types": ["view", "purchase"],
          "timestamp": "timestamp", "timestamp_unit": "iso"}  # fmt: skip
STATED = {
    "events": EVENTS,
    "item_text": {"text_columns": ["title"]},
    "policy": {"exclude_seen": False},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory, copy_project):
    folder = copy_project(tmp_path_factory.mktemp("checked"))
    (folder / "conf/mine").mkdir()
    (folder / "conf/mine/globals.yml").write_text("data: data/mine\n")
    raw = folder / "data/mine/01_raw"
    raw.mkdir(parents=True)
    GeneratedShopDataset(table="events").load().to_csv(raw / "orders.csv", index=False)
    GeneratedShopDataset(table="items").load().to_parquet(raw / "products.parquet")
    return folder


def check(folder, run_here, parameters, catalog=CATALOG):
    (folder / "conf/mine/catalog.yml").write_text(catalog)
    (folder / "conf/mine/parameters.yml").write_text(json.dumps(parameters))
    return run_here(folder, "check-env", "mine")


def test_a_sound_environment_is_said_to_be_so_in_seconds(shop, run_here):
    begun = time.monotonic()
    done = check(shop, run_here, STATED)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "mine: options, files and columns are as the pipelines need them" in done.output
    assert time.monotonic() - begun < 60  # five seconds on a machine that does nothing else


def test_everything_is_told_together(shop, run_here):
    wrong = STATED | {
        "events": EVENTS | {"user_id": "custmer", "session_id": "basket"},
        "item_text": {"text_columns": ["titel", "title"]},
        "evaluation": {"item_columns": ["grop"]},
        "catalogue_map": {"colour_by": "kolour"},
        "polcy": {},
        "split": {"target_event_types": ["buy"]},
        "hybrid": {"blend": {"options": {"members": ["ease", "transitoin"]}}},
    }
    said = check(shop, run_here, wrong).stderr
    assert said.startswith("error: 8 to put right in 'mine':\n")
    for problem in (
        "parameters: nothing reads 'polcy'; did you mean 'policy'?",
        "parameters: split.target_event_types: no event type 'buy'",
        "hybrid.blend.options.members: no model 'transitoin'; did you mean 'transition'?",
        "raw_events: option 'user_id' asks for column 'custmer', which is missing",
        "raw_events: option 'session_id' asks for column 'basket', which is missing",
        "raw_items: option 'item_text.text_columns' asks for column 'titel', which is missing; did you mean 'title'?",
        "raw_items: option 'evaluation.item_columns' asks for column 'grop', which is missing",
        "raw_items: option 'catalogue_map.colour_by' asks for column 'kolour', which is missing",
    ):
        assert problem in said, said


def test_rules_are_held_against_columns_event_types_and_blocks(shop, run_here):
    rules = {
        "where": "titel != None",
        "boosts": [{"where": "marke == 'A'", "factor": 2}],
        "categories": {"column": "kynd", "at_most": 1},
        "seen": {"exclude": ["buy"]},
        "diversity": {"block": "encodr"},
    }
    said = check(shop, run_here, STATED | {"rules": rules}).stderr
    assert said.startswith("error: 5 to put right in 'mine':\n")
    for problem in (
        "raw_items: option 'rules' asks for column 'titel', which is missing; did you mean 'title'?",
        "raw_items: option 'rules' asks for column 'marke', which is missing",
        "raw_items: option 'rules' asks for column 'kynd', which is missing",
        "rules.seen: no event type 'buy'",
        "rules.diversity.block: no block of item vectors 'encodr'; did you mean 'encoder'?",
    ):
        assert problem in said, said
    said = check(shop, run_here, STATED | {"rules": {"where": "title.lower() == 'a'"}}).stderr
    assert "where calls 'title.lower()'" in said


def test_values_out_of_bounds_do_not_hide_what_else_is_wrong(shop, run_here):
    wrong = STATED | {"validation": {"metric": "ndgc@10"}, "item_text": {"text_columns": ["titel"]}}
    said = check(shop, run_here, wrong).stderr
    assert "validation.metric: no metric 'ndgc@10'; did you mean 'ndcg@10'?" in said
    assert "asks for column 'titel'" in said


def test_tables_that_are_missing_or_empty_are_told(shop, run_here):
    (shop / "data/mine/01_raw/empty.csv").write_text("")
    catalog = "raw_events: {type: pandas.CSVDataset, filepath: data/mine/01_raw/empty.csv}\n"
    said = check(shop, run_here, STATED, catalog).stderr
    assert "nothing says where 'raw_items' is; write its entry into conf/mine/catalog.yml" in said
    assert "it is empty (0 bytes)" in said


def test_a_run_is_refused_before_its_first_node_where_a_later_node_would_miss_a_column(shop, run_here):
    check(shop, run_here, STATED | {"item_text": {"text_columns": ["titel"]}, "evaluation": {"item_columns": ["grop"]}})
    done = run_here(shop, "run", "--env", "mine", "--pipelines", "data_processing")
    assert done.exit_code == 1
    text, group = done.stderr.splitlines()
    assert text.endswith("'item_text.text_columns' asks for column 'titel', which is missing; did you mean 'title'?")
    assert "'evaluation.item_columns' asks for column 'grop', which is missing" in group
    assert not (shop / "data/mine/03_primary").exists()
