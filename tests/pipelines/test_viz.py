"""Kedro-Viz ends with one message where its server cannot begin, and answers where it can."""

import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from ..conftest import run_kedro

WRONG = {
    "environment": (["--env", "tset"], "error: no environment 'tset'; did you mean 'test'?"),
    "pipeline": (
        ["--env", "test", "--pipeline", "modeltraining"],
        "error: no pipeline 'modeltraining'; did you mean 'model_training'?",
    ),
    "option": (
        ["--env", "test", "--params", "validation.draws=0"],
        "error: parameters: validation.draws must be at least 1, got 0",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, copy_project):
    return copy_project(tmp_path_factory.mktemp("viz"))


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_ends_the_command_with_the_message_of_a_run(folder, arguments, message):
    started = time.monotonic()
    done = run_kedro(folder, "viz", "run", "--no-browser", "--host", "127.0.0.1", "--port", "41431", *arguments)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == message
    assert time.monotonic() - started < 120  # by itself it waits 600


def test_a_server_that_begins_answers(folder):
    command = [sys.executable, "-m", "kedro", "viz", "run", "--no-browser", "--host", "127.0.0.1", "--port", "41433"]
    environ = os.environ | {"DO_NOT_TRACK": "1"}
    with subprocess.Popen(
        [*command, "--env", "test"],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as viz:
        try:
            assert any("started successfully" in line for line in viz.stdout)
            with urllib.request.urlopen("http://127.0.0.1:41433/api/main", timeout=20) as answer:
                assert answer.status == 200
        finally:
            os.killpg(viz.pid, signal.SIGKILL)
