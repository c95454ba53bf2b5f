"""Changes written beside the data first, then put in place together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextact.stored import put_in_place, remove, writing

BESIDE = ".erasing"


@dataclass(frozen=True)
class Staged:
    """A file or folder written anew beside the old one.

    Attributes:
        name: The dataset it belongs to.
        place: Where it is to stand.
        n_rows: Rows that it no longer holds.
    """

    name: str
    place: Path
    n_rows: int

    @property
    def beside(self) -> Path:
        """Where it stands now."""
        return beside(self.place)

    def put_in_place(self) -> None:
        """Replace the old one; a reader sees the old or the new one, whole."""
        put_in_place(self.beside, self.place)


def beside(place: Path) -> Path:
    """The name under which a place is written anew."""
    return place.with_name(place.name + BESIDE)


def stage(name: str, place: Path, n_rows: int, write: Callable[[Path], None]) -> Staged:
    """Write a place anew beside itself; what a killed attempt left there is replaced."""
    target = beside(place)
    remove(target)
    try:
        with writing(place):
            write(target)
    except BaseException:
        remove(target)
        raise
    return Staged(name, place, n_rows)


def stage_json(name: str, place: Path, data: Any, n_rows: int = 0) -> Staged:
    """Write JSON beside a place."""
    place.parent.mkdir(parents=True, exist_ok=True)
    return stage_text(name, place, json.dumps(data, indent=2, ensure_ascii=False) + "\n", n_rows)


def stage_text(name: str, place: Path, text: str, n_rows: int) -> Staged:
    """Write text beside a place."""

    def write(target: Path) -> None:
        target.write_text(text, encoding="utf-8")

    return stage(name, place, n_rows, write)


def discard(staged: Iterable[Staged]) -> None:
    """Remove what was written beside, where it is not to be put in place."""
    for one in staged:
        remove(one.beside)
