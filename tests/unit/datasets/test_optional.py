import logging

import pandas as pd
import pytest

from nextact.datasets.optional import OptionalTableDataset
from nextact.errors import NextactError


@pytest.fixture
def table():
    return pd.DataFrame({"user_id": ["u", "v"], "rank": [1, 2]})


def test_a_missing_file_is_none_and_one_line_says_where_it_would_be(tmp_path, caplog):
    dataset = OptionalTableDataset(filepath=str(tmp_path / "feedback.parquet"))
    with caplog.at_level(logging.INFO, "nextact"):
        assert dataset.load() is None
    assert dataset.exists()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("nextact")]
    assert ours == [f"No table at {tmp_path / 'feedback.parquet'} yet: going on without it"]


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_file_is_read_in_the_format_of_its_name(tmp_path, table, ending):
    path = tmp_path / f"feedback.{ending}"
    getattr(table, f"to_{ending}")(path, index=False)
    pd.testing.assert_frame_equal(OptionalTableDataset(filepath=str(path)).load().execute(), table, check_dtype=False)


def test_a_misspelt_ending_names_the_close_match():
    with pytest.raises(NextactError, match=r"feedback.parqet: '.parqet' says no format; did you mean '.parquet'\?"):
        OptionalTableDataset(filepath="data/01_raw/feedback.parqet")


def test_the_same_name_in_another_format_is_not_taken_for_a_missing_file(tmp_path, table):
    table.to_csv(tmp_path / "feedback.csv", index=False)
    with pytest.raises(Exception, match=r"feedback\.csv stands beside it") as caught:
        OptionalTableDataset(filepath=str(tmp_path / "feedback.parquet")).load()
    assert isinstance(caught.value.__cause__ or caught.value, NextactError)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "feedback.parquet").write_text("not parquet")
    with pytest.raises(Exception, match=r"(?i)parquet"):
        OptionalTableDataset(filepath=str(tmp_path / "feedback.parquet")).load()


def test_a_stated_format_needs_no_ending(tmp_path, table):
    table.to_csv(tmp_path / "feedback.txt", index=False)
    dataset = OptionalTableDataset(filepath=str(tmp_path / "feedback.txt"), file_format="csv")
    assert dataset.load().count().execute() == 2
