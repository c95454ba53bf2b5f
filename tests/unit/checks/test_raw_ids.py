"""Ids of text files are text."""

import logging

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro_datasets.ibis import FileDataset
from kedro_datasets.pandas import CSVDataset

from nextact.checks.raw_ids import read_ids_as_text, warn_of_numbers
from nextact.datasets.sources import SourcesDataset

CSV = "customer,sku,amount\n0000007,01,1.5\n0000000,02,2.5\n1234567,10,3\n"
EVENTS = {"user_id": "customer", "item_id": "sku", "timestamp": None, "event_types": ["purchase"]}


STATED = {"params:events": EVENTS}


def catalog_of(**entries):
    return DataCatalog({name: one if hasattr(one, "load") else MemoryDataset(one) for name, one in entries.items()})


def readers(path):
    return {
        "pandas": CSVDataset(filepath=str(path)),
        "duckdb": FileDataset(
            filepath=str(path), file_format="csv", connection={"backend": "duckdb", "database": ":memory:"}
        ),
    }


def loaded(dataset):
    table = dataset.load()
    return table if isinstance(table, pd.DataFrame) else table.execute()


@pytest.mark.parametrize("reader", ["pandas", "duckdb"])
def test_ids_keep_their_zeros_and_other_columns_their_types(tmp_path, reader):
    (tmp_path / "log.csv").write_text(CSV)
    dataset = readers(tmp_path / "log.csv")[reader]
    catalog = catalog_of(raw_events=dataset)
    if reader == "pandas":  # what it does of itself; DuckDB does it where the zeros come later than it looks
        assert loaded(dataset)["customer"].tolist() == [7, 0, 1234567]
    read_ids_as_text(catalog, STATED)
    frame = loaded(catalog.get("raw_events"))
    assert frame["customer"].tolist() == ["0000007", "0000000", "1234567"]
    assert frame["sku"].tolist() == ["01", "02", "10"]
    assert frame["amount"].tolist() == [1.5, 2.5, 3.0]


@pytest.mark.parametrize("reader", ["pandas", "duckdb"])
def test_a_column_that_is_missing_is_left_to_the_contract_to_name(tmp_path, reader):
    (tmp_path / "log.csv").write_text(CSV)
    catalog = catalog_of(raw_events=readers(tmp_path / "log.csv")[reader])
    read_ids_as_text(catalog, {"params:events": EVENTS | {"user_id": "custmer"}})
    assert set(loaded(catalog.get("raw_events")).columns) == {"customer", "sku", "amount"}


def test_types_that_the_data_catalog_states_are_left_alone(tmp_path):
    (tmp_path / "log.csv").write_text(CSV)
    stated = CSVDataset(filepath=str(tmp_path / "log.csv"), load_args={"dtype": {"customer": "int64"}})
    catalog = catalog_of(raw_events=stated)
    read_ids_as_text(catalog, STATED)
    assert loaded(catalog.get("raw_events"))["customer"].tolist() == [7, 0, 1234567]


def test_sources_items_and_users_are_read_alike(tmp_path):
    (tmp_path / "log.csv").write_text(CSV)
    entry = {"type": "pandas.CSVDataset", "filepath": str(tmp_path / "log.csv")}
    catalog = catalog_of(
        raw_events=SourcesDataset(sources={"shop": entry}),
        raw_items=CSVDataset(filepath=entry["filepath"]),
        raw_users=CSVDataset(filepath=entry["filepath"]),
    )
    parameters = {
        "params:events": EVENTS | {"sources": {"shop": {}}},
        "params:items": {"item_id": "sku"},
        "params:evaluation": {"user_id": "customer"},
    }
    read_ids_as_text(catalog, parameters)
    assert catalog.load("raw_events")["shop"]["customer"].tolist()[0] == "0000007"
    assert catalog.load("raw_items")["sku"].tolist()[0] == "01"
    assert catalog.load("raw_users")["customer"].tolist()[0] == "0000007"


def test_ids_that_arrived_as_numbers_are_told_with_how_many_may_have_lost_zeros(tmp_path, caplog):
    (tmp_path / "log.csv").write_text(CSV)
    stated = CSVDataset(filepath=str(tmp_path / "log.csv"), load_args={"dtype": {"customer": "int64", "sku": str}})
    catalog = catalog_of(raw_events=stated)
    with caplog.at_level(logging.WARNING):
        warn_of_numbers("raw_events", stated.load(), catalog, STATED)
    assert [record.getMessage() for record in caplog.records] == [
        "raw_events['customer']: ids arrived as numbers; 2 of 3 have fewer digits than the longest, e.g. 0, and may "
        "have lost leading zeros: have the data catalog read the column as text (load_args: {dtype: str})"
    ]


def test_numbers_of_tables_that_know_types_are_no_warning(caplog):
    frame = pd.DataFrame({"customer": [7, 1234567], "sku": ["a", "b"]})
    catalog = catalog_of(raw_events=frame)
    with caplog.at_level(logging.WARNING):
        warn_of_numbers("raw_events", frame, catalog, STATED)
    assert not caplog.records
