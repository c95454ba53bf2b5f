"""Tables of texts on disk."""

import copy
import gc
import os

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.io import MemoryDataset

from nextact.errors import NextactError
from nextact.text.cleaning import table as module
from nextact.text.cleaning.corpus import in_batches
from nextact.text.cleaning.table import TextTable
from nextact.text.encoder.ordering import in_catalogue_order

SCHEMA = pa.schema([("item_id", pa.string()), ("item_text", pa.string())])
ROWS = [("i1", "red wine"), ("i2", None), ("i3", ""), ("i4", "🍷 \u2028 红酒"), ("i5", "tea")]


@pytest.fixture(params=[1, 2, 100])
def table(request, monkeypatch):
    monkeypatch.setattr(module, "ROWS_AT_ONCE", request.param)
    return TextTable.write(ROWS, SCHEMA)


def test_what_was_written_is_read_again_and_again(table):
    texts = table.texts("item_text")
    assert len(texts) == 5
    assert list(texts) == list(texts) == ["red wine", "", "", "🍷 \u2028 红酒", "tea"]
    assert list(table.rows("item_id", "item_text")) == ROWS
    assert list(table.tokens("item_text"))[3:] == [["🍷", "红酒"], ["tea"]]


def test_few_rows_come_in_the_order_asked_for(table):
    assert table.take([4, 0, 4], "item_id") == [("i5",), ("i1",), ("i5",)]
    assert table.take([], "item_id") == []


def test_a_column_that_is_missing_names_the_close_match(table):
    with pytest.raises(NextactError, match=r"table\.parquet has no column 'item_txt'; did you mean 'item_text'"):
        list(table.texts("item_txt"))


def test_a_file_that_is_missing_or_broken_is_named(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"hello")
    for name in ("broken.parquet", "none.parquet"):
        with pytest.raises(NextactError, match=rf"{name} (cannot be read: |does not exist|is empty)"):
            len(TextTable(tmp_path / name))


def test_a_long_text_ends_a_batch():
    texts = ["a" * 10, "b", "c" * 10, "d" * 30, "e"]
    assert [len(batch) for batch in in_batches(texts, len, rows=3, characters=20)] == [3, 1, 1]


def test_a_table_of_large_texts_has_small_row_groups():
    table = TextTable.write((("i", "x" * 6_000_000) for _ in range(8)), SCHEMA)
    assert [pq.ParquetFile(table.path).metadata.row_group(n).num_rows for n in range(2)] == [4, 4]


def test_the_file_goes_with_the_last_reference_and_a_saved_copy_stays(tmp_path):
    table = TextTable.of(pd.DataFrame({"item_id": ["i1"], "item_text": ["tea"]}))
    path = table.path
    table.save(tmp_path / "kept" / "texts.parquet")
    column = table.texts("item_text")
    del table
    gc.collect()
    assert list(column) == ["tea"]
    del column
    gc.collect()
    assert not path.parent.exists()
    assert list(TextTable(tmp_path / "kept" / "texts.parquet").texts("item_text")) == ["tea"]


def test_a_reader_keeps_the_file_that_a_save_replaces(tmp_path):
    path = tmp_path / "texts.parquet"
    TextTable.write(ROWS, SCHEMA).save(path)
    reading = TextTable(path).rows("item_id")
    assert next(reading) == ("i1",)
    TextTable.write([("other", "")], SCHEMA).save(path)
    assert [item for (item,) in reading] == ["i2", "i3", "i4", "i5"]
    assert len(TextTable(path)) == 1


@pytest.mark.parametrize("size", [1, 2, 100])
def test_rows_in_any_order_come_in_that_of_the_catalogue(size, monkeypatch):
    monkeypatch.setattr("nextact.text.encoder.ordering.ROWS_AT_ONCE", size)
    ids = [f"i{number}" for number in (5, 9, 1, 3, 7)]  # i9 is not in the catalogue
    found = pa.record_batch([ids, [f"text {name}" for name in ids]], schema=SCHEMA)
    batches = [found.slice(start, 2) for start in (0, 2, 4)]
    catalogue = pd.Series([f"i{number}" for number in range(1, 8)], dtype="str")
    parts = list(in_catalogue_order(iter(batches), SCHEMA, catalogue, "item_id"))
    assert max(len(part) for part in parts) <= size
    texts = [text for part in parts for text in part.column("item_text").to_pylist()]
    assert texts == ["text i1", None, "text i3", None, "text i5", None, "text i7"]


def test_no_rows_and_no_catalogue_are_in_order():
    none = pd.Series([], dtype="str")
    assert list(in_catalogue_order([], SCHEMA, none, "item_id")) == []
    (part,) = in_catalogue_order([], SCHEMA, pd.Series(["i1"]), "item_id")
    assert part.to_pylist() == [{"item_id": None, "item_text": None}]


def test_copies_are_the_same_handle_so_that_the_file_stays_as_long_as_one_is_there():
    table = TextTable.write(ROWS, SCHEMA)
    dataset = MemoryDataset()
    dataset.save(table)
    copies = [copy.copy(table), copy.deepcopy(table), dataset.load()]
    del table
    gc.collect()
    assert [list(one.texts("item_id")) for one in copies] == [["i1", "i2", "i3", "i4", "i5"]] * 3


def test_a_fork_leaves_the_file_to_the_process_that_wrote_it():
    table = TextTable.write(ROWS, SCHEMA)
    child = os.fork()
    if child == 0:
        del table
        gc.collect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert len(list(table.texts("item_id"))) == 5


def test_a_frame_with_a_missing_text_goes_there_and_back():
    frame = TextTable.write(ROWS, SCHEMA).frame()
    assert list(TextTable.of(frame).rows("item_id", "item_text")) == ROWS
