import os
import shutil
import signal
import stat
import tempfile

import pytest

from nextact.processes.scratch import new_scratch_folder, remove_scratch_folder, scratch_folder, sweep

MAKE = """
import sys, time
from nextact.processes.scratch import new_scratch_folder
from nextact.processes.stopping import end_on_sigterm
end_on_sigterm()
folder = new_scratch_folder("test")
(folder / "histories").write_text("of users")
print(folder, flush=True)
if sys.argv[1] == "fail":
    raise ValueError
if sys.argv[1] == "wait":
    time.sleep(600)
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files of this process and of those that it starts."""
    (tmp_path / "tmp").mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def test_a_folder_is_for_its_user_alone_and_goes_with_the_block(temporary):
    with scratch_folder("test") as folder:
        assert folder.parent == temporary
        assert folder.name.startswith("nextact-test-")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "part").mkdir()
    assert not list(temporary.iterdir())


def test_a_folder_goes_with_a_block_that_fails(temporary):
    with pytest.raises(KeyError), scratch_folder("test"):
        raise KeyError
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(("how", "status"), [("end", 0), ("fail", 1)])
def test_a_folder_goes_with_its_process(start, temporary, how, status):
    process = start(MAKE, how)
    process.communicate()
    assert process.returncode == status
    assert not list(temporary.iterdir())


def test_a_folder_goes_with_a_process_that_is_told_to_stop(start, temporary):
    process = start(MAKE, "wait")
    process.stdout.readline()
    process.terminate()
    assert process.wait() == 143
    assert not list(temporary.iterdir())


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_stays(start, temporary):
    killed, living = start(MAKE, "wait"), start(MAKE, "wait")
    left, used = killed.stdout.readline().strip(), living.stdout.readline().strip()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert os.path.exists(f"{left}/histories")  # noqa: PTH110 (a path that was printed)
    sweep()
    assert [str(folder) for folder in temporary.iterdir()] == [used]
    assert (temporary / used / "histories").exists()


def test_what_is_not_ours_stays(temporary):
    (temporary / "nextact-mine").mkdir()
    (temporary / "elsewhere").mkdir()
    (temporary / "elsewhere" / "held-by.json").touch()
    (temporary / "nextact-link").symlink_to(temporary / "elsewhere")
    sweep()
    assert {path.name for path in temporary.iterdir()} == {"nextact-mine", "nextact-link", "elsewhere"}


def test_a_fork_leaves_the_folder_to_its_maker(temporary):
    folder = new_scratch_folder("test")
    child = os.fork()
    if not child:
        remove_scratch_folder(folder)
        remove_scratch_folder(folder)
        os._exit(0)
    os.waitpid(child, 0)
    assert folder.exists()
    remove_scratch_folder(folder)
    assert not list(temporary.iterdir())


def test_a_folder_may_lie_elsewhere_and_is_swept_there(temporary, tmp_path, start):
    elsewhere = tmp_path / "not there yet"
    folder = new_scratch_folder("spill", elsewhere)
    assert folder.parent == elsewhere
    assert not list(temporary.iterdir())
    sweep(elsewhere)
    assert folder.exists()
    remove_scratch_folder(folder)
    assert not list(elsewhere.iterdir())


def test_a_folder_goes_though_a_dying_process_still_writes_into_it(temporary, monkeypatch):
    folder, left = new_scratch_folder("test"), [1, 2]
    remove = shutil.rmtree

    def writes_on(path, ignore_errors):
        remove(path, ignore_errors)
        if left.pop():
            (path / "more").mkdir(parents=True)

    left.insert(0, 0)
    monkeypatch.setattr(shutil, "rmtree", writes_on)
    remove_scratch_folder(folder)
    assert left == []
    assert not folder.exists()
