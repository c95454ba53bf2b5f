"""Files that one process at a time holds; the system lets go of them when that process ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TextIO

from nextact.errors import NextactError


@dataclass(frozen=True)
class Holder:
    """Who holds a file.

    Attributes:
        pid: Id of the process.
        host: Name of its machine.
        since: When it took the file, ISO 8601 in UTC.

    Example:
        >>> print(Holder(7, "shop", "2026-11-27T20:00:00+00:00"))
        process 7 on shop, since 2026-11-27T20:00:00+00:00
    """

    pid: int
    host: str
    since: str

    @classmethod
    def now(cls) -> Self:
        """This process, from this moment."""
        return cls(os.getpid(), socket.gethostname(), datetime.now(UTC).isoformat(timespec="seconds"))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


class HeldError(NextactError):
    """Another process holds the file.

    Args:
        path: The file.
        holder: What the other one wrote into it; None where it has not yet.
    """

    def __init__(self, path: Path, holder: Holder | None) -> None:
        self.holder = holder
        super().__init__(f"{path} is held by {holder or 'another process'}")


class Hold:
    """A file that this process holds until :meth:`release`, or until it ends.

    What a process that ended left there is taken over.

    Args:
        path: The file; made in an existing folder where it is not there.

    Raises:
        HeldError: If another process holds it.
        OSError: If it cannot be written, or its file system knows no locks.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.pid = path, os.getpid()
        self._file = _take(path)
        self._file.truncate(0)
        json.dump(asdict(Holder.now()), self._file)
        self._file.flush()

    def release(self) -> None:
        """Remove the file and let go of it; a fork of the process that took it leaves it alone."""
        if self.pid == os.getpid():
            self.path.unlink(missing_ok=True)
        self._file.close()


class Use:
    """Data that several processes use at a time, or one alone, until :meth:`release` or until it ends.

    Args:
        path: The file that says so; made where it is not there, and never removed.
        alone: Whether nobody else may use the data meanwhile.

    Raises:
        HeldError: If another process uses the data alone, or uses them at all where ``alone`` is asked for.
    """

    def __init__(self, path: Path, alone: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        try:
            fcntl.flock(self._file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise HeldError(path, None) from None
        except OSError:  # a file system without locks: nobody can tell
            pass

    def release(self) -> None:
        """Let go; forks of this process with it."""
        if not self._file.closed:
            with contextlib.suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_UN)
            self._file.close()


def _take(path: Path) -> TextIO:
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            with file:
                raise (HeldError(path, _read(file)) if isinstance(error, BlockingIOError) else error) from None
        if _is_at(path, file):
            return file
        file.close()  # removed by the one who held it, between our opening and our taking it


def _read(file: TextIO) -> Holder | None:
    file.seek(0)
    try:
        return Holder(**json.load(file))
    except (ValueError, TypeError):
        return None


def _is_at(path: Path, file: TextIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
