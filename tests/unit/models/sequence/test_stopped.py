"""A training in several processes that is stopped, killed, started twice: real processes, a tiny network on the CPU."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from nextact.errors import NextactError
from nextact.models.recommender import LaunchOptions
from nextact.models.sequence.fitting.fit_network import checkpoints_of, fit_network
from nextact.models.sequence.fitting.launching import fit_in_processes
from nextact.processes.locks import Hold

from .conftest import random_histories, small, training_of

pytestmark = pytest.mark.slow

FIT = """
import sys
from nextact.models.recommender import LaunchOptions
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.processes.stopping import end_on_sigterm
from tests.unit.models.sequence.conftest import random_histories, small, training_of

if __name__ == "__main__":
    end_on_sigterm()
    launch = LaunchOptions(checkpoint_folder=sys.argv[1], checkpoint_seconds=0.0, processes=int(sys.argv[2]))
    SequenceRecommender(small(epochs=100_000, patience=100_000)).fit(training_of(random_histories(40), launch=launch))
"""
ROOT = Path(__file__).parents[4]


@pytest.fixture
def start(tmp_path):
    """A function that starts a training without end, with so many processes; and where its files lie."""
    started = []
    (tmp_path / "tmp").mkdir()

    def start_fit(n_processes):
        environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", "TMPDIR": str(tmp_path / "tmp")}
        command = [sys.executable, "-c", FIT, str(tmp_path / "checkpoints"), str(n_processes)]
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment | {"OMP_NUM_THREADS": "1"}))
        return started[-1]

    yield start_fit
    for process in started:
        process.kill()
        process.wait()


def wait_for(is_so, seconds=120):
    limit = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < limit
        time.sleep(0.02)
    return found


def wait_until_it_trains(process, folder):
    """The processes that it has started, once there is a checkpoint."""
    wait_for(lambda: process.poll() is not None or list((folder / "checkpoints").glob("*/checkpoint.safetensors")))
    assert process.poll() is None
    return psutil.Process(process.pid).children(recursive=True)


def trainings(folder):
    """Folders with users' histories among the temporary files; torch and others keep caches there."""
    return list((folder / "tmp").glob("nextact-*"))


def are_gone(processes):
    return all(not one.is_running() or one.status() == psutil.STATUS_ZOMBIE for one in processes)


@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)])
def test_launcher_and_workers_end_with_a_training_that_is_stopped(start, tmp_path, how, status):
    process = start(2)
    children = wait_until_it_trains(process, tmp_path)
    assert len(children) == 3  # the launcher and two workers
    (private,) = trainings(tmp_path)
    assert private.stat().st_mode & 0o777 == 0o700
    process.send_signal(how)
    assert process.wait(60) == status
    wait_for(lambda: are_gone(children), seconds=20)
    if how == signal.SIGTERM:
        assert not trainings(tmp_path)
        assert not list((tmp_path / "tmp").glob("torchelastic*"))
        assert not list((tmp_path / "checkpoints").glob("*.lock"))
    again = start(2)  # goes on from the checkpoint, and sweeps away what was left
    wait_for(lambda: len(psutil.Process(again.pid).children(recursive=True)) == 3)
    assert private not in trainings(tmp_path)
    assert len(trainings(tmp_path)) == 1


@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_second_training_is_refused_with_the_name_of_the_first(start, tmp_path, n_processes):
    first = start(n_processes)
    wait_until_it_trains(first, tmp_path)
    launch = LaunchOptions(checkpoint_folder=str(tmp_path / "checkpoints"), processes=n_processes)
    training = training_of(random_histories(40), launch=launch)
    fit = fit_network if n_processes == 1 else fit_in_processes
    words = rf"^checkpoints .*: the same training is under way in process {first.pid} on .*, since 20.*; wait for it"
    with pytest.raises(NextactError, match=words):
        fit(small(epochs=100_000, patience=100_000), training)
    (lock,) = (tmp_path / "checkpoints").glob("*.lock")
    assert json.loads(lock.read_text())["pid"] == first.pid
    assert first.poll() is None


def test_a_lock_whose_process_is_gone_is_taken_over_and_goes_with_the_training(tmp_path):
    training = training_of(random_histories(40), launch=LaunchOptions(checkpoint_folder=str(tmp_path)))
    lock = checkpoints_of(small(), training).folder.with_suffix(".lock")
    lock.write_text('{"pid": 1, "host": "here", "since": "2026-01-01T00:00:00+00:00"}')
    fit_network(small(), training)
    assert not list(tmp_path.iterdir())


def test_a_lock_goes_with_a_training_that_fails(tmp_path):
    launch = LaunchOptions(checkpoint_folder=str(tmp_path))
    with pytest.raises(NextactError, match="loss is nan"):
        fit_network(
            small(learning_rate=1e30, clip_norm=1e30, epochs=5), training_of(random_histories(40), launch=launch)
        )
    assert not list(tmp_path.glob("*.lock"))


def test_a_folder_that_cannot_be_locked_is_trained_in_with_a_warning(tmp_path, monkeypatch, caplog):
    def refuse(path):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("nextact.models.sequence.fitting.checkpoint.Hold", refuse)
    fit_network(small(), training_of(random_histories(40), launch=LaunchOptions(checkpoint_folder=str(tmp_path))))
    assert re.search(r"\.lock cannot be locked \(.*Operation not supported\)", caplog.text)


def test_without_a_checkpoint_folder_nothing_is_locked(monkeypatch):
    monkeypatch.setattr(Hold, "__init__", None)
    fit_network(small(epochs=1), training_of(random_histories(40)))
