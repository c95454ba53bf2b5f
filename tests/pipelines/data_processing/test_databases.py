"""Raw tables in a SQL database, by catalog entry alone."""

import sqlite3

import numpy as np
import pandas as pd
import pytest

from nextact.datasets.generated import GeneratedShopDataset

CATALOG = """
_database: &database {backend: sqlite, database: shop.db}

raw_events:
  type: ibis.TableDataset
  table_name: events
  connection: *database

raw_items:
  type: ibis.TableDataset
  table_name: items
  connection: *database
"""


@pytest.fixture(scope="module")
def shops(tmp_path_factory, copy_project, kedro):
    """The same shop processed from frames and from a database."""
    folders = []
    for name in ("frames", "database"):
        folder = copy_project(tmp_path_factory.mktemp(name))
        if name == "database":
            _fill(folder)
        done = kedro(folder, "run", "--env", "test", "--pipelines", "data_processing")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        folders.append(folder / "data" / "test")
    return folders


def _fill(folder):
    with sqlite3.connect(folder / "shop.db") as database:
        events = GeneratedShopDataset(table="events").load()
        events.assign(timestamp=events["timestamp"].astype(str)).to_sql("events", database, index=False)
        GeneratedShopDataset(table="items").load().to_sql("items", database, index=False)
    (folder / "conf" / "test" / "catalog.yml").write_text(CATALOG)
    parameters = folder / "conf" / "test" / "parameters.yml"
    stated = "  timestamp: timestamp\n"
    parameters.write_text(parameters.read_text().replace(stated, stated + "  timestamp_unit: iso\n"))


def test_a_sqlite_table_gives_the_events_that_the_frame_gives(shops):
    frames, database = (pd.read_parquet(folder / "03_primary" / "events.parquet") for folder in shops)
    by = ["source", "source_row"]
    assert len(frames) == 720
    pd.testing.assert_frame_equal(
        database.sort_values(by, ignore_index=True), frames.sort_values(by, ignore_index=True), check_dtype=False
    )


def test_a_sqlite_table_gives_the_same_histories(shops):
    frames, database = (folder / "05_model_input" for folder in shops)
    for name in ("item_index", "event_type", "timestamp", "starts_step", "offsets"):
        np.testing.assert_array_equal(
            np.load(frames / "histories" / f"{name}.npy"), np.load(database / "histories" / f"{name}.npy")
        )
    np.testing.assert_array_equal(np.load(frames / "test_cuts.npy"), np.load(database / "test_cuts.npy"))
