"""What a file is, by its first bytes and not by its name."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nextact.errors import NextactError

HEAD = 1 << 16  # bytes that tell what a file is
CHUNK = 1 << 20
DECODED = 64 << 20  # bytes in which letters are looked at
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
NO_TABLES = {  # first bytes -> what it is, what to do
    b"PK\x03\x04": ("a zip archive or an Excel workbook", "save the sheet as CSV (UTF-8), or unpack the archive"),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook of the old kind", "save the sheet as CSV (UTF-8)"),
    b"\x28\xb5\x2f\xfd": ("a zstd archive", "unpack it, or compress it with gzip"),
    b"BZh": ("a bzip2 archive", "unpack it, or compress it with gzip"),
    b"SQLite format 3": ("a SQLite database", "name a table of it, as in sqlite:///FILE#TABLE"),
    b"%PDF": ("a PDF", "export the table as CSV"),
    b"\x89PNG": ("a picture", "export the table as CSV"),
}
BYTE_ORDER = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
NAMED = {
    "csv": (".csv", ".tsv", ".txt", ".tab"),
    "parquet": (".parquet", ".pq"),
    "json": (".json", ".jsonl", ".ndjson"),
}
KINDS = {"csv": "text", "parquet": "Parquet", "json": "JSON lines"}


@dataclass(frozen=True)
class TableFile:
    """A file that can be read as a table.

    Attributes:
        path: Where it is.
        kind: ``csv``, ``parquet`` or ``json``.
        encoding: Of ``csv``: ``utf-8``, ``utf-16``, ``latin-1`` or ``cp1252``.
        notes: What is odd about it, in words.
    """

    path: Path
    kind: str
    encoding: str = "utf-8"
    notes: tuple[str, ...] = ()


def recognise(path: Path) -> TableFile:
    """What a file is.

    Raises:
        NextactError: If it does not exist, is empty, or is no table; it says what was seen and what to do.
    """
    if path.is_dir():
        raise NextactError(f"{path}: it is a folder; name the files in it")
    if not path.is_file():
        raise NextactError(f"{path}: there is no such file{_near(path)}")
    size = path.stat().st_size
    if not size:
        raise NextactError(f"{path}: it is empty (0 bytes); export or copy it again")
    with path.open("rb") as opened:
        raw = opened.read(HEAD)
    for first, (what, remedy) in NO_TABLES.items():
        if raw.startswith(first):
            raise NextactError(f"{path}: it is {what}, no table that can be read here; {remedy}")
    if raw.startswith(PARQUET):
        return TableFile(path, "parquet", notes=_misnamed(path, "parquet"))
    return _text_file(path, _unpacked(path, raw))


def _text_file(path: Path, head: bytes) -> TableFile:
    if not head.strip():
        raise NextactError(f"{path}: it holds blank lines only; export or copy it again")
    by_order = next((name for mark, name in BYTE_ORDER.items() if head.startswith(mark)), None)
    if by_order is None and b"\0" in head:
        at = head.index(b"\0")
        raise NextactError(
            f"{path}: it is binary: byte {at:,} is NUL, which no text has; export the table as CSV (UTF-8) or Parquet"
        )
    kind = "json" if head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[") else "csv"
    return TableFile(path, kind, by_order or _encoding(path), _misnamed(path, kind))


def _near(path: Path) -> str:
    others = sorted(one.name for one in path.parent.glob(f"{path.name.split('.')[0]}*")) if path.parent.is_dir() else []
    return f"; beside it: {', '.join(others[:5])}" if others else ""


def _misnamed(path: Path, kind: str) -> tuple[str, ...]:
    ending = next((one for one in reversed(path.suffixes) if one != ".gz"), "")
    named = next((one for one, endings in NAMED.items() if ending.lower() in endings), None)
    if named in (kind, None):
        return ()
    return (f"{path.name} is named {ending}, but holds {KINDS[kind]}: read as that",)


def _unpacked(path: Path, raw: bytes) -> bytes:
    if not raw.startswith(GZIP):
        if path.suffix == ".gz":
            raise NextactError(f"{path}: it is no gzip archive; name it without .gz if it is not compressed")
        return raw
    if path.suffix != ".gz":
        raise NextactError(f"{path}: it is a gzip archive; name it {path.name}.gz")
    return next(_blocks(path), b"")[:HEAD]


def _blocks(path: Path) -> Iterator[bytes]:
    """The content, unpacked, up to :data:`DECODED` bytes."""
    n = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as opened:
            while n < DECODED and (block := opened.read(CHUNK)):
                n += len(block)
                yield block
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise NextactError(f"{path}: the archive is damaged or its end is missing ({error}); copy it again") from error


def _encoding(path: Path) -> str:
    """UTF-8 where all of it is; else of the two encodings of western text the one with letters for these bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, of_windows = True, False
    for block in _blocks(path):
        if is_utf8:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                is_utf8 = False
        of_windows = of_windows or any(128 <= byte < 160 for byte in set(block))
    if is_utf8:
        return "utf-8"
    return "cp1252" if of_windows else "latin-1"
