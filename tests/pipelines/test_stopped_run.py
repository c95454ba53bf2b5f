"""A run that is started below the project's root, is stopped or killed while two processes train, and is run again."""

import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from nextact.tracking.store import TrackingStore
from nextact.tracking.tracking_options import TrackingOptions

from ..conftest import copy_of_project, run_kedro

WITHOUT_END = {
    "launch.processes": 2,
    "launch.checkpoint_seconds": 0,
    "sequence.gpt2.options.optimiser.epochs": 100_000,
    "sequence.gpt2.options.optimiser.patience": 100_000,
}
TRAIN = ["run", "--env", "test", "--namespaces", "model_training.sequence.gpt2", "--params"]


@pytest.fixture(scope="module")
def shop(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped") / "project"
    shutil.copytree(project, folder)
    return folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


@pytest.fixture
def start(shop, temporary):
    """A function that starts a training without end below the project's root, and gives it with its processes."""
    started = []

    def start_run():
        parameters = ",".join(f"{name}={value}" for name, value in WITHOUT_END.items())
        command = [sys.executable, "-m", "kedro", *TRAIN, parameters]
        environment = os.environ | {"DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
        began = time.time()
        process = subprocess.Popen(command, cwd=shop / "src", env=environment)
        started.append(process)
        wait_for(lambda: process.poll() is not None or newest_checkpoint(shop) > began)
        assert process.poll() is None
        children = psutil.Process(process.pid).children(recursive=True)
        assert len([one for one in children if "nextact.processes.children" in one.cmdline()]) == 3
        return process, children

    yield start_run
    for process in started:
        process.kill()
        process.wait()


def wait_for(is_so, seconds=240):
    limit = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < limit
        time.sleep(0.05)
    return found


def newest_checkpoint(shop):
    files = (shop / "data/test/06_models/checkpoints").glob("*/checkpoint.safetensors")
    return max((file.stat().st_mtime for file in files), default=0.0)


def are_gone(processes):
    return all(not one.is_running() or one.status() == psutil.STATUS_ZOMBIE for one in processes)


def parent_run(shop):
    at = TrackingOptions(tracking_uri="sqlite:///data/test/mlflow.db", artifacts="data/test/mlruns").at(shop)
    store = TrackingStore.open(at)
    (found,) = [run for run in store.search("") if "nextact.run_id" in run.data.tags]
    return found


def test_a_run_that_is_stopped_or_killed_leaves_nobody_at_work(shop, start, temporary):
    files_of_src = {path.relative_to(shop / "src") for path in (shop / "src").glob("*")}
    process, children = start()
    assert parent_run(shop).info.status == "RUNNING"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    wait_for(lambda: are_gone(children), seconds=20)
    parent = parent_run(shop)
    assert (parent.info.status, parent.data.tags["nextact.error"]) == ("FAILED", "ended by SIGTERM")
    assert not list(temporary.glob("nextact-*"))

    process, children = start()  # from the checkpoint
    (left,) = temporary.glob("nextact-training-*")
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: are_gone(children), seconds=20)
    assert parent_run(shop).info.status == "RUNNING"
    assert left.exists()

    done = run_kedro(shop / "src", "run", "--env", "test", "--namespaces", "model_training.baselines.popularity")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "of the store was killed and is marked so" in max((shop / "logs").glob("run-*.log")).read_text("utf-8")
    assert parent_run(shop).info.status == "FINISHED"
    assert not left.exists()
    assert {path.relative_to(shop / "src") for path in (shop / "src").glob("*")} == files_of_src


def test_caches_lie_below_the_root_wherever_a_run_is_started(shop):
    shutil.rmtree(shop / "data/test/04_feature/encoder_cache")
    done = run_kedro(shop / "src" / "nextact", "run", "--env", "test", "--nodes", "feature_engineering.encode_items")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert list((shop / "data/test/04_feature/encoder_cache").rglob("*"))
    assert not list((shop / "src").rglob("encoder_cache"))
    assert not list((shop / "src").rglob("08_reporting"))


def test_a_user_is_erased_and_a_wrong_environment_refused_wherever_the_command_is_given(tmp_path):
    shop = copy_of_project(tmp_path)
    wrong = run_kedro(shop / "src", "erase-user", "--env", "tets", "--user-id", "u1")
    assert (wrong.returncode, wrong.stderr.strip()) == (1, "error: no environment 'tets'; did you mean 'test'?")
    nobody = run_kedro(shop / "src", "erase-user", "--env", "test", "--user-id", "u\x1b[31m1")
    assert nobody.returncode == 1
    assert nobody.stderr.startswith("error: ")
    assert "\x1b" not in nobody.stderr
    assert "Traceback" not in nobody.stderr
