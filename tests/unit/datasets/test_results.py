"""Every result that nodes hand each other: what is written is read, and another version is named with what to run."""

import json

import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DatasetError

from nextact.checks.remedies import chain, naming_the_pipeline
from nextact.datasets.results import FeedbackCountsDataset, ResultDataset
from nextact.results.feedback import FeedbackCounts
from nextact.stored import StoredError

from ...conftest import ROOT

COUNTS = FeedbackCounts(table=True, rows_read=2, rows_by_reason={"accepted": 2}, not_mapped=("slot",))
MAKERS = {
    "event_counts": "data_processing",
    "quality_report": "data_processing",
    "test_results": "model_evaluation",
    "feedback_counts": "feedback",
    "feedback_report": "feedback",
    "off_policy_report": "feedback",
}


@pytest.fixture(scope="module")
def catalog():
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="test") as session:
        return session.load_context().catalog


def test_what_is_written_is_read(tmp_path):
    dataset = FeedbackCountsDataset(filepath=str(tmp_path / "counts.json"))
    dataset.save(COUNTS)
    assert dataset.load() == COUNTS


@pytest.mark.parametrize(("name", "pipeline"), MAKERS.items())
def test_a_file_of_another_version_is_refused_with_the_pipeline_to_run(catalog, tmp_path, monkeypatch, name, pipeline):
    assert name in pipelines[pipeline].all_outputs()
    dataset = catalog.get(name)
    monkeypatch.setattr(dataset, "_filepath", tmp_path / f"{name}.json")
    (tmp_path / f"{name}.json").write_text(json.dumps({"run_id": "old"}))
    with pytest.raises(DatasetError) as refused, naming_the_pipeline(catalog):
        dataset.load()
    (found,) = (one for one in chain(refused.value) if isinstance(one, StoredError))
    assert "states no version, and this release of nextact reads version " in str(found)
    assert str(found).endswith(f" of {dataset.kind.__name__}; run `kedro run --pipelines {pipeline}`")


def test_every_result_that_a_pipeline_stores_as_json_has_a_class(catalog):
    others = {"temperature", "catalogue_map"}  # a number, and a figure
    stored = {name for pipeline in pipelines.values() for name in pipeline.all_outputs()}
    untyped = {
        name
        for name in stored
        if str(getattr(catalog.get(name), "_filepath", "")).endswith(".json")
        and not isinstance(catalog.get(name), ResultDataset)
    }
    assert untyped == others
