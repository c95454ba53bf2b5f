"""An item table where there is none."""

import pandas as pd
import pytest
from kedro.io import DatasetError

from nextact.datasets.distinct import DistinctDataset
from nextact.errors import NextactError


def entry(path, frame):
    frame.to_parquet(path)
    return {"type": "pandas.ParquetDataset", "filepath": str(path)}


def test_each_id_comes_once_and_rows_without_one_are_passed_over(tmp_path):
    orders = pd.DataFrame({"sku": ["b", "a", "b", None, " "], "name": ["B", "A", "B again", "nothing", "blank"]})
    dataset = DistinctDataset(tables=[{"table": entry(tmp_path / "o.parquet", orders), "id": "sku"}], columns=["name"])
    rows = dataset.load().execute().sort_values("item_id")
    assert rows["item_id"].tolist() == ["a", "b"]
    assert rows["name"].iloc[0] == "A"
    assert rows["name"].iloc[1] in ("B", "B again")


def test_several_tables_with_ids_of_other_names_make_one(tmp_path):
    one = {"table": entry(tmp_path / "1.parquet", pd.DataFrame({"sku": ["a", "b"]})), "id": "sku"}
    two = {"table": entry(tmp_path / "2.parquet", pd.DataFrame({"page": ["b", "c"]})), "id": "page"}
    rows = DistinctDataset(tables=[one, two], id="code").load().execute()
    assert sorted(rows["code"]) == ["a", "b", "c"]


def test_a_missing_column_and_an_entry_that_is_none_are_named(tmp_path):
    table = entry(tmp_path / "o.parquet", pd.DataFrame({"sku": ["a"]}))
    with pytest.raises(DatasetError, match="asks for column 'skuu', which is missing; did you mean 'sku'"):
        DistinctDataset(tables=[{"table": table, "id": "skuu"}]).load()
    with pytest.raises(NextactError, match="each of tables needs table"):
        DistinctDataset(tables=[{"table": table}])
    with pytest.raises(DatasetError, match="raw tables are read only"):
        DistinctDataset(tables=[{"table": table, "id": "sku"}]).save(pd.DataFrame({"item_id": ["a"]}))
