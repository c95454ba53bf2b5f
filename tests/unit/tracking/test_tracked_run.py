"""The hooks' share: which data sets are logged, by which process, and what happens where that fails."""

import logging
import socket
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner

from nextact.errors import NextactError, TableError
from nextact.processes.identity import this_process
from nextact.results.models import ChosenModel
from nextact.tracking.hooks import TrackingHooks, read_options
from nextact.tracking.tracked_run import TrackedRun

from ...protocols import make_certificate
from .conftest import described, leaderboard, results

LEADERBOARD = leaderboard()
CHOSEN = ChosenModel(
    run_id="r", protocol_hash="p", family="baselines", name="ease", folder="a", refitted_folder="b", reason=""
)
INPUTS = {"chosen_model": CHOSEN}


@pytest.fixture
def start(store):
    """A function that tracks a run of a small pipeline; each time with the same certificate."""
    data = {
        "certificate": make_certificate("another"),
        "chosen_model": CHOSEN,
        "test_cuts": 1,
        "leaderboard": LEADERBOARD,
        "test_results": results(),
    }

    def start_run(runner="SequentialRunner"):
        nodes = [
            node(lambda certificate: certificate, "certificate", "leaderboard", name="compare"),
            node(lambda cuts: cuts, "test_cuts", "test_results", name="evaluate"),
        ]
        catalog = DataCatalog({name: MemoryDataset(value) for name, value in data.items()})
        return TrackedRun(store, {"env": "test", "runner": runner}, pipeline(nodes), catalog), nodes

    return start_run


def readings(store, run):
    return store.count_test_readings(run.log.certificate.protocol_hash)


def test_a_result_that_cannot_be_logged_is_warned_of_and_the_run_goes_on(start, store, caplog):
    run, _ = start()
    run.saved("leaderboard", {"no": "models"})
    assert "Not tracked: AttributeError: 'dict' object has no attribute 'models'" in caplog.text
    run.saved("leaderboard", LEADERBOARD)
    run.finish("FINISHED")
    assert store.client.get_run(run.log.parent).data.metrics["validation_ndcg_at_10"] > 0


def test_a_reading_of_test_that_cannot_be_counted_stops_the_run(start, store, monkeypatch):
    run, (_, evaluate) = start()
    monkeypatch.setattr(run.log, "count_test_reading", lambda chosen: 1 / 0)
    with pytest.raises(NextactError, match="a reading of test cannot be counted: ZeroDivisionError"):
        run.starts(evaluate, INPUTS)


def test_several_nodes_that_read_test_are_one_reading(start, store):
    run, (compare, evaluate) = start()
    run.starts(compare, INPUTS)
    assert readings(store, run) == 0
    run.starts(evaluate, INPUTS)
    run.starts(evaluate, INPUTS)
    assert readings(store, run) == 1


def test_two_evaluations_are_told_that_they_are_the_first_and_the_second(store, tmp_path):
    config = {"mlflow": {"experiment": "here", "artifacts": "runs"}}
    hooks, manager = TrackingHooks(), _create_hook_manager()
    hooks.after_context_created(SimpleNamespace(config_loader=config, project_path=tmp_path))
    manager.register(hooks)

    def read_test(chosen, cuts):
        return results().model_copy(update={"test_readings": chosen.test_readings})

    reads = node(read_test, ["chosen_model", "test_cuts"], "test_results")
    shown = []
    for seed in (0, 1):
        certificate = make_certificate("one for both", seed=seed)
        data = {"certificate": certificate, "chosen_model": CHOSEN, "test_cuts": 1}
        catalog = DataCatalog({name: MemoryDataset(value) for name, value in data.items()})
        hooks.before_pipeline_run({"runner": "SequentialRunner"}, pipeline([reads]), catalog)
        found = SequentialRunner().run(pipeline([reads]), catalog, manager)["test_results"].load()
        hooks.after_pipeline_run()
        shown.append(found.test_readings)
        assert catalog.load("chosen_model") == CHOSEN
    assert shown == [1, 2]


def test_a_worker_process_logs_nothing_and_the_main_process_catches_up(start, store, monkeypatch):
    run, (_, evaluate) = start("<kedro.runner.parallel_runner.ParallelRunner object>")
    with monkeypatch.context() as worker:
        worker.setattr("nextact.tracking.tracked_run.os.getpid", lambda: -1)
        run.saved("leaderboard", LEADERBOARD)
        run.starts(evaluate, INPUTS)
        run.abandon()
    parent = store.client.get_run(run.log.parent)
    assert (parent.info.status, parent.data.metrics) == ("RUNNING", {})
    run.finish("FINISHED")
    parent = store.client.get_run(run.log.parent)
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["test_readings"] == 1
    assert parent.data.metrics["test_ndcg_at_10"] > 0
    assert parent.data.tags["nextact.chosen"] == "baselines.ease"


def test_a_run_that_is_told_to_stop_is_marked_and_an_error_is_named(start, store):
    run, _ = start()
    run.abandon()
    assert store.client.get_run(run.log.parent).info.status == "KILLED"
    run.finish("FAILED", NextactError("no such metric"))
    parent = store.client.get_run(run.log.parent)
    assert (parent.info.status, parent.data.tags["nextact.error"]) == ("FAILED", "NextactError: no such metric")
    again, _ = start()
    again.finish("FINISHED")
    parent = store.client.get_run(again.log.parent)
    assert again.log.parent == run.log.parent
    assert (parent.info.status, parent.data.tags["nextact.error"]) == ("FINISHED", "none")


def test_a_run_that_sigterm_ends_has_failed(start, store, monkeypatch):
    run, _ = start()
    monkeypatch.setattr("nextact.tracking.tracked_run.was_told_to_stop", lambda: True)
    run.abandon()
    parent = store.client.get_run(run.log.parent)
    assert (parent.info.status, parent.data.tags["nextact.error"]) == ("FAILED", "ended by SIGTERM")


def test_the_next_run_marks_what_a_killed_one_left_running(start, store, caplog):
    caplog.set_level(logging.INFO)
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    gone = f"{socket.gethostname()} {other.pid} {psutil.Process(other.pid).create_time()}"
    other.kill()
    other.wait()
    processes = {"gone": gone, "here": this_process(), "elsewhere": f"not-{gone}", "untold": None}
    ids = {name: store.client.create_run(store.experiment_id).info.run_id for name in processes}
    for name, process in processes.items():
        if process is not None:
            store.client.set_tag(ids[name], "nextact.process", process)
    run, _ = start()
    found = {name: store.client.get_run(run_id) for name, run_id in ids.items()}
    assert {name: one.info.status for name, one in found.items()} == {
        "gone": "KILLED",
        "here": "RUNNING",
        "elsewhere": "RUNNING",
        "untold": "RUNNING",
    }
    assert found["gone"].data.tags["nextact.error"] == "its process is gone: it was killed"
    assert f"Run {ids['gone']} of the store was killed" in caplog.text
    parent = store.client.get_run(run.log.parent)
    assert (parent.info.status, parent.data.tags["nextact.process"]) == ("RUNNING", this_process())


def test_a_run_that_is_continued_belongs_to_the_process_that_continues_it(start, store):
    run, _ = start()
    store.client.set_tag(run.log.parent, "nextact.process", "elsewhere 7 1.0")
    run.log.log_fit(described())
    again, _ = start()
    assert store.client.get_run(again.log.parent).data.tags["nextact.process"] == this_process()
    (fit,) = again.log.nested.values()
    assert store.client.get_run(fit).data.tags["nextact.process"] == this_process()


def test_a_run_that_is_not_to_be_tracked_opens_no_store(tmp_path):
    hooks = TrackingHooks()
    (tmp_path / "mlruns").write_text("in the way")
    fits = pipeline([node(lambda certificate: certificate, "certificate", "leaderboard")])
    for enabled in (False, True):
        config = {"mlflow": {"enabled": enabled}}
        hooks.after_context_created(SimpleNamespace(config_loader=config, project_path=tmp_path))
        if enabled:
            with pytest.raises(NextactError, match="tracking: cannot write"):
                hooks.before_pipeline_run({}, fits, None)
        else:
            hooks.before_pipeline_run({}, fits, None)
            hooks.after_dataset_saved("leaderboard", None)
            hooks.after_pipeline_run()


def test_an_unknown_key_names_the_close_match(tmp_path):
    with pytest.raises(NextactError, match=r"mlflow.yml: .*did you mean 'enabled'\?"):
        read_options({"mlflow": {"enabeld": False}}, tmp_path)


TOLD = {
    "an example": (
        TableError("raw_events['at']", "not a time", 3, "alice, yesterday"),
        "TableError: raw_events['at']: not a time in 3 row(s)",
    ),
    "of another library": (
        ValueError("could not convert 'alice' to a number"),
        "ValueError; its message stands in the log of the run",
    ),
}


@pytest.mark.parametrize(("error", "tag"), TOLD.values(), ids=TOLD)
def test_nothing_of_a_users_row_is_kept_with_a_failed_run(start, store, error, tag):
    run, _ = start()
    run.finish("FAILED", error)
    tags = store.client.get_run(run.log.parent).data.tags
    assert tags["nextact.error"] == tag
    assert "alice" not in str(tags)


def test_an_error_that_kedro_wraps_is_told_by_its_cause(start, store):
    error, tag = TOLD["an example"]
    wrapped = DatasetError(f"Failed while loading data: {error}")
    wrapped.__cause__ = error
    run, _ = start()
    run.finish("FAILED", wrapped)
    assert store.client.get_run(run.log.parent).data.tags["nextact.error"] == tag
