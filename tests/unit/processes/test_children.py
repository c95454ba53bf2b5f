import os
import signal

import psutil
import pytest

from nextact.processes.children import run_child
from nextact.processes.identity import is_gone, this_process

# a parent whose child has a child of its own in another session, as a launcher of workers has
PARENT = """
import os, sys
from pathlib import Path
from nextact.processes import children
folder = Path(sys.argv[1])
(folder / "family.py").write_text('''
import os, subprocess, sys, time
from pathlib import Path
from nextact.processes import children
if sys.argv[2] == "watch":
    children._kernel_kills_with_parent = lambda: False
    children.end_with_parent.cache_clear()
    children.end_with_parent(os.getppid())
if sys.argv[1] == "middle":
    command = [sys.executable, "-m", "nextact.processes.children", "family", "last", sys.argv[2], sys.argv[3]]
    subprocess.Popen(command, start_new_session=True)
unfinished = Path(sys.argv[3]) / "unfinished"
unfinished.write_text(str(os.getpid()))
unfinished.rename(unfinished.with_name(sys.argv[1]))
time.sleep(600)
''')
path = os.environ["PYTHONPATH"] + os.pathsep + str(folder)
children.run_child("family", ["middle", sys.argv[2], str(folder)], os.environ | {"PYTHONPATH": path})
"""
# processes that wait for work whose giver is gone; spawned, as those of Kedro's ParallelRunner may be
POOLS = {
    "texts": """
import time
from nextact.text.cleaning.workers import Workers
if __name__ == "__main__":
    with Workers(2) as workers:
        list(workers.map(time.sleep, [600, 600]))
""",
    "runner": """
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from nextact.hooks import NextactHooks
if __name__ == "__main__":
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(NextactHooks().before_node_run).result()
        print("ready", flush=True)
        pool.submit(time.sleep, 600).result()
""",
}
ANOTHER = """
import time
from nextact.processes.identity import this_process
print(this_process(), flush=True)
time.sleep(600)
"""


def family(folder, wait_for):
    files = [folder / "middle", folder / "last"]
    wait_for(lambda: all(file.exists() for file in files))
    return [int(file.read_text()) for file in files]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_children_and_their_children_end_with_their_parent(start, tmp_path, wait_for, is_running, how):
    parent = start(PARENT, tmp_path, "kernel")
    pids = family(tmp_path, wait_for)
    parent.send_signal(how)
    parent.wait()
    wait_for(lambda: not any(map(is_running, pids)), seconds=20)


def test_children_end_where_the_kernel_does_not_see_to_it(start, tmp_path, wait_for, is_running):
    parent = start(PARENT, tmp_path, "watch")
    pids = family(tmp_path, wait_for)
    assert all(map(is_running, pids))
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(map(is_running, pids)), seconds=20)


@pytest.mark.parametrize("pool", POOLS)
def test_the_processes_of_a_pool_end_with_who_started_them(start, wait_for, is_running, pool):
    parent = start(POOLS[pool])
    assert pool == "texts" or "ready\n" in iter(parent.stdout.readline, "")
    n_children = {"texts": 3, "runner": 2}[pool]  # one of them keeps count of what they share
    children = wait_for(lambda: len(found := psutil.Process(parent.pid).children()) == n_children and found)
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(is_running(one.pid) for one in children), seconds=30)


def test_a_child_whose_parent_is_gone_before_it_begins_ends_at_once(start):
    child = start("from nextact.processes.children import end_with_parent; end_with_parent(1); input()")
    assert child.wait(60) == -signal.SIGKILL


def test_a_module_runs_as_if_python_had_run_it(tmp_path):
    (tmp_path / "told.py").write_text(
        "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(__name__); sys.exit(3)"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    assert run_child("told", [str(tmp_path / "name")], os.environ | {"PYTHONPATH": path}) == 3
    assert (tmp_path / "name").read_text() == "__main__"


def test_a_process_is_known_to_be_gone_on_its_own_machine_alone(start, wait_for):
    other = start(ANOTHER)
    name = other.stdout.readline().strip()
    host, pid, began = name.rsplit(" ", 2)
    assert int(pid) == other.pid
    assert not is_gone(name)
    assert not is_gone(this_process())
    assert is_gone(f"{host} {os.getpid()} {float(began) - 1_000}")  # the id of an earlier one
    other.kill()
    wait_for(lambda: is_gone(name))  # though nobody has asked for its status yet
    other.wait()
    assert is_gone(name)
    assert not is_gone(f"not-{host} {pid} {began}")
