"""What stands on disk between steps: read with one message where it is damaged, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nextact.errors import NextactError, shorten

T = TypeVar("T")

BESIDE = ".new"
FULL = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT))
REFUSED = tuple(os.strerror(code) for code in (errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES))
ROOM_TO_SPEAK_OF = 1 << 20  # bytes; numpy says of a failed write neither why nor where


class StoredError(NextactError):
    """A stored file or folder that cannot be read.

    Args:
        path: What cannot be read.
        problem: What is wrong with it, in a few words.
        remedy: What makes it again, where that is known.

    Example:
        >>> str(StoredError(Path("users.parquet"), "is empty", "run `kedro run` again"))
        'users.parquet is empty; run `kedro run` again'
    """

    def __init__(self, path: Path, problem: str, remedy: str = "") -> None:
        super().__init__(f"{path} {problem}")
        self.path, self.problem, self.remedy = path, problem, remedy

    def __str__(self) -> str:
        return super().__str__() + (f"; {self.remedy}" if self.remedy else "")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Let whatever goes wrong while a stored file or folder is read end in an error that names it.

    Libraries raise all kinds of errors on damaged files, so all kinds are taken; what an inner call named stays named.

    Raises:
        StoredError: In place of any other error; its cause is kept.

    Example:
        >>> with reading(Path("notes.json")):
        ...     {}["run_id"]
        Traceback (most recent call last):
        nextact.stored.StoredError: notes.json does not exist
    """
    try:
        yield
    except (StoredError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, NextactError) and str(path) in str(error):
            raise
        raise StoredError(path, _problem(path, error)) from error


def read_json(path: Path, must_have: Collection[str] = ()) -> Any:
    """Read JSON.

    Args:
        path: The file.
        must_have: Names that the object in it needs.

    Raises:
        StoredError: If it cannot be read, or lacks a name.
    """
    with reading(path):
        return require_names(path, json.loads(path.read_text(encoding="utf-8")), must_have)


def require_names(path: Path, found: Any, must_have: Collection[str]) -> Any:
    """What was read of a file, once it is an object that has the names."""
    if must_have and not isinstance(found, dict):
        raise StoredError(path, f"is no object but {shorten(found, limit=40)}")
    if missing := [name for name in must_have if name not in found]:
        raise StoredError(path, f"lacks {', '.join(map(repr, missing))}, so it is not what belongs there")
    return found


def write_json(path: Path, value: object) -> None:
    """Write JSON readably."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True), encoding="utf-8")


def read_array(path: Path, dtype: Any, ndim: int = 1, mapped: bool = True) -> Any:
    """Open a ``.npy`` file, memory-mapped and read-only unless told otherwise.

    Args:
        path: The file.
        dtype: What it must hold; None takes anything but objects.
        ndim: How many dimensions it must have.
        mapped: Whether it is mapped, or read into memory.

    Raises:
        StoredError: If it is no such array.
    """
    with reading(path):
        found = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        if not isinstance(found, np.ndarray):  # an archive of arrays
            raise ValueError("it holds several arrays")
    if found.ndim != ndim or (dtype is not None and found.dtype != np.dtype(dtype)):
        wanted = f"{np.dtype(dtype).name} " if dtype is not None else ""
        raise StoredError(path, f"holds {found.dtype} {list(found.shape)}, not {wanted}of {ndim} dimension(s)")
    return found


def each_read(path: Path, parts: Iterator[T]) -> Iterator[T]:
    """What is read of a file part by part; whoever uses a part is not blamed on the file.

    Raises:
        StoredError: If a part cannot be read.
    """
    while True:
        with reading(path):
            part = next(parts, None)
        if part is None:
            return
        yield part


def write_array(path: Path, array: Any) -> None:
    """Write a ``.npy`` file under a name of any ending; numpy by itself would add its own."""
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Let a failed write end in one message that names what was written.

    Raises:
        NextactError: In place of an ``OSError``, and of a library's own error that the system is behind.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, NextactError) or not (isinstance(error, OSError) or _says(error, FULL + REFUSED)):
            raise
        raise NextactError(f"{place} cannot be written: {_why(place, error)}") from error


@contextmanager
def written_whole(place: Path, alone: bool = True) -> Iterator[Path]:
    """A path beside ``place`` to write a file or a folder to, which takes the place once all of it is written.

    If anything fails, what stood there before still stands there, and nothing is left beside it. Readers keep what
    they have opened.

    Args:
        place: Where it is to stand.
        alone: Whether no other process writes to the place at this moment. What a killed one left is replaced then.

    Raises:
        NextactError: If it cannot be written, as on a full disk.

    Example:
        >>> from tempfile import mkdtemp
        >>> place = Path(mkdtemp()) / "note.txt"
        >>> with written_whole(place) as beside:
        ...     _ = beside.write_text("done")
        >>> place.read_text()
        'done'
    """
    beside = place.with_name(f"{place.name}{BESIDE}" if alone else f"{place.name}.{os.getpid()}{BESIDE}")
    try:
        with writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            remove(beside)
            yield beside
            put_in_place(beside, place)
    except BaseException:
        with contextlib.suppress(OSError):
            remove(beside)
        raise


def put_in_place(beside: Path, place: Path) -> None:
    """Let what was written beside a place take it; a folder moves its predecessor aside first, and back on failure."""
    if not beside.is_dir() and not place.is_dir():
        beside.replace(place)
        return
    before = place.with_name(f"{place.name}.before")
    remove(before)
    if place.exists():
        place.rename(before)
    try:
        beside.rename(place)
    except OSError:
        if before.exists():
            before.rename(place)
        raise
    remove(before)


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _problem(path: Path, error: Exception) -> str:
    if not path.exists():
        return "does not exist"
    if path.is_file() and not path.stat().st_size:
        return "is empty"
    if isinstance(error, KeyError):
        return f"cannot be read: it lacks {error}"
    said = " ".join(str(error).split()) or type(error).__name__
    return f"cannot be read: {said if len(said) <= 300 else said[:297] + '...'}"


def says_full(error: BaseException) -> str | None:
    """What the system says of a disk without room, wherever in the error it says so; None for any other error."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return os.strerror(error.errno)
    return _says(error, FULL)


def _says(error: BaseException, words: Iterable[str]) -> str | None:
    said = str(error).lower()
    return next((one for one in words if one.lower() in said), None)


def _why(place: Path, error: Exception) -> str:
    full = says_full(error)
    if full is None and not getattr(error, "errno", None) and _no_room(place):
        full = FULL[0]
    return f"{full}; make room and run again" if full else str(error)


def _no_room(place: Path) -> bool:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(place.parent).free < ROOM_TO_SPEAK_OF
    return False
