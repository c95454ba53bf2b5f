"""Raw files that cannot be read: which file of which catalog entry, what is wrong with it, and what to do."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol, DatasetError
from kedro.pipeline import Pipeline

from nextact.checks.remedies import chain
from nextact.errors import NextactError

CHUNK = 1 << 20  # bytes
HEAD = 4_096  # bytes in which text shows no NUL
PARQUET, GZIP, UTF16 = b"PAR1", b"\x1f\x8b", (b"\xff\xfe", b"\xfe\xff")
AGAIN = "export or copy it again"
NAME_IT = "name a reader for what it is in the data catalog, or export it again"
NOT_UTF8 = "invalid unicode", "not utf-8 encoded", "invalid utf8"  # in the words of DuckDB, of Arrow


@dataclass(frozen=True)
class RawFile:
    """A file that no pipeline makes.

    Attributes:
        entry: Its entry in the data catalog, and the source where that has several.
        path: Where it lies, on this machine.
        read_by_duckdb: Whether DuckDB reads it, which takes a cut archive for a whole one.
        is_parquet: Whether it is read as Parquet.
    """

    entry: str
    path: Path
    read_by_duckdb: bool
    is_parquet: bool

    def error(self, problem: str, remedy: str) -> NextactError:
        """What to tell the user."""
        return NextactError(f"{self.entry}: cannot read {self.path}: {problem}; {remedy}")


def check_raw_files(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Refuse raw files of which a reader would make a table without a word: empty ones, and cut archives.

    Raises:
        NextactError: Naming the catalog entry and the file.
    """
    for file in _raw_files(pipeline, catalog):
        if not file.path.is_file():
            continue
        if not file.path.stat().st_size:
            raise file.error("it is empty (0 bytes)", AGAIN)
        if file.read_by_duckdb and file.path.suffix == ".gz":
            _check_archive(file)


def explain_raw_file(error: BaseException, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Say what is wrong with the raw file that ended a run; nothing, if it was anything else.

    An engine reads a file when its rows are asked for, so the error may come from a node that loads or saves something
    else; it is known by the path that it names.

    Raises:
        NextactError: Naming the catalog entry, the file, what is wrong and what to do.
    """
    errors = list(chain(error))
    if any(isinstance(one, NextactError | MemoryError) for one in errors):
        return
    files = list(_raw_files(pipeline, catalog))
    for one in reversed(errors):  # the innermost names one file, where the outer ones may name all files of an entry
        for file in files:
            if _is_about_reading(one) and str(file.path) in str(one):
                cause = next((inner for inner in reversed(errors) if not isinstance(inner, DatasetError)), one)
                raise file.error(*_diagnose(file, cause)) from error


def _raw_files(pipeline: Pipeline, catalog: CatalogProtocol) -> Iterator[RawFile]:
    made = {name for one in pipelines.values() for name in one.all_outputs()}
    for name in sorted(pipeline.inputs() - made):
        if name != "parameters" and not name.startswith("params:"):
            yield from _files_of(name, catalog.get(name))


def _files_of(entry: str, dataset: Any) -> Iterator[RawFile]:
    for source, one in getattr(dataset, "datasets", {}).items():
        yield from _files_of(f"{entry} (source {source!r})", one)
    path = getattr(dataset, "_filepath", None)
    if path is not None and getattr(dataset, "_protocol", "file") == "file":
        kind = f"{type(dataset).__name__} {getattr(dataset, '_file_format', '')}".lower()
        yield RawFile(entry, Path(str(path)), hasattr(dataset, "_connection_config"), "parquet" in kind)


def _is_about_reading(error: BaseException) -> bool:
    """Whether an error is that of a dataset while it loads, or of DuckDB while it reads."""
    if isinstance(error, DatasetError):
        return "Failed while loading data" in str(error)
    return any(kind.__module__ in ("duckdb", "_duckdb") for kind in type(error).__mro__)


def _check_archive(file: RawFile) -> None:
    try:
        with gzip.open(file.path) as opened:
            while opened.read(CHUNK):
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise file.error(*_diagnose(file, error)) from error


def _diagnose(file: RawFile, error: BaseException) -> tuple[str, str]:
    """What is wrong with a file, and what to do."""
    says = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    found = _broken_parquet(file) if file.is_parquet else _broken_archive(file, error, says) or _no_utf8(file, error)
    return found or (f"{type(error).__name__}: {says}", "put the file or its load_args in the data catalog right")


def _broken_parquet(file: RawFile) -> tuple[str, str] | None:
    head, tail = _ends(file.path)
    if head[:4] != PARQUET:
        return "it is no Parquet file", NAME_IT
    if tail != PARQUET:
        return "its end is missing: a Parquet file that was not written or copied to its end", AGAIN
    return None


def _broken_archive(file: RawFile, error: BaseException, says: str) -> tuple[str, str] | None:
    if file.path.suffix == ".gz" and _ends(file.path)[0][:2] != GZIP:
        return "it is no gzip archive", "name it without .gz if it is not compressed, or compress it again"
    if isinstance(error, EOFError):
        return "its end is missing: an archive that was not written or copied to its end", AGAIN
    if isinstance(error, zlib.error | gzip.BadGzipFile):
        return f"the archive is damaged ({says})", AGAIN
    return None


def _no_utf8(file: RawFile, error: BaseException) -> tuple[str, str] | None:
    head = _ends(file.path)[0]
    if head[:2] in UTF16:
        return (
            "it is UTF-16 text, not UTF-8",
            "state `load_args: {encoding: utf-16}` in the data catalog, or export UTF-8",
        )
    if b"\0" in head and head[:2] != GZIP:
        return "it is no text", NAME_IT
    if isinstance(error, UnicodeError) or any(words in str(error).lower() for words in NOT_UTF8):
        return (
            "it is text in another encoding than UTF-8",
            "state its encoding in the data catalog, for example `load_args: {encoding: latin-1}`, or export UTF-8",
        )
    return None


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The first bytes of a file and the last four; none where it cannot be opened."""
    try:
        with path.open("rb") as opened:
            head = opened.read(HEAD)
            opened.seek(max(path.stat().st_size - len(PARQUET), 0))
            return head, opened.read()
    except OSError:
        return b"", b""
