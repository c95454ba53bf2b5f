"""Raw files that cannot be read end in one message: which entry, which file, what is wrong, what to do."""

import gzip

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import node, pipeline

from nextact.checks.raw_files import check_raw_files, explain_raw_file
from nextact.errors import NextactError
from nextact.events.tables import as_table

pytestmark = pytest.mark.slow

TABLE = pd.DataFrame({"item_id": [str(at) for at in range(30_000)], "title": "Käse"})
LINE = pipeline([node(lambda raw: len(as_table(raw).to_pyarrow()), "raw_items", "n_items")])
PANDAS_CSV = {"type": "pandas.CSVDataset", "load_args": {"dtype": "str"}}
PANDAS_PARQUET = {"type": "pandas.ParquetDataset"}
DUCKDB = {"type": "ibis.FileDataset", "connection": {"backend": "duckdb", "database": ":memory:"}}
DUCKDB_CSV = DUCKDB | {"file_format": "csv", "load_args": {"all_varchar": True}}
DUCKDB_PARQUET = DUCKDB | {"file_format": "parquet"}
OPTIONAL = {"type": "nextact.datasets.optional.OptionalTableDataset", "connection": DUCKDB["connection"]}


def run(config):
    """Kedro's own order: hooks before, load, run the node, and hooks on errors."""
    catalog = DataCatalog.from_config({"raw_items": config})
    check_raw_files(LINE, catalog)
    try:
        return LINE.nodes[0].run({"raw_items": catalog.load("raw_items")})["n_items"]
    except Exception as error:
        explain_raw_file(error, LINE, catalog)
        raise


def as_csv(encoding="utf-8", late=False):
    table = TABLE.assign(title=TABLE["title"].where(TABLE.index > 25_000, "Brie")) if late else TABLE
    return table.to_csv(index=False).encode(encoding)


def as_parquet(tmp_path):
    TABLE.to_parquet(tmp_path / "whole.parquet")
    return (tmp_path / "whole.parquet").read_bytes()


@pytest.mark.parametrize("reader", [PANDAS_CSV, DUCKDB_CSV, OPTIONAL], ids=["pandas", "duckdb", "optional"])
@pytest.mark.parametrize(
    ("content", "problem", "remedy"),
    [
        (b"", "it is empty", "export or copy it again"),
        (as_csv("latin-1"), "another encoding than UTF-8", "encoding: latin-1"),
        (as_csv("latin-1", late=True), "another encoding than UTF-8", "encoding: latin-1"),
        (as_csv("utf-16"), "UTF-16 text", "encoding: utf-16"),
        (np.random.default_rng(0).bytes(50_000), "it is no text", "name a reader for what it is"),
    ],
    ids=["empty", "latin-1", "latin-1 late", "utf-16", "binary"],
)
def test_csv_files_that_cannot_be_read_are_explained(tmp_path, reader, content, problem, remedy):
    path = tmp_path / "items.csv"
    path.write_bytes(content)
    with pytest.raises(NextactError, match=rf"^raw_items: cannot read {path}: .*{problem}.*; .*{remedy}"):
        run(reader | {"filepath": str(path)})


@pytest.mark.parametrize("reader", [PANDAS_CSV, DUCKDB_CSV], ids=["pandas", "duckdb"])
def test_an_encoding_stated_as_the_message_says_is_read(tmp_path, reader):
    for encoding in ("latin-1", "utf-16"):
        (tmp_path / "items.csv").write_bytes(as_csv(encoding))
        stated = {"load_args": reader["load_args"] | {"encoding": encoding}}
        assert run(reader | stated | {"filepath": str(tmp_path / "items.csv")}) == len(TABLE)


@pytest.mark.parametrize("reader", [PANDAS_CSV, DUCKDB_CSV], ids=["pandas", "duckdb"])
def test_cut_and_damaged_archives_are_explained(tmp_path, reader):
    path = tmp_path / "items.csv.gz"
    whole = gzip.compress(TABLE.sample(frac=1, random_state=0).to_csv(index=False).encode())
    damaged = whole[:2_000] + bytes(2_000) + whole[4_000:]
    for content, problem in [
        (whole[: len(whole) // 2], "its end is missing"),
        (damaged, "the archive is damaged"),
        (as_csv(), "it is no gzip archive"),
    ]:
        path.write_bytes(content)
        with pytest.raises(NextactError, match=rf"^raw_items: cannot read {path}: .*{problem}"):
            run(reader | {"filepath": str(path)})
    path.write_bytes(whole)
    assert run(reader | {"filepath": str(path)}) == len(TABLE)


@pytest.mark.parametrize("reader", [PANDAS_PARQUET, DUCKDB_PARQUET, OPTIONAL], ids=["pandas", "duckdb", "optional"])
def test_cut_and_damaged_parquet_is_explained(tmp_path, reader):
    path, whole = tmp_path / "items.parquet", as_parquet(tmp_path)
    damaged = whole[: len(whole) // 3] + bytes(2_000) + whole[len(whole) // 3 + 2_000 :]
    for content, problem in [
        (b"", "it is empty"),
        (whole[: len(whole) // 2], "its end is missing"),
        (as_csv(), "it is no Parquet file"),
        (damaged, "([Ss]nappy|[Cc]orrupt)"),
    ]:
        path.write_bytes(content)
        with pytest.raises(NextactError, match=rf"raw_items: cannot read {path}: .*{problem}"):
            run(reader | {"filepath": str(path)})


def test_the_file_of_a_source_is_named(tmp_path):
    (tmp_path / "good.csv").write_bytes(as_csv())
    (tmp_path / "bad.csv").write_bytes(as_csv("latin-1"))
    sources = {name: PANDAS_CSV | {"filepath": str(tmp_path / f"{name}.csv")} for name in ("good", "bad")}
    with pytest.raises(
        NextactError, match=r"^raw_items \(source 'bad'\): cannot read .*bad.csv: it is text in another"
    ):
        run({"type": "nextact.datasets.sources.SourcesDataset", "sources": sources})


def test_lines_of_different_lengths_are_named(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text("item_id,title\n1,a\n2,b,c,d\n")
    with pytest.raises(NextactError, match=r"ParserError: .*line 3.*load_args in the data catalog"):
        run(PANDAS_CSV | {"filepath": str(path)})


def test_errors_of_other_origin_are_left_to_others(tmp_path):
    (tmp_path / "items.csv").write_bytes(as_csv())
    catalog = DataCatalog.from_config({"raw_items": PANDAS_CSV | {"filepath": str(tmp_path / "items.csv")}})
    for error in (ValueError(f"about {tmp_path / 'items.csv'}"), MemoryError(), NextactError("known")):
        assert explain_raw_file(error, LINE, catalog) is None


def test_a_run_ends_with_one_message(copy_project, kedro, tmp_path):
    project = copy_project(tmp_path)
    (project / "items.csv").write_bytes(as_csv("latin-1"))
    catalog = project / "conf/test/catalog.yml"
    raw_items = "raw_items:\n  type: pandas.CSVDataset\n  filepath: items.csv\n"
    catalog.write_text(catalog.read_text().split("raw_items:\n")[0] + raw_items)
    done = kedro(project, "run", "--env", "test", "--pipelines", "data_processing")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "error: raw_items: cannot read" in done.stderr
    assert "encoding: latin-1" in done.stderr
