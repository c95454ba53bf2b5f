"""Where a user's id still stands: rows of raw tables, and files that nobody erases from."""

from __future__ import annotations

import gzip
import html
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from nextact.erasing.tables import count_text
from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.events.reading import read_id
from nextact.events.tables import as_table
from nextact.printing import printable

NO_TEXT = (".npy", ".safetensors", ".png", ".pyc", ".lock")
CHUNK = 1 << 24  # bytes
NUMBER = re.compile(r"[\d.,+-]+")
BEFORE_A_NUMBER = rb"(?i:user)\w*\W{1,12}"  # a number stands in many texts; as a user's, behind "user" or "user_id"


def count_raw_rows(raw: object, place: str, column: str, user_id: str) -> int:
    """Rows of a raw table whose id, read as runs read it, is the user's.

    Args:
        raw: A table as the data catalog loads it.
        place: Name in messages.
        column: Of the user.
        user_id: As the events write it.

    Raises:
        NextactError: If the column is not there, or holds no ids.
    """
    table = as_table(raw, place, {c.USER_ID: column})
    is_theirs = read_id(table[column], c.USER_ID, f"{place}[{column!r}]").values == user_id
    return int(table.filter(is_theirs).count().execute())


def files_naming(user_id: str, roots: Iterable[Path], but: Iterable[Path] = ()) -> list[Path]:
    """Files that hold the id: in a cell of Parquet, or as a word of any other text, compressed by gzip or not.

    An id that looks like a number counts in text only behind "user", as in ``user 17`` or ``"user_id": "17"``. Arrays
    and pictures are not read: nothing of ours writes an id there.

    Args:
        user_id: To look for.
        roots: Files and folders; links to folders are not followed.
        but: Files and folders to leave out.
    """
    left_out, word = {one.absolute() for one in but}, word_of(user_id)
    files = {file.absolute() for root in roots for file in ([root] if root.is_file() else root.rglob("*"))}
    return [
        file
        for file in sorted(files)
        if file.is_file() and not left_out & {file, *file.parents} and _names(file, user_id, word)
    ]


def word_of(user_id: str) -> re.Pattern[bytes]:
    """The id between what is no letter or digit, however texts, pages and JSON write it."""
    on_pages = html.escape(user_id).replace("&#x27;", "&#39;").replace("&quot;", "&#34;").replace(" %", "\u00a0%")
    in_json = {json.dumps(user_id, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)}
    written = {user_id, printable(user_id), html.escape(user_id), on_pages, *in_json}
    words = b"|".join(re.escape(one.encode("utf-8", "surrogatepass")) for one in sorted(written))
    before = BEFORE_A_NUMBER if NUMBER.fullmatch(user_id) else rb"(?<![\w\x80-\xff])"
    return re.compile(before + b"(?:" + words + rb")(?![\w\x80-\xff])")


def _names(file: Path, user_id: str, word: re.Pattern[bytes]) -> bool:
    if file.suffix in NO_TEXT:
        return False
    if file.suffix == ".parquet":
        try:
            return count_text(file, user_id) > 0
        except NextactError:  # none, or damaged: read as it is
            pass
    return any(word.search(part) for part in _parts(file, overlap=6 * len(user_id) + 64))


def _parts(file: Path, overlap: int) -> Iterator[bytes]:
    """The content in parts, each beginning with the end of the one before."""
    end = b""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
            while part := opened.read(CHUNK):
                yield end + part
                end = part[-overlap:]
    except (OSError, EOFError):  # gone, or not ours to read
        return
