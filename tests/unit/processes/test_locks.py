import json
import os
import signal
import socket

import pytest

from nextact.processes.locks import HeldError, Hold, Use

HOLD = """
import sys, time
from pathlib import Path
from nextact.processes.locks import Hold
hold = Hold(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def test_a_file_that_another_process_holds_is_refused_with_its_name(start, tmp_path):
    other = start(HOLD, tmp_path / "held")
    assert other.stdout.readline() == "held\n"
    with pytest.raises(HeldError, match=rf"held is held by process {other.pid} on .*, since 20..-..-..T"):
        Hold(tmp_path / "held")


def test_what_a_killed_process_held_is_taken_over(start, tmp_path):
    other = start(HOLD, tmp_path / "held")
    assert other.stdout.readline() == "held\n"
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert json.loads((tmp_path / "held").read_text())["pid"] == other.pid
    hold = Hold(tmp_path / "held")
    written = json.loads((tmp_path / "held").read_text())
    assert (written["pid"], written["host"]) == (os.getpid(), socket.gethostname())
    hold.release()
    assert not (tmp_path / "held").exists()


def test_a_file_that_was_released_while_somebody_took_it_is_taken_anew(tmp_path, monkeypatch):
    first = Hold(tmp_path / "held")
    locks = []

    def lock(file, how):
        if not locks:
            first.release()  # after the second one has opened the file, before it locks it
        locks.append(file)

    monkeypatch.setattr("nextact.processes.locks.fcntl.flock", lock)
    second = Hold(tmp_path / "held")
    assert len(locks) == 2
    assert json.loads((tmp_path / "held").read_text())["pid"] == os.getpid()
    second.release()


def test_a_holder_that_has_not_said_who_it_is_is_another_process(start, tmp_path):
    other = start(HOLD, tmp_path / "held")
    assert other.stdout.readline() == "held\n"
    (tmp_path / "held").write_text("")
    with pytest.raises(HeldError, match="is held by another process"):
        Hold(tmp_path / "held")


USE = """
import sys, time
from pathlib import Path
from nextact.processes.locks import Use
use = Use(Path(sys.argv[1]))
print("used", flush=True)
time.sleep(600)
"""


def test_data_are_used_by_many_or_by_one_alone(start, tmp_path):
    other = start(USE, tmp_path / "of" / "all")
    assert other.stdout.readline() == "used\n"
    beside = Use(tmp_path / "of" / "all")
    with pytest.raises(HeldError):
        Use(tmp_path / "of" / "all", alone=True)
    other.send_signal(signal.SIGKILL)
    other.wait()
    beside.release()
    beside.release()  # a second time does no harm
    alone = Use(tmp_path / "of" / "all", alone=True)
    with pytest.raises(HeldError):
        Use(tmp_path / "of" / "all")
    alone.release()
    Use(tmp_path / "of" / "all").release()
