"""What is put in order before a process ends, and SIGTERM as an end like any other."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

logger = logging.getLogger(__name__)

STATUS = 128 + signal.SIGTERM  # what shells report of a process that SIGTERM ended
GRACE_SECONDS = 5.0  # for the main thread; containers are killed ten seconds after SIGTERM

_actions: list[Callable[[], None]] = []
_running = threading.RLock()
_told = threading.Event()


def at_end(action: Callable[[], None]) -> None:
    """Run an action once, when this process exits or is told to stop."""
    _actions.append(action)


def forget(action: Callable[[], None]) -> None:
    """Do not run an action at the end after all."""
    if action in _actions:
        _actions.remove(action)


def was_told_to_stop() -> bool:
    """Whether SIGTERM has come."""
    return _told.is_set()


def end_on_sigterm() -> None:
    """From now on SIGTERM ends this process as an exit does, with status 143: blocks are left and files put in order.

    A main thread that does not end within :data:`GRACE_SECONDS`, since a library computes or waits for other threads,
    is not waited for: the actions of :func:`at_end` run beside it, then the process ends. A handler that somebody else
    has set stays.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    told, tells = os.pipe()
    os.set_blocking(tells, False)
    signal.set_wakeup_fd(tells, warn_on_full_buffer=False)  # written at once, while the main thread is in a library too
    threading.Thread(target=_insist, args=(told,), daemon=True, name="sigterm").start()
    signal.signal(signal.SIGTERM, _exit)


def _exit(number: int, frame: FrameType | None) -> None:
    if not _told.is_set():  # the second time it ends already
        _told.set()
        raise SystemExit(STATUS)


def _insist(told: int) -> None:
    while os.read(told, 1) != bytes([signal.SIGTERM]):
        pass
    time.sleep(GRACE_SECONDS)
    _told.set()
    _run_actions()
    os._exit(STATUS)


def _run_actions() -> None:
    """The newest first; who comes second waits until they are done."""
    with _running:
        while _actions:
            try:
                _actions.pop()()
            except Exception:
                logger.exception("Something could not be put in order before the end")


atexit.register(_run_actions)
