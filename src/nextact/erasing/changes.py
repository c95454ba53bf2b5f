"""Files and folders written anew beside the old ones, then put in place one by one, by a first call or a later one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextact.stored import BESIDE as UNFINISHED
from nextact.stored import put_in_place, remove, writing

BESIDE, BEFORE = ".erasing", ".before"


@dataclass(frozen=True)
class Erased:
    """Whom to erase, and what of the arrays is theirs.

    Attributes:
        user_id: As the events write it.
        user_index: Place in the table of users; None for one who is not there.
        first: Position of their first event in the arrays of histories.
        n_events: Events there.
        n_learnt: Those of them before the end of the validation window, from which models learn.
    """

    user_id: str
    user_index: int | None = None
    first: int = 0
    n_events: int = 0
    n_learnt: int = 0

    def moved(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions in the arrays, once the user's events are gone; those within them become that of the first.

        Example:
            >>> Erased("u1", 1, first=4, n_events=2).moved(np.array([3, 4, 5, 6, 7])).tolist()
            [3, 4, 4, 4, 5]
        """
        return positions - np.clip(positions - self.first, 0, self.n_events)


@dataclass(frozen=True)
class Change:
    """A file or folder that stands written anew beside the old one.

    Attributes:
        dataset: That it belongs to.
        place: Where it is to stand.
        n_rows: Rows, events or objects that it no longer holds.
    """

    dataset: str
    place: Path
    n_rows: int


def stage(dataset: str, place: Path, n_rows: int, write: Callable[[Path], None]) -> Change:
    """Write a place anew beside itself."""
    beside = _beside(place)
    with writing(place):
        write(beside)
    return Change(dataset, place, n_rows)


def finish(place: Path) -> None:
    """Put in place what was staged, and remove what stood there; whatever of that is done already stays done."""
    if _beside(place).exists():
        put_in_place(_beside(place), place)
    remove(place.with_name(place.name + BEFORE))
    remove(place.with_name(f".{place.name}.crc"))  # Spark's checksum of what stood there, which it would hold on to


def tidy(places: Iterable[Path]) -> None:
    """Remove what runs and erasures that were killed left beside these places: parts of old and of new content."""
    for place in places:
        inside = place.rglob(f"*{BESIDE}") if place.is_dir() else ()
        patterns = (place.name + BESIDE, place.name + BEFORE, place.name + UNFINISHED, f"{place.name}.*{UNFINISHED}")
        beside = (left for pattern in patterns for left in place.parent.glob(pattern))
        for left in [*inside, *beside]:
            remove(left)


def _beside(place: Path) -> Path:
    return place.with_name(place.name + BESIDE)
