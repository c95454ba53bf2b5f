"""From the rows of a request to histories, by the rules of the batch line; what is not understood is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError, TableError
from nextact.events import columns as c
from nextact.events import reasons
from nextact.sequences.build import histories_of_rows
from nextact.sequences.histories import Histories
from nextact.serving.package import Manifest
from nextact.serving.request_columns import HISTORY, UNIT_WORDS, with_event_columns
from nextact.serving.rows import BEYOND_THE_LOG, ReadRows, RowReader

EVENTS, UNKNOWN_EVENTS, UNKNOWN_ITEM, REPEATED_EVENTS = "events", "unknown_events", "unknown_item", "repeated_events"


@dataclass(frozen=True)
class RequestedHistories:
    """What a request asks about.

    Attributes:
        user_ids: In the order of their first row, object [U].
        histories: Of these users; empty for one who did nothing, or nothing with an item of the catalogue.
        report: A row a user: ``user_id``, ``events`` that count, ``unknown_events`` whose item the model does not know
            with one such ``unknown_item`` (None without any), ``repeated_events`` left out as exact repeats.
        ignored: Columns of the request that say nothing to the model.
    """

    user_ids: NDArray[np.object_]
    histories: Histories
    report: pd.DataFrame
    ignored: tuple[str, ...] = ()


def read_request(
    rows: pd.DataFrame | Sequence[Mapping[str, Any]], reader: RowReader, item_index: Mapping[str, int]
) -> RequestedHistories:
    """Histories of the users in a request.

    Args:
        rows: A frame or dictionaries, in any order; columns as in :mod:`nextact.serving.request_columns`. Rows at one
            moment keep their order. A row with nothing but a user is a user without events.
        reader: Of the package that answers.
        item_index: Index of each item that it knows.

    Raises:
        NextactError: If there is no row, or a column is missing, unknown or of the wrong type.
        TableError: If a value breaks the contract.
    """
    frame = pd.DataFrame(rows).reset_index(drop=True)
    if frame.empty:
        raise NextactError(f"{HISTORY}: no row; for a user without events send a row with the user_id alone")
    read = reader.read(with_event_columns(frame, reader.manifest.events))
    events = _without_faults(read, frame, reader.manifest)
    user_ids = events.sort_values(c.SOURCE_ROW)[c.USER_ID].drop_duplicates().to_numpy(dtype=object)
    position = {user_id: place for place, user_id in enumerate(user_ids)}
    events = events[read.is_event[events[c.SOURCE_ROW]]]
    events = events.assign(
        **{c.USER_INDEX: events[c.USER_ID].map(position), c.ITEM_INDEX: events[c.ITEM_ID].map(item_index)}
    )
    known = events[events[c.REJECTED_REASON].isna() & events[c.ITEM_INDEX].notna()]
    histories = _histories(known, reader.manifest, len(user_ids))
    return RequestedHistories(user_ids, histories, _report(events, user_ids), read.ignored)


def _without_faults(read: ReadRows, frame: pd.DataFrame, manifest: Manifest) -> pd.DataFrame:
    """Rows in the contract's columns; exact repeats are marked, other faults refused."""
    rows = read.events
    reason = rows[c.REJECTED_REASON]
    no_user = reason == reasons.MISSING.format(c.USER_ID)
    is_event = read.is_event[rows[c.SOURCE_ROW]]
    broken = rows[(reason.notna() & (reason != reasons.REPEAT) & is_event) | no_user]
    if len(broken):
        _refuse(broken.sort_values(c.SOURCE_ROW), read, frame, manifest)
    return rows


def _refuse(broken: pd.DataFrame, read: ReadRows, frame: pd.DataFrame, manifest: Manifest) -> None:
    reason, row = str(broken[c.REJECTED_REASON].iloc[0]), int(broken[c.SOURCE_ROW].iloc[0])
    field, problem = reason.split(" ", 1)
    columns = read.columns[read.source[row]].map
    if field == c.POSITION and not manifest.has_times:
        problem += " (this log has no times: an integer position is needed)"
    if reason in (reasons.NOT_DECLARED, reasons.NOT_IN_MAP):
        problem = f"is not declared (known: {', '.join(columns.event_type_map or manifest.event_types)})"
    if reason == reasons.OTHER_UNIT:
        problem += f" (numbers are read as {UNIT_WORDS.get(columns.timestamp_unit, 'microseconds')} since 1970 UTC)"
    if reason == BEYOND_THE_LOG:
        problem += f" (which runs from {manifest.oldest} to {manifest.newest})"
    name = getattr(columns, field) or field
    example = frame[name].iloc[[row]].tolist()[0] if name in frame else None  # as Python writes it, not numpy
    raise TableError(f"{HISTORY}[{name!r}]", problem, int((broken[c.REJECTED_REASON] == reason).sum()), example)


def _histories(known: pd.DataFrame, manifest: Manifest, n_users: int) -> Histories:
    ordered = known.sort_values(c.USER_INDEX, kind="stable")  # within a user they are in order already
    codes = {name: code for code, name in enumerate(manifest.event_types)}
    arrays: dict[str, NDArray[np.generic]] = {
        name: ordered[name].to_numpy(np.int64) for name in (c.USER_INDEX, c.ITEM_INDEX, c.TIMESTAMP, c.STEP)
    }
    arrays["event_code"] = ordered[c.EVENT_TYPE].map(codes).to_numpy(np.int8)
    return histories_of_rows(arrays, n_users)


def _report(events: pd.DataFrame, user_ids: NDArray[np.object_]) -> pd.DataFrame:
    user = events[c.USER_INDEX].to_numpy(np.int64)
    repeated = events[c.REJECTED_REASON].notna().to_numpy(bool)
    unknown = events[c.ITEM_INDEX].isna().to_numpy(bool) & ~repeated
    examples = events[unknown].drop_duplicates(c.USER_INDEX).set_index(c.USER_INDEX)[c.ITEM_ID].to_dict()

    def count(which: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(user[which], minlength=len(user_ids))

    return pd.DataFrame(
        {
            c.USER_ID: user_ids,
            EVENTS: count(~repeated & ~unknown),
            UNKNOWN_EVENTS: count(unknown),
            UNKNOWN_ITEM: pd.Series([examples.get(place) for place in range(len(user_ids))], dtype=object),
            REPEATED_EVENTS: count(repeated),
        }
    )
