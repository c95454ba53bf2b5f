"""What runs leave in MLflow, in the project's own configuration."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from nextact.records import RecordBook
from nextact.tracking.hooks import count_test_readings
from nextact.tracking.store import TrackingStore
from nextact.tracking.tracking_options import TrackingOptions

from ..conftest import copy_of_project, run_kedro

PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib"}


def open_store(project):
    at = TrackingOptions(tracking_uri="sqlite:///data/test/mlflow.db", artifacts="data/test/mlruns").at(project)
    return TrackingStore.open(at)


@pytest.fixture(scope="module")
def store(project):
    return open_store(project)


def read(project, name):
    return json.loads((project / "data/test" / name).read_text())


def parent_run(store, project):
    run_id = read(project, "05_model_input/certificate.json")["run_id"]
    (found,) = store.search(f"tags.\"nextact.run_id\" = '{run_id}'")
    return found


def nested_runs(store, project):
    parent = parent_run(store, project).info.run_id
    return {run.data.tags["nextact.model"]: run for run in store.search(f"tags.\"mlflow.parentRunId\" = '{parent}'")}


def test_one_parent_has_one_nested_run_for_each_model(store, project):
    parent = parent_run(store, project)
    models = read(project, "06_models/leaderboard.json")["models"]
    assert set(nested_runs(store, project)) == {f"{model['family']}.{model['name']}" for model in models}
    assert {run.info.status for run in [parent, *nested_runs(store, project).values()]} == {"FINISHED"}
    assert len(store.search("")) == 1 + len(models)


def test_parameters_stand_where_they_belong(store, project):
    parent, nested = parent_run(store, project), nested_runs(store, project)
    certificate = read(project, "05_model_input/certificate.json")
    assert parent.data.params["split.kind"] == certificate["protocol"]["split"]["kind"]
    assert parent.data.params["policy.exclude_seen"] == "true"
    assert parent.data.params["recommendation.top_k"] == "10"
    assert parent.data.params["split.min_history"] == "1"  # a default that no file states
    assert not [name for name in parent.data.params if name.startswith(("baselines", "sequence", "hybrid"))]
    fitted = read(project, "06_models/baselines.transition/fitted.json")
    assert nested["baselines.transition"].data.params == {
        name: json.dumps(value) for name, value in fitted["options"].items()
    }
    assert parent.data.tags["nextact.seed"] == str(certificate["provenance"]["seed"])
    assert parent.data.tags["nextact.env"] == "test"


def test_validation_and_test_metrics_equal_the_reports(store, project):
    nested = nested_runs(store, project)
    results = read(project, "08_reporting/test_results.json")
    for row in results["models"]:
        metrics = nested[f"{row['family']}.{row['name']}"].data.metrics
        for split in ("validation", "test"):
            found = row[split]["ndcg@10"]
            assert metrics[f"{split}_ndcg_at_10"] == found["mean"]
            assert metrics[f"{split}_ndcg_at_10_low"] == found["low"]
            assert metrics[f"{split}_ndcg_at_10_high"] == found["high"]
        assert metrics["fit_seconds"] == row["fit_seconds"]
    (chosen,) = (row for row in results["models"] if row["name"] == results["chosen"])
    assert parent_run(store, project).data.metrics["test_hit_rate_at_20"] == chosen["test"]["hit_rate@20"]["mean"]


def test_the_training_curve_is_logged_by_epoch(store, project):
    curve = read(project, "06_models/sequence.gpt2/fitted.json")["report"]["curve"]
    assert len(curve) > 1
    run_id = nested_runs(store, project)["sequence.gpt2"].info.run_id
    for name in ("loss", "validation"):
        history = store.client.get_metric_history(run_id, f"epoch_{name}")
        assert [(one.step, one.value) for one in history] == [(point["epoch"], point[name]) for point in curve]


def test_reports_are_artifacts(store, project):
    names = {one.path for one in store.client.list_artifacts(parent_run(store, project).info.run_id)}
    assert {"certificate.json", "leaderboard.json", "test_results.json", "run_summary.txt"} <= names


def test_no_artifact_is_a_pickle_and_all_lie_in_the_environments_own_folder(project):
    files = [path for path in (project / "data/test/mlruns").rglob("*") if path.is_file()]
    assert any(path.name == "MLmodel" for path in files)
    assert [path for path in files if path.suffix in PICKLES] == []
    assert not list(project.glob("ml*"))  # neither a database nor a folder beside the one that is configured
    assert "serialized" not in "".join(path.read_text() for path in files if path.name == "MLmodel")


@contextmanager
def damaged(project, weights):
    """While a model cannot be opened, though the records say that it is the one its node wrote."""
    book, whole = RecordBook(project / "data/test/records"), weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    book.restamp({weights.parent.name: weights.parent})
    yield
    weights.write_bytes(whole)
    book.restamp({weights.parent.name: weights.parent})


@pytest.fixture(scope="module")
def evaluated_again(project, tmp_path_factory):
    """A copy in which test is evaluated again from a folder inside, once in vain and once well."""
    again = tmp_path_factory.mktemp("again") / "project"
    shutil.copytree(project, again)
    command = ["run", "--env", "test", "--pipelines", "model_evaluation", "--params"]
    folder = Path(read(again, "06_models/chosen_model.json")["refitted_folder"]).name
    weights = again / "data/test/06_models" / folder / "model.safetensors"
    with damaged(again, weights):
        failed = run_kedro(again / "conf", *command, "evaluation.examples=5")
    status = parent_run(open_store(again), again).info.status
    command[-2] += ",recommendation"
    done = run_kedro(again / "conf", *command, "evaluation.examples=4")
    return again, failed, status, done


def test_a_later_command_continues_the_parent_and_an_error_marks_it(evaluated_again):
    again, failed, status, done = evaluated_again
    assert failed.returncode == 1
    assert status == "FAILED"
    assert done.returncode == 0, done.stdout[-3000:]
    parent = parent_run(open_store(again), again)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["nextact.changed.evaluation.examples"] == "4"
    assert parent.data.params["evaluation.examples"] == "10"


def test_the_newest_package_is_the_champion(evaluated_again):
    again, *_ = evaluated_again
    champion = open_store(again).client.get_model_version_by_alias("nextact", "champion")
    certificate = read(again, "05_model_input/certificate.json")
    assert champion.version == 2
    assert champion.tags["nextact.run_id"] == certificate["run_id"]
    assert champion.tags["nextact.model"] == "baselines.transition"


def test_mlflow_says_nothing_in_the_log(evaluated_again):
    again, *_, done = evaluated_again
    output = done.stdout + done.stderr
    chatter = (
        "alembic",
        "mlflow.store",
        "mlflow.pyfunc",
        "Downloading artifacts",
        "\N{RUNNER}",
        "GitPython",
        "Not tracked",
    )
    assert [words for words in chatter if words in output] == []
    assert "Not tracked" not in output
    logs = sorted((again / "logs").glob("run-*.log"))
    assert any("The packaged model is models:/nextact@champion" in log.read_text(encoding="utf-8") for log in logs)


def test_each_reading_of_test_is_counted_and_shown_even_where_an_evaluation_failed(
    project, evaluated_again, monkeypatch
):
    again, *_ = evaluated_again
    for folder, count in ((project, 1), (again, 3)):
        assert read(folder, "08_reporting/test_results.json")["test_readings"] == count
        assert f"Reading {count} of test" in (folder / "data/test/08_reporting/model_card.md").read_text()
    assert "readings of test" in (again / "data/test/08_reporting/evaluation_report.html").read_text()
    protocol_hash = read(again, "05_model_input/certificate.json")["protocol_hash"]
    monkeypatch.chdir("/")
    assert count_test_readings(protocol_hash, project=again, env="test") == 3
    assert parent_run(open_store(again), again).data.metrics["test_readings"] == 3
    assert not (again / "conf/mlflow.db").exists()


def test_a_store_that_cannot_be_written_stops_the_run_before_any_node(tmp_path):
    project = copy_of_project(tmp_path)
    (project / "conf/test/mlflow.yml").write_text("tracking_uri: sqlite:///pyproject.toml\n")
    done = run_kedro(project, "run", "--env", "test")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: tracking: cannot write to sqlite:///")
    assert " · " not in done.stdout  # no step was taken


@pytest.mark.parametrize(
    "command",
    [
        ["catalog", "describe-datasets", "--env", "test"],
        ["run", "--env", "test", "--nodes", "data_processing.clean_items"],
    ],
)
def test_commands_that_track_nothing_import_no_mlflow(command, tmp_path):
    project = copy_of_project(tmp_path)
    code = (
        "import sys\nfrom kedro.framework.cli.cli import main\n"
        f"sys.argv = ['kedro', *{command!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    print('EXIT', end.code)\n"
        "print('MLFLOW', 'mlflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        capture_output=True,
        text=True,
        env=os.environ | {"DO_NOT_TRACK": "1"},
        check=True,
    )
    assert "MLFLOW False" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    assert "EXIT 1" not in done.stdout
