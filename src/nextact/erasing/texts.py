"""A user in reports: summaries in words, examples in JSON, and the pages that are made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nextact.erasing.staged import Staged, stage_json, stage_text
from nextact.events import columns as c
from nextact.printing import printable

SUMMARIES = ("run_summary",)
EXAMPLES = ("evaluation_examples",)
PAGES = {"evaluation_page": "evaluation_examples"}  # page -> the examples that it shows
REMOVED = "Removed, since it named a user who was erased. The next run writes it anew.\n"


def stage_texts(places: Mapping[str, Path], user_id: str) -> Iterator[Staged]:
    """Write the reports that name a user anew without the user; a page that shows the user is emptied."""
    there = {name: place for name, place in places.items() if place.exists()}
    for name in SUMMARIES:
        if name in there:
            yield from _stage_summary(name, there[name], user_id)
    for name in EXAMPLES:
        n_found = count_in_json(there[name], user_id) if name in there else 0
        if n_found:
            rest = without_user(json.loads(there[name].read_text(encoding="utf-8")), user_id)
            yield stage_json(name, there[name], rest, n_found)
            for page in (page for page, shown in PAGES.items() if shown == name and page in there):
                yield stage_text(page, there[page], REMOVED, 1)


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


def count_in_json(file: Path, user_id: str) -> int:
    """Objects of a JSON file whose ``user_id`` is the user's; 0 in a file that cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
        return _count(json.loads(text), user_id) if f'"{c.USER_ID}"' in text else 0
    except (UnicodeDecodeError, json.JSONDecodeError):
        return 0


def _count(data: Any, user_id: str) -> int:
    inside = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return int(_is_of(data, user_id)) + sum(_count(value, user_id) for value in inside)


def _is_of(data: Any, user_id: str) -> bool:
    return isinstance(data, dict) and data.get(c.USER_ID) == user_id


def _stage_summary(name: str, place: Path, user_id: str) -> Iterator[Staged]:
    """The summary without the user's paragraph."""
    paragraphs = place.read_text(encoding="utf-8").split("\n\n")
    kept = [one for one in paragraphs if one.split("\n", 1)[0] != printable(f"user {user_id}")]
    if len(kept) < len(paragraphs):
        yield stage_text(name, place, "\n\n".join(kept), len(paragraphs) - len(kept))
