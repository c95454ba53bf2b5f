"""Child processes that end with their parent, even where the parent is killed and can say nothing.

    NEXTACT_PARENT=PID python -m nextact.processes.children MODULE ARGUMENTS

runs a module as ``python -m MODULE ARGUMENTS`` does, but for as long as its parent lives.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache, partial

from nextact.processes.stopping import at_end, forget

PARENT = "NEXTACT_PARENT"  # process id that the next child expects as its parent
SECONDS_TO_END = 2.0  # well within what the process that ends it has itself
SECONDS_BETWEEN_LOOKS = 0.5
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run_child(module: str, arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run a module in a process of its own and wait for it.

    Whatever ends the waiting, or this process, ends the child first, by SIGTERM, and if it stays, by SIGKILL.

    Returns:
        The child's exit status, negative where a signal ended it.
    """
    command = [sys.executable, "-m", __name__, module, *arguments]
    child = subprocess.Popen(command, env={**environment, PARENT: str(os.getpid())})
    end = partial(_end, child)
    at_end(end)
    try:
        return child.wait()
    finally:
        end()
        forget(end)


@cache
def end_with_parent(parent: int) -> None:
    """Have this process killed as soon as its parent ends; at once, if that has happened already.

    Args:
        parent: Process id of the parent.
    """
    if not _kernel_kills_with_parent():
        threading.Thread(target=_watch, args=(parent,), daemon=True, name="parent").start()
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _kernel_kills_with_parent() -> bool:
    if sys.platform != "linux":
        return False
    return int(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)) == 0


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGKILL)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def main() -> None:
    """Run the module named on the command line; its own children expect this process as their parent."""
    end_with_parent(int(os.environ[PARENT]))
    os.environ[PARENT] = str(os.getpid())
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
