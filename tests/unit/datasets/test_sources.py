import pandas as pd
import pytest

from nextact.datasets.folders import VARIABLE, data_folder
from nextact.datasets.sources import SourcesDataset
from nextact.errors import NextactError


def sources(folder):
    pd.DataFrame({"id": ["007"]}).to_csv(folder / "a.csv", index=False)
    pd.DataFrame({"id": ["8"]}).to_parquet(folder / "b.parquet")
    return SourcesDataset(
        sources={
            "a": {"type": "pandas.CSVDataset", "filepath": str(folder / "a.csv"), "load_args": {"dtype": "str"}},
            "b": {"type": "ibis.FileDataset", "filepath": str(folder / "b.parquet")},
        }
    )


def test_each_source_is_loaded_by_its_own_data_set(tmp_path):
    loaded = sources(tmp_path).load()
    assert loaded["a"]["id"].tolist() == ["007"]
    assert loaded["b"].execute()["id"].tolist() == ["8"]


def test_sources_exist_when_all_of_them_do(tmp_path):
    dataset = sources(tmp_path)
    assert dataset.exists()
    (tmp_path / "b.parquet").unlink()
    assert not dataset.exists()


def test_sources_without_a_name_are_refused():
    with pytest.raises(NextactError, match="at least one source"):
        SourcesDataset(sources={})


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder to stand in, and a folder of data sets beside it."""
    project = tmp_path / "project"
    (project / "conf/local").mkdir(parents=True)
    settings = '[tool.kedro]\npackage_name = "p"\nproject_name = "p"\nkedro_init_version = "1.7.0"\n'
    (project / "pyproject.toml").write_text(settings)
    (tmp_path / "data/beauty").mkdir(parents=True)
    monkeypatch.chdir(project)
    monkeypatch.delenv(VARIABLE, raising=False)
    return project


def test_the_environment_variable_names_the_folder(project, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(project.parent / "data"))
    assert data_folder("beauty") == str(project.parent / "data/beauty")


def test_the_local_settings_name_the_folder_from_anywhere_in_the_project(project, monkeypatch):
    (project / "conf/local/globals.yml").write_text(f"shared_data: {project.parent / 'data'}\n")
    monkeypatch.chdir(project / "conf")
    assert data_folder("beauty") == str(project.parent / "data/beauty")


def test_without_a_folder_the_message_says_every_way_to_name_it(project):
    with pytest.raises(NextactError) as caught:
        data_folder("beauty")
    for hint in ("'beauty'", f"export {VARIABLE}=", "conf/local/globals.yml", "source_folder", "data_contract.md"):
        assert hint in str(caught.value)


def test_a_folder_that_is_not_there_is_named(project, monkeypatch):
    monkeypatch.setenv(VARIABLE, "/no/such/place")
    with pytest.raises(NextactError, match="there is no folder /no/such/place/beauty"):
        data_folder("beauty")
