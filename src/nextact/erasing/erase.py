"""Erase one user: everything is written beside the old data first, and nothing changes before all of it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nextact.erasing.arrays import CERTIFICATE, CUTS, HISTORIES, USERS, VOCABULARY, stage_arrays
from nextact.erasing.models import models_to_refit
from nextact.erasing.staged import Staged, discard, stage_json
from nextact.erasing.tables import count_by_split, count_rows, stage_table
from nextact.erasing.texts import EXAMPLES, PAGES, SUMMARIES, count_in_json, stage_texts
from nextact.errors import NextactError
from nextact.events.erase import ErasedUsers
from nextact.stored import read_json

Receipt = dict[str, Any]

# Every dataset of the line that names users. One that is added to the line is added here; tables that know users by
# their index alone are found by that column.
TABLES = (
    "events",
    "rejected_events",
    "user_profiles",
    "recommendations",
    "behaviour_predictions",
    "horizon_predictions",
    "accepted_feedback",
    "rejected_feedback",
    "feedback_events",
)
ARRAYS = (USERS, HISTORIES, *CUTS)
TEXTS = (*SUMMARIES, *EXAMPLES, *PAGES)
RAW = ("raw_events", "raw_users", "feedback")  # belong to the systems that write them
ERASED_USERS = "erased_users"
ERASED_FROM = (*TABLES, *ARRAYS, *TEXTS)
READ = (CERTIFICATE, VOCABULARY, ERASED_USERS)


@dataclass(frozen=True)
class Stored:
    """Where the line keeps things.

    Attributes:
        places: Dataset -> path, of :data:`ERASED_FROM` and :data:`READ`; those that were never written need not exist.
        models: Dataset -> folder of a model or package.
        elsewhere: What cannot be rewritten here -> where it is.
        root: Folder of all data, searched for tables by ``user_index`` and for what was missed.
    """

    places: Mapping[str, Path]
    models: Mapping[str, Path]
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None


def erase_user(user_id: str, stored: Stored, now: datetime | None = None) -> Receipt:
    """Erase a user from what the line has stored, and remember the hash of the id so that later runs leave it out.

    No run may be under way. Models and aggregates (counts, reports) stay as they are until the next run; the receipt
    names the models.

    Args:
        user_id: As the events write it.
        stored: Where things are.
        now: Moment of the erasure; the present, if left out.

    Returns:
        ``erased_at``, ``user_sha256`` (salted), ``rows_removed`` by dataset, ``run_id`` before and after, ``refit``,
        ``not_erased`` (name and place of what must be erased elsewhere) and ``still_named_in`` (files of Parquet
        and JSON that hold the user all the same; none, unless someone keeps copies among the data).

    Raises:
        NextactError: If no dataset names the user, or one cannot be rewritten; nothing is changed then.
    """
    places = stored.places
    moment = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    erased = _read_erased(places[ERASED_USERS])
    run_id, events_by_split = _run_id(places), count_by_split(places["events"], user_id) if "events" in places else {}
    staged: list[Staged] = []
    try:
        for one in _stage_all(stored, user_id):
            staged.append(one)  # one by one, so that a failure knows what to discard
        if not any(one.n_rows for one in staged):
            raise NextactError(_unknown(user_id, erased, places))
        # the hash first: whatever happens next, a later run does not bring the user back
        stage_json(ERASED_USERS, places[ERASED_USERS], erased.with_user(user_id, moment).to_json()).put_in_place()
    except BaseException:
        discard(staged)
        raise
    for one in staged:
        one.put_in_place()
    return {
        "erased_at": moment,
        "user_sha256": erased.hash_of(user_id),
        "rows_removed": _rows_removed(staged),
        "run_id": {"before": run_id, "after": _run_id(places)},
        "refit": models_to_refit(stored.models, run_id, events_by_split),
        "not_erased": dict(stored.elsewhere),
        "still_named_in": [str(file) for file in files_naming(user_id, stored.root)] if stored.root else [],
    }


def files_naming(user_id: str, root: Path) -> list[Path]:
    """Files of Parquet and JSON anywhere under a folder that hold a user under ``user_id``."""
    tables = [file for file in sorted(root.rglob("*.parquet")) if file.is_file() and count_rows(file, user_id)]
    return tables + [file for file in sorted(root.rglob("*.json")) if file.is_file() and count_in_json(file, user_id)]


def receipt_text(receipt: Receipt) -> str:
    """A receipt in words."""
    lines = [f"Erased the user with the salted SHA-256 {receipt['user_sha256']}", "Rows removed:"]
    lines += [f"  {name}: {n:,}" for name, n in receipt["rows_removed"].items()]
    if receipt["refit"]:
        lines.append("To be fitted again (`kedro run`; the raw rows of this user are left out from now on):")
        lines += [f"  {one['model']} of run {one['run_id']}: {one['why']}" for one in receipt["refit"]]
    if receipt["not_erased"]:
        lines.append("Not erased by this command; remove the user there too:")
        lines += [f"  {name}: {place}" for name, place in receipt["not_erased"].items()]
    if receipt["still_named_in"]:
        lines.append("Still named in files that no dataset of the line owns:")
        lines += [f"  {file}" for file in receipt["still_named_in"]]
    return "\n".join(lines)


def _stage_all(stored: Stored, user_id: str) -> Iterator[Staged]:
    places = stored.places
    for name in TABLES:
        if name in places:
            yield from stage_table(name, places[name], user_id)
    yield from stage_arrays(places, user_id, stored.root)
    yield from stage_texts(places, user_id)


def _read_erased(place: Path) -> ErasedUsers:
    return ErasedUsers.from_json(read_json(place) if place.exists() else {})


def _run_id(places: Mapping[str, Path]) -> str | None:
    place = places.get(CERTIFICATE)
    return read_json(place, ("run_id",))["run_id"] if place is not None and place.exists() else None


def _rows_removed(staged: list[Staged]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in staged:
        counts[one.name] = counts.get(one.name, 0) + one.n_rows
    return {name: n for name, n in counts.items() if n}


def _unknown(user_id: str, erased: ErasedUsers, places: Mapping[str, Path]) -> str:
    moment = erased.erased_at.get(erased.hash_of(user_id))
    if moment is not None:
        return f"user {user_id!r} was erased at {moment}; nothing is stored of them, and nothing was changed"
    looked_in = ", ".join(name for name in ERASED_FROM if name in places and places[name].exists()) or "nothing"
    return f"no user {user_id!r} in {looked_in}; nothing was changed"
