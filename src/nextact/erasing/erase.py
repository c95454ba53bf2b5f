"""Erase one user in three steps, of which a killed one is gone through again: stage and note, put in place, end.

Everything is written anew beside the old data first, so that a failure changes nothing. Then the file of the hashes
takes the hash of the user together with what is left to do, in one write: from here on the user is out, and a later
call puts in place what still stands beside. That file forgets what was left to do once all is done.

The user's place in the arrays stays, without an id and without events. Nobody else's index moves, so tables by
``user_index`` stay what they were, and so do the halves of the validation users by which models were fitted and chosen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nextact.erasing.arrays import ARRAYS, find, stage_arrays
from nextact.erasing.changes import Change, Erased, finish, tidy
from nextact.erasing.tables import stage_table
from nextact.erasing.texts import stage_json, stage_page
from nextact.errors import NextactError
from nextact.events.erase import ErasedUsers
from nextact.results.erasing import PendingErasure, Receipt
from nextact.stored import read_json, reading, write_json, written_whole

STAGES: dict[str, Callable[[str, Path, Erased], Iterator[Change]]] = {
    ".parquet": stage_table,
    ".json": stage_json,
    ".html": stage_page,
}


@dataclass(frozen=True)
class Stored:
    """Where the line keeps things.

    Attributes:
        derived: Dataset that some pipeline makes -> its file or folder, there or not.
        erased_users: The file of the hashes.
    """

    derived: Mapping[str, Path]
    erased_users: Path

    def read(self) -> ErasedUsers:
        """The hashes, perhaps none.

        Raises:
            StoredError: If the file is damaged.
        """
        with reading(self.erased_users):
            return ErasedUsers.from_json(read_json(self.erased_users) if self.erased_users.exists() else {})

    def write(self, erased: ErasedUsers) -> None:
        """Replace the hashes."""
        with written_whole(self.erased_users) as beside:
            write_json(beside, erased.to_json())


def begin(
    user_id: str, stored: Stored, moment: str, rows_in_raw: Callable[[], int], as_written: Iterable[str] = ()
) -> PendingErasure:
    """Stage all that is written anew, then note the hash with what is left to do.

    Args:
        user_id: As the events write it.
        stored: Where things are.
        moment: Of the erasure, ISO.
        rows_in_raw: How many raw rows are the user's; asked for where no derived table names them.
        as_written: Datasets that stand as their nodes wrote them, kept for :meth:`~nextact.records.RecordBook.restamp`.

    Raises:
        NextactError: If nothing names the user, or a file cannot be read or written; nothing is changed then.
    """
    erased = stored.read()
    tidy(stored.derived.values())
    changes: list[Change] = []
    try:
        whom = find(user_id, stored.derived)
        changes += _stage_all(whom, stored.derived)
        if not changes and (erased.hash_of(user_id) in erased.erased_at or not rows_in_raw()):
            raise NextactError(_unknown(user_id, erased))
        beside = stored.erased_users.parent
        pending = PendingErasure(
            user_sha256=erased.hash_of(user_id),
            erased_at=moment,
            rows_removed=_rows_removed(changes),
            events_learnt_from=whom.n_learnt,
            files=tuple(os.path.relpath(one.place, beside) for one in changes),
            as_written=tuple(sorted(as_written)),
        )
        stored.write(erased.with_user(user_id, moment, pending))
    except BaseException:
        if stored.read().pending is None:  # else it is noted, and a later call puts in place what stands beside
            tidy(stored.derived.values())
        raise
    return pending


def put_in_place(stored: Stored, pending: PendingErasure) -> None:
    """Let what was staged take its place; what a killed call has put there already stays."""
    for file in pending.files:
        finish(stored.erased_users.parent / file)


def end(stored: Stored) -> None:
    """Forget what was left to do: all is done, the receipt is written."""
    stored.write(stored.read().done())


def receipt_text(receipt: Receipt) -> str:
    """A receipt in words."""
    stale, with_vectors = receipt.stale, receipt.stale_with_vectors_of_users
    removed = [f"{name}: {n:,}" for name, n in receipt.rows_removed.items()]
    raw = [f"{place}: {n:,} rows" for place, n in receipt.remains.raw_rows.items()]
    blocks: dict[str, Sequence[str]] = {
        "Rows removed:": removed or ["none were stored"],
        "Learnt from the user, serve on, and are replaced by the next `kedro run`:": [", ".join(stale)]
        if stale
        else [],
        "Of these, with a vector of each user inside, without ids:": [", ".join(with_vectors)] if with_vectors else [],
        "Remains in raw tables, which belong to the systems that write them; runs leave it out:": raw,
        "Remains, or seems to, in files that nothing erases from:": receipt.remains.files,
        "Cannot be searched; look there by hand:": receipt.remains.not_searched,
        "Searched for the id:": receipt.searched,
        "MLflow:": [receipt.mlflow],
    }
    lines = [f"Erased the user with the salted SHA-256 {receipt.user_sha256}"]
    for title, told in blocks.items():
        lines += [title, *(f"  {one}" for one in told)] if told else []
    return "\n".join(lines)


def _stage_all(whom: Erased, derived: Mapping[str, Path]) -> Iterator[Change]:
    yield from stage_arrays(derived, whom)
    for name, place in derived.items():
        for file in _files(place) if name not in ARRAYS else ():
            if file.suffix in STAGES:
                yield from STAGES[file.suffix](name, file, whom)


def _files(place: Path) -> list[Path]:
    """The files of a dataset that may name users; of a folder those of tables."""
    return sorted(place.rglob("*.parquet")) if place.is_dir() else [place] if place.exists() else []


def _rows_removed(changes: list[Change]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in changes:
        counts[one.dataset] = counts.get(one.dataset, 0) + one.n_rows
    return {name: n for name, n in counts.items() if n}


def _unknown(user_id: str, erased: ErasedUsers) -> str:
    moment = erased.erased_at.get(erased.hash_of(user_id))
    if moment is not None:
        return f"user {user_id!r} was erased at {moment}; nothing is stored of them, and nothing was changed"
    return (
        f"no user {user_id!r} in what is stored or in the raw tables, which are searched for the id as text, in full "
        "and in its own case; nothing was changed"
    )
