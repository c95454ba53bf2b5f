"""Where a project keeps what :mod:`nextact.erasing` erases: the data catalog of an environment, read for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession

from nextact.checks.recording import restamp, untouched, using_alone
from nextact.checks.remedies import naming_the_pipeline
from nextact.datasets.places import local_place
from nextact.erasing.erase import Stored, begin, end, put_in_place, receipt_text
from nextact.erasing.search import count_raw_rows, files_naming, word_of
from nextact.errors import NextactError
from nextact.events.contract import EventOptions, raw_sources
from nextact.models.registry import MODELS
from nextact.models.storage import FITTED_FILE
from nextact.processes.scratch import sweep
from nextact.results.erasing import Erasure, Marked, PendingErasure, Receipt, Remains
from nextact.serving.package import mark_erased
from nextact.stored import read_array, read_json, remove
from nextact.tracking.erased import mark_store
from nextact.tracking.hooks import read_options

RECEIPTS, ERASED_USERS, RECORDS = "erasures", "erased_users", "records"
CERTIFICATE, PACKAGE = "certificate", "packaged_model"
USERS_OF = {"raw_users": ("evaluation",), "feedback": ("feedback", "table")}  # raw table -> options with its user_id


def erase(user_id: str, project: Path, env: str | None) -> str:
    """Erase a user, or finish an erasure that was interrupted; store the receipt, and give it in words.

    Raises:
        NextactError: If nothing names the user, a run is under way, or a file cannot be read or written; nothing is
            changed then, or what is left to do is noted, and the same call goes on with it.
    """
    if not user_id.strip():
        raise NextactError("--user-id is empty; name the user as the events write it")
    with chdir(project), KedroSession.create(project, env=env) as session:
        context = session.load_context()
        catalog, stored = context.catalog, _stored(context)
        with naming_the_pipeline(catalog), using_alone(catalog):
            erased = stored.read()
            told, pending = [], erased.pending
            if pending is not None and pending.user_sha256 != erased.hash_of(user_id):
                told.append(_finish(context, stored, pending, None))  # of another user, whose id nobody knows here
                pending = None
            pending = pending or _begin(user_id, context, stored)
            return "\n\n".join([*told, _finish(context, stored, pending, user_id)])


def _begin(user_id: str, context: Any, stored: Stored) -> PendingErasure:
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    as_written = untouched(context.catalog, stored.derived)
    return begin(user_id, stored, moment, lambda: sum(_rows_in_raw(context, user_id)[0].values()), as_written)


def _finish(context: Any, stored: Stored, pending: PendingErasure, user_id: str | None) -> str:
    """All that follows once it is noted; each step does what is not done yet, and the note goes last."""
    catalog, moment = context.catalog, pending.erased_at
    put_in_place(stored, pending)
    marked = _mark_stale(context, stored, moment) if pending.events_learnt_from else Marked()
    restamp(catalog, pending.as_written)
    _remove_unfinished(context)
    remains, searched = _search(context, stored, user_id)
    removed = {name: getattr(pending, name) for name in Erasure.model_fields}
    receipt = Receipt(**removed, **dict(marked), run_id=_run_id(stored), remains=remains, searched=searched)
    name = moment.replace(":", "") + "-" + receipt.user_sha256[:12]
    catalog.save(RECEIPTS, {name: receipt.as_json()})
    end(stored)
    return f"{receipt_text(receipt)}\nReceipt: {_receipts(catalog) / name}.json"


def _mark_stale(context: Any, stored: Stored, moment: str) -> Marked:
    """Have records, package and MLflow say that they learnt from a user who is erased since; which models did."""
    book = context.catalog.get(RECORDS).load()
    empty = [name for name, place in stored.derived.items() if place.suffix == ".npy" and _is_empty(place)]
    book.mark_erased("histories", moment, but=[CERTIFICATE, *empty])
    if PACKAGE in stored.derived:
        mark_erased(stored.derived[PACKAGE], moment)
    models = {name: place for name, place in stored.derived.items() if place.is_dir() and any(_models_in(place))}
    with_vectors = (name for name, place in models.items() if any(map(_keeps_users, _models_in(place))))
    return Marked(
        stale=tuple(models),
        stale_with_vectors_of_users=tuple(with_vectors),
        mlflow=mark_store(_tracking(context), _run_id(stored), moment),
    )


def _stored(context: Any) -> Stored:
    """The places of all that some pipeline makes, and of the hashes."""
    catalog = context.catalog
    places = {name: place for name in _made() if (place := local_place(catalog.get(name))) is not None}
    erased_users = local_place(catalog.get(ERASED_USERS))
    if erased_users is None:
        raise NextactError(f"{ERASED_USERS} must lie on this machine: what it says finishes an erasure that was killed")
    return Stored(places, erased_users)


def _remove_unfinished(context: Any) -> None:
    """What killed runs left: states of trainings that learnt from the user, copies of histories, spilled tables."""
    folder = context.config_loader["parameters"].get("launch", {}).get("checkpoint_folder")
    if folder:
        remove(Path(folder))
    sweep()
    sweep(Path(".tmp"))


def _search(context: Any, stored: Stored, user_id: str | None) -> tuple[Remains, tuple[str, ...]]:
    """What still names the user, and where that was looked for; nothing where the id is not known."""
    if user_id is None:
        why = "all: a call for another user finished this"
        return Remains(raw_rows={}, files=(), not_searched=(why,)), ()
    catalog, tracking = context.catalog, _tracking(context)
    roots = [context.config_loader["globals"]["data"], "data", "notebooks", tracking.database, tracking.artifacts]
    there = {Path(root).absolute() for root in roots if root and Path(root).exists()}
    searched = sorted(root for root in there if not there & {*root.parents})
    raw = {name: local_place(catalog.get(name)) for name in ("raw_events", *USERS_OF) if name in catalog}
    known = [*filter(None, raw.values()), stored.erased_users, _receipts(catalog)]
    rows, unread = _rows_in_raw(context, user_id)
    no_files = [f"{name}: {type(catalog.get(name)).__name__}" for name in _made() if name not in stored.derived]
    files = [word_of(user_id).sub(b"USER", bytes(file)) for file in files_naming(user_id, searched, known)]
    remains = Remains(
        raw_rows={place: n for place, n in rows.items() if n},
        files=tuple(os.fsdecode(file) for file in files),
        not_searched=(*unread, *no_files),
    )
    return remains, (*raw, *map(str, searched))


def _rows_in_raw(context: Any, user_id: str) -> tuple[dict[str, int], list[str]]:
    """Rows of the user by raw table and column, and the tables that cannot be read, with the reason."""
    counts: dict[str, int] = {}
    unread = []
    for name in ("raw_events", *USERS_OF):
        try:
            for place, (table, column) in _raw_tables(context, name).items():
                counts[f"{place}[{column!r}]"] = count_raw_rows(table, place, column, user_id)
        except Exception as error:  # a database that is down, a file that is gone: said, and the rest is done
            unread.append(f"{name}: {' '.join(str(error).split())[:300]}")
    return counts, unread


def _raw_tables(context: Any, name: str) -> dict[str, tuple[Any, str]]:
    """Table by table what a raw dataset loads, with the column of its users."""
    if name not in context.catalog:
        return {}
    loaded, options = context.catalog.load(name), context.config_loader["parameters"]
    if loaded is None:
        return {}
    if name == "raw_events":
        events = EventOptions(**options["events"])
        maps = events.column_maps()
        return {
            (source if source == name else f"{name}.{source}"): (table, maps[source].user_id)
            for source, table in raw_sources(loaded, events).items()
        }
    for part in USERS_OF[name]:
        options = options.get(part, {})
    return {name: (loaded, options.get("user_id", "user_id"))}


def _made() -> list[str]:
    return sorted({name for one in pipelines.values() for name in one.all_outputs()})


def _is_empty(place: Path) -> bool:
    """Whether an array holds nothing: vectors that the options do not ask for."""
    return place.exists() and not read_array(place, None, ndim=2).size


def _models_in(place: Path) -> Iterator[Path]:
    """What describes the model that stands there, and each member or part of it."""
    return place.rglob(FITTED_FILE)


def _keeps_users(described: Path) -> bool:
    """Whether a model keeps a vector of each user that it learnt from."""
    one = read_json(described, ("family", "name"))
    return MODELS[one["family"]][one["name"]].keeps_users


def _run_id(stored: Stored) -> str | None:
    place = stored.derived.get(CERTIFICATE)
    return read_json(place, ("run_id",))["run_id"] if place is not None and place.exists() else None


def _tracking(context: Any) -> Any:
    return read_options(context.config_loader, Path(context.project_path))


def _receipts(catalog: Any) -> Path:
    return Path(catalog.get(RECEIPTS)._path)
