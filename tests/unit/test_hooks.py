from pathlib import Path
from types import SimpleNamespace

import ibis
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import pipeline

from nextact.errors import NextactError
from nextact.hooks import NextactHooks, _spill_into_scratch
from nextact.processes.scratch import remove_scratch_folder


class Events(MemoryDataset):
    """As the event table: a dataset with a connection."""

    connection = SimpleNamespace(name="pyspark")


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")
    monkeypatch.setattr(ibis, "set_backend", lambda connection: None)
    return tmp_path


@pytest.mark.parametrize("end", ["after_pipeline_run", "on_pipeline_error"])
def test_a_run_stands_at_the_root_of_the_project_and_goes_back_when_it_ends(here, end):
    hooks, catalog = NextactHooks(), DataCatalog({"events": Events()})
    hooks.before_pipeline_run({"project_path": str(here)}, pipeline([]), catalog)
    assert Path.cwd() == here
    asked = {"pipeline": pipeline([]), "catalog": catalog} | ({"error": ValueError()} if "error" in end else {})
    getattr(hooks, end)(**asked)
    assert Path.cwd() == here / "src"


def test_a_run_that_is_refused_goes_back_too(here, monkeypatch):
    hooks = NextactHooks()
    needs = SimpleNamespace(inputs=lambda: {"nothing"})
    with pytest.raises(NextactError, match="'nothing' does not exist"):
        hooks.before_pipeline_run({"project_path": str(here)}, needs, DataCatalog({"nothing": MemoryDataset()}))
    assert Path.cwd() == here / "src"


def test_duckdb_spills_into_a_private_folder_unless_somebody_has_said_where(here):
    def place(connection):
        return Path(connection.raw_sql("SELECT current_setting('temp_directory')").fetchone()[0])

    by_default, said = ibis.duckdb.connect(), ibis.duckdb.connect(temp_directory=str(here / "said"))
    for connection in (by_default, said):
        _spill_into_scratch(connection)
    assert place(said) == here / "said"
    folder = place(by_default)
    assert folder.parent == here / "src" / ".tmp"
    by_default.raw_sql("SET memory_limit = '60MB'; SET threads = 1")
    by_default.raw_sql("CREATE TABLE rows AS SELECT hash(range) AS a, hash(range + 1) AS b FROM range(6000000)")
    assert list(folder.glob("duckdb_temp_storage*"))
    by_default.disconnect()
    remove_scratch_folder(folder)
    assert not folder.exists()
