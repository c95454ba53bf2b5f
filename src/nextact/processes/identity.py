"""A process by a name that no later one has, to be asked after once its runs are found unfinished."""

from __future__ import annotations

import os
import socket

import psutil

SECONDS_APART = 5.0  # a clock that is set moves what the system says of when a process began


def this_process() -> str:
    """Machine, process id, and when the process began in seconds since 1970, such as ``shop 7 1795812000.0``."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.1f}"


def is_gone(name: str) -> bool:
    """Whether the process of this name has ended; False where it is another machine's, since nobody here can tell.

    Example:
        >>> is_gone(this_process()), is_gone("another-machine 7 1795812000.0")
        (False, False)
    """
    host, pid, began = name.rsplit(" ", 2)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        is_another = abs(float(process.create_time()) - float(began)) > SECONDS_APART
        return is_another or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
