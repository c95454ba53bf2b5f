"""An environment that states where its tables are and what their columns are, and nothing else."""

import json

import pandas as pd
import pytest

from nextact.datasets.generated import GeneratedShopDataset

CATALOG = """
raw_events: {type: pandas.ParquetDataset, filepath: data/mine/01_raw/orders.parquet}
raw_items: {type: pandas.ParquetDataset, filepath: data/mine/01_raw/products.parquet}
"""
EVENTS = {
    "user_id": "customer",
    "item_id": "sku",
    "event_type": "what",
    "event_types": ["view", "purchase"],
    "timestamp": "at",
}
STATED = {"events": EVENTS, "items": {"item_id": "sku"}, "policy": {"exclude_seen": False}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory, copy_project):
    folder = copy_project(tmp_path_factory.mktemp("own"))
    (folder / "conf/mine").mkdir()
    (folder / "conf/mine/catalog.yml").write_text(CATALOG)
    (folder / "conf/mine/globals.yml").write_text("data: data/mine\n")
    state(folder, STATED)
    raw = folder / "data/mine/01_raw"
    raw.mkdir(parents=True)
    columns = {"user_id": "customer", "item_id": "sku", "event_type": "what", "timestamp": "at"}
    GeneratedShopDataset(table="events").load().rename(columns=columns).to_parquet(raw / "orders.parquet")
    GeneratedShopDataset(table="items").load().rename(columns=columns).to_parquet(raw / "products.parquet")
    return folder


def state(folder, parameters):
    (folder / "conf/mine/parameters.yml").write_text(json.dumps(parameters))  # JSON is YAML


def test_the_whole_line_runs_on_columns_alone_and_recommends(shop, kedro):
    done = kedro(shop, "run", "--env", "mine")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "environment: mine\n" in done.stdout
    recommended = pd.read_parquet(shop / "data/mine/07_model_output/recommendations.parquet")
    assert recommended.groupby("user_id").size().tolist() == [10] * 60
    assert recommended["item_id"].isin([f"i{number:03}" for number in range(24)]).all()
    fitted = {one["name"] for one in json.loads((shop / "data/mine/06_models/leaderboard.json").read_text())["models"]}
    assert {"personal_popularity", "ease", "gpt2", "blend", "stacked"} <= fitted
    assert not list((shop / "data").glob("0*"))  # nothing went to the sample's data root


def without(block, name):
    return STATED | {block: {key: value for key, value in STATED[block].items() if key != name}}


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        (without("events", "user_id"), "events.user_id"),
        (without("events", "timestamp"), "events.timestamp"),
        (without("events", "event_types"), "events.event_types"),
        (without("policy", "exclude_seen"), "policy.exclude_seen"),
        ({}, "events.user_id, events.item_id, events.timestamp, events.event_types, policy.exclude_seen"),
        (STATED | {"events": {"sources": {"a": EVENTS, "b": {"user_id": "customer", "item_id": "sku"}}}},
         "events.sources.b.timestamp, events.event_types"),
    ],
)  # fmt: skip
def test_what_no_default_can_stand_in_for_is_named_with_the_file_to_write_it_in(shop, run_here, parameters, missing):
    state(shop, parameters)
    done = run_here(shop, "run", "--env", "mine", "--pipelines", "data_processing")
    assert done.exit_code == 1
    assert done.stderr == (
        f"error: parameters: nothing states {missing}; write it into conf/mine/parameters.yml "
        "(docs/data_contract.md, 'Your own tables')\n"
    )


def test_a_table_that_nothing_names_is_named_with_the_file_to_write_it_in(shop, run_here):
    state(shop, STATED)
    (shop / "conf/mine/catalog.yml").write_text(CATALOG.splitlines()[1])
    done = run_here(shop, "run", "--env", "mine", "--pipelines", "data_processing")
    assert done.exit_code == 1
    assert done.stderr == "error: nothing says where 'raw_items' is; write its entry into conf/mine/catalog.yml\n"
