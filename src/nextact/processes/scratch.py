"""Private folders for temporary files, gone with the process that made them; those of a killed one are swept away."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from nextact.processes.locks import HeldError, Hold
from nextact.processes.stopping import at_end

logger = logging.getLogger(__name__)

PREFIX, HELD = "nextact-", "held-by.json"
TRIES, SECONDS_BETWEEN_TRIES = 20, 0.1
_made: dict[Path, tuple[int, Hold | None]] = {}  # by which process; None where its file system knows no locks


@contextlib.contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """A new folder inside the block; see :func:`new_scratch_folder`."""
    folder = new_scratch_folder(purpose)
    try:
        yield folder
    finally:
        remove_scratch_folder(folder)


def new_scratch_folder(purpose: str, within: Path | None = None) -> Path:
    """A folder ``nextact-PURPOSE-…``, which its user alone may read.

    It goes by :func:`remove_scratch_folder`, at the latest when this process exits or is told to stop. What a killed
    process left is removed by the next one that asks for a folder in the same place.

    Args:
        purpose: A word for its name.
        within: Where it is made; the folder for temporary files (``TMPDIR``), if left out.
    """
    within = within or Path(tempfile.gettempdir())
    within.mkdir(parents=True, exist_ok=True)
    _sweep_once(os.getpid(), within)
    # nobody sweeps it away before it is held, since it has not got its name yet
    making = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=within))
    hold = _hold(making)
    folder = making.rename(making.with_name(f"{PREFIX}{purpose}-{making.name.removeprefix(f'.{PREFIX}')}"))
    _made[folder] = os.getpid(), hold
    return folder


def remove_scratch_folder(folder: Path) -> None:
    """Remove a folder of this process; a fork that drops its reference leaves the folder to it."""
    maker, hold = _made.pop(folder, (None, None))
    if maker == os.getpid():
        _remove(folder)
    if hold is not None:
        hold.release()


def sweep(within: Path | None = None) -> None:
    """Remove the folders of processes that ended without removing them; of those in ``TMPDIR``, if nothing is said."""
    for folder in (within or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, HeldError):
            if _is_ours(folder):
                hold = Hold(folder / HELD)
                _remove(folder)
                hold.release()
                logger.info("Removed %s, which a process that was killed had left", folder)


@cache
def _sweep_once(process: int, within: Path) -> None:
    sweep(within)


def _hold(folder: Path) -> Hold | None:
    try:
        return Hold(folder / HELD)
    except OSError:  # without locks nobody can tell who is gone, so nobody sweeps
        return None


def _remove(folder: Path) -> None:
    """At once, or a little later where a process that is being killed still writes into it."""
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(SECONDS_BETWEEN_TRIES)


def _is_ours(folder: Path) -> bool:
    return not folder.is_symlink() and (folder / HELD).lstat().st_uid == os.getuid()


def _remove_all() -> None:
    for folder in list(_made):
        remove_scratch_folder(folder)


at_end(_remove_all)
