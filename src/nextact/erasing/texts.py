"""A user in JSON and on pages, found by structure: objects with a ``user_id``, rows of tables about users."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from nextact.erasing.changes import Change, Erased, stage
from nextact.events import columns as c
from nextact.stored import read_json, reading, write_json

# as the templates write it; they escape cells, so that no id or title can end a row or begin one
ROW = re.compile(r'<tr class="user"><td>([^<]*)</td>.*?</tr>\n?', re.S)


def stage_json(dataset: str, file: Path, whom: Erased) -> Iterator[Change]:
    """Write JSON anew without the objects of the user."""
    found = read_json(file) if f'"{c.USER_ID}"'.encode() in file.read_bytes() else None
    if n_found := _count(found, whom.user_id):
        yield stage(dataset, file, n_found, partial(write_json, value=without_user(found, whom.user_id)))


def stage_page(dataset: str, file: Path, whom: Erased) -> Iterator[Change]:
    """Write a page anew without the rows of the user."""
    with reading(file):
        page = file.read_bytes().decode("utf-8")
    theirs = [row[0] for row in ROW.finditer(page) if _unbound(html.unescape(row[1])) == _unbound(whom.user_id)]
    for row in theirs:
        page = page.replace(row, "", 1)
    if theirs:
        yield stage(dataset, file, len(theirs), lambda target: _write(target, page))


def without_user(data: Any, user_id: str) -> Any:
    """JSON-like data without the objects whose ``user_id`` is the user's.

    Example:
        >>> without_user({"right": [{"user_id": "a"}, {"user_id": "b"}]}, "a")
        {'right': [{'user_id': 'b'}]}
    """
    if isinstance(data, dict):
        return {name: without_user(value, user_id) for name, value in data.items() if not _is_of(value, user_id)}
    if isinstance(data, list):
        return [without_user(value, user_id) for value in data if not _is_of(value, user_id)]
    return data


def _count(data: Any, user_id: str) -> int:
    inside = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return int(_is_of(data, user_id)) + sum(_count(value, user_id) for value in inside)


def _is_of(data: Any, user_id: str) -> bool:
    return isinstance(data, dict) and data.get(c.USER_ID) == user_id


def _unbound(cell: str) -> str:
    """Without what keeps a percentage on one line of a page."""
    return cell.replace("\u00a0%", " %")


def _write(target: Path, page: str) -> None:
    target.write_bytes(page.encode("utf-8"))
