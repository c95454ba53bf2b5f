import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def start(tmp_path):
    """A function that starts a script in a process of its own, whose temporary files lie in a folder of the test."""
    started = []

    def start_script(code, *arguments):
        (tmp_path / "tmp").mkdir(exist_ok=True)
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(tmp_path / "tmp")}
        command = [sys.executable, "-c", code, *map(str, arguments)]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        started.append(process)
        return process

    yield start_script
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def wait_for():
    """A function that looks again and again until something is so."""

    def wait(is_so, seconds=60):
        limit = time.monotonic() + seconds
        while not (found := is_so()):
            assert time.monotonic() < limit
            time.sleep(0.02)
        return found

    return wait


@pytest.fixture
def is_running():
    def is_running(pid):
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return is_running
