import os

import pandas as pd
import pytest
from kedro_datasets.ibis import FileDataset, TableDataset
from kedro_datasets.pandas import CSVDataset, SQLQueryDataset, SQLTableDataset

from nextact.datasets import fingerprints
from nextact.datasets.complete_journey import CompleteJourneyDataset
from nextact.datasets.distinct import DistinctDataset
from nextact.datasets.erased import ErasedUsersDataset
from nextact.datasets.fingerprints import content_of, entry_of, fingerprint_of_table
from nextact.datasets.generated import GeneratedShopDataset
from nextact.datasets.optional import OptionalTableDataset
from nextact.datasets.public_sequences import SequenceFileDataset
from nextact.datasets.sources import SourcesDataset
from nextact.records import ABSENT

DUCKDB = {"backend": "duckdb", "database": ":memory:"}


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("user_id,item_id\nu,i\n")
    return file


@pytest.mark.parametrize(
    "dataset",
    [
        lambda file: CSVDataset(filepath=str(file)),
        lambda file: FileDataset(filepath=str(file), file_format="csv", connection=DUCKDB),
        lambda file: OptionalTableDataset(filepath=str(file), connection=DUCKDB),
        lambda file: SequenceFileDataset(filepath=str(file)),
        lambda file: ErasedUsersDataset(filepath=str(file)),
        lambda file: SourcesDataset(sources={"one": {"type": "pandas.CSVDataset", "filepath": str(file)}}),
        lambda file: DistinctDataset(
            tables=[{"table": {"type": "pandas.CSVDataset", "filepath": str(file)}, "id": "item_id"}]
        ),
    ],
)
def test_a_table_in_a_file_is_known_by_its_content(rows, dataset):
    before = fingerprint_of_table(dataset(rows))
    assert before is not None
    os.utime(rows, ns=(1, 1))
    assert fingerprint_of_table(dataset(rows)) == before
    rows.write_text("user_id,item_id\nu,j\n")
    changed = fingerprint_of_table(dataset(rows))
    assert changed not in (None, before)
    rows.unlink()
    assert fingerprint_of_table(dataset(rows)) not in (None, before, changed)


def test_where_the_file_lies_does_not_count_but_its_name_does(rows, tmp_path):
    (tmp_path / "moved").mkdir()
    before = fingerprint_of_table(CSVDataset(filepath=str(rows)))
    moved = rows.rename(tmp_path / "moved" / "rows.csv")
    assert fingerprint_of_table(CSVDataset(filepath=str(moved))) == before
    named = moved.rename(moved.with_name("rows.tsv"))  # the ending says how it is read
    assert fingerprint_of_table(CSVDataset(filepath=str(named))) != before


def test_how_a_file_is_read_counts(rows):
    first = fingerprint_of_table(CSVDataset(filepath=str(rows)))
    assert fingerprint_of_table(CSVDataset(filepath=str(rows), load_args={"nrows": 1})) != first
    assert fingerprint_of_table(CSVDataset(filepath=str(rows), metadata={"kedro-viz": {"layer": "raw"}})) == first
    columns = [
        DistinctDataset(
            tables=[{"table": {"type": "pandas.CSVDataset", "filepath": str(rows)}, "id": "item_id"}], columns=names
        )
        for names in ([], ["user_id"])
    ]
    assert fingerprint_of_table(columns[0]) != fingerprint_of_table(columns[1])


def test_of_a_table_in_a_database_nothing_is_known(tmp_path):
    (tmp_path / "query.sql").write_text("SELECT 1")
    credentials = {"con": f"sqlite:///{tmp_path}/shop.db"}
    for dataset in (
        SQLTableDataset(table_name="events", credentials=credentials),
        SQLQueryDataset(sql="SELECT 1", credentials=credentials),
        SQLQueryDataset(filepath=str(tmp_path / "query.sql"), credentials=credentials),  # a file, and not the rows
        TableDataset(table_name="events", connection=DUCKDB),
        SourcesDataset(
            sources={
                "file": {"type": "pandas.CSVDataset", "filepath": str(tmp_path / "a.csv")},
                "table": {"type": "pandas.SQLTableDataset", "table_name": "events", "credentials": credentials},
            }
        ),
    ):
        assert fingerprint_of_table(dataset) is None


def test_of_files_elsewhere_versions_and_patterns_nothing_is_known(rows, tmp_path):
    for path in ("https://shop.example/rows.csv", str(tmp_path / "*.csv")):
        dataset = FileDataset(filepath=path, file_format="csv", connection=DUCKDB)
        assert fingerprint_of_table(dataset) is None
    from kedro.io import Version

    assert fingerprint_of_table(CSVDataset(filepath=str(rows), version=Version(None, None))) is None


def test_of_a_reader_that_is_not_known_nothing_is_known(rows):
    class Own(pd.DataFrame):
        _filepath = rows

    assert fingerprint_of_table(Own()) is None


def test_too_many_bytes_are_not_hashed(rows, monkeypatch):
    monkeypatch.setattr(fingerprints, "MOST_BYTES", rows.stat().st_size - 1)
    assert content_of(rows) is None
    monkeypatch.setattr(fingerprints, "MOST_BYTES", rows.stat().st_size)
    assert content_of(rows) is not None


def test_of_what_cannot_be_read_nothing_is_known(rows, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(fingerprints, "fingerprint_of_files", refuse)
    assert content_of(rows) is None


def test_a_folder_is_known_by_the_files_in_it(tmp_path):
    folder = tmp_path / "table"
    folder.mkdir()
    assert content_of(folder) == ABSENT
    (folder / "part-0.parquet").write_text("0")
    first = content_of(folder)
    (folder / "part-1.parquet").write_text("1")
    assert content_of(folder) not in (None, ABSENT, first)
    (folder / "__pycache__").mkdir()
    before = content_of(folder)
    (folder / "__pycache__/module.pyc").write_text("made by an import")
    assert content_of(folder) == before
    (folder / "more").symlink_to(tmp_path)  # whose files are not seen
    assert content_of(folder) is None


def test_the_generated_shop_is_known_by_its_arguments():
    found = [fingerprint_of_table(GeneratedShopDataset(table="events", seed=seed)) for seed in (0, 0, 1)]
    assert None not in found
    assert found[0] == found[1] != found[2]


def test_the_sample_is_known_by_its_files():
    tables = [fingerprint_of_table(CompleteJourneyDataset(table=name)) for name in ("products", "demographics")]
    assert None not in tables
    assert tables[0] != tables[1]


def test_credentials_and_places_are_no_part_of_an_entry(rows):
    one = CSVDataset(filepath=str(rows), credentials={"key": "secret"})
    assert entry_of(one) == entry_of(CSVDataset(filepath="elsewhere.csv"))
    assert entry_of(one) != entry_of(CSVDataset(filepath=str(rows), save_args={"index": True}))
