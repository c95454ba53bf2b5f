"""From labelled events to a vocabulary, histories and cuts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.options import options
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts


@options
class VocabularyOptions:
    """Which items can be recommended.

    Attributes:
        cold_items: Keep items of the item table that no training event names. Only text can score them, and each
            makes every score matrix wider; without it the catalogue is what training events name.
    """

    cold_items: bool = False


def fit_vocabulary(events: ibis.Table, items: ibis.Table, options: VocabularyOptions) -> pd.DataFrame:
    """Item indices 1 .. n_items in the order of ``item_id``.

    Args:
        events: Accepted events with ``split``; training events alone are counted.
        items: The item table, one row per ``item_id``.
        options: Whether cold items get an index.

    Returns:
        Frame with ``item_index``, ``item_id``, ``n_training_events``.
    """
    training = events.filter(events[c.SPLIT] == "train")
    counts: pd.DataFrame = training.group_by(c.ITEM_ID).aggregate(**{c.N_TRAINING_EVENTS: training.count()}).execute()
    if options.cold_items:
        known = pd.DataFrame({c.ITEM_ID: items.select(c.ITEM_ID).distinct().execute()[c.ITEM_ID]})
        counts = counts.merge(known, on=c.ITEM_ID, how="outer").fillna({c.N_TRAINING_EVENTS: 0})
    if counts.empty:
        raise NextactError("vocabulary: no training event names an item")
    counts = counts.sort_values(c.ITEM_ID, ignore_index=True).astype({c.N_TRAINING_EVENTS: "int64"})
    counts.insert(0, c.ITEM_INDEX, np.arange(1, len(counts) + 1, dtype=np.int32))
    return counts


@dataclass(frozen=True)
class BuiltHistories:
    """Arrays of all users and the cuts of both holdouts; ``user_ids[u]`` is user u of the arrays."""

    user_ids: pd.DataFrame
    histories: Histories
    validation: Cuts
    test: Cuts


def build_histories(events: ibis.Table, vocabulary: pd.DataFrame, event_types: tuple[str, ...]) -> BuiltHistories:
    """Write catalogue events into flat arrays, oldest first, and find each user's cuts.

    Args:
        events: Accepted events with ``step``, ``split`` and ``is_target``.
        vocabulary: The catalogue; events of other items are left out of the arrays, and counted as missing where they
            are targets.
        event_types: Declared behaviours, in the order of their codes.

    Returns:
        Users in the order of ``user_id``, those without any catalogue event too.
    """
    users = events.select(c.USER_ID).distinct().order_by(c.USER_ID).execute()
    users.insert(0, c.USER_INDEX, np.arange(len(users)))
    coded = _coded(events, vocabulary, users, event_types)
    known = coded.filter(coded[c.ITEM_INDEX].notnull())
    ordered = known.order_by([c.USER_INDEX, c.STEP, c.TIMESTAMP, c.POSITION, c.SOURCE_ROW])
    arrays = _read_arrays(ordered, int(known.count().execute()))
    histories = histories_of_rows(arrays, len(users))
    targets = coded.filter(coded[c.IS_TARGET])
    validation = _cuts(histories, arrays, ("train",), "validation", targets)
    test = _cuts(histories, arrays, ("train", "validation"), "test", targets)
    return BuiltHistories(users, histories, validation, test)


SPLITS = ("train", "validation", "test")
NO_STEP = -1


def _coded(
    events: ibis.Table, vocabulary: pd.DataFrame, users: pd.DataFrame, event_types: tuple[str, ...]
) -> ibis.Table:
    items = ibis.memtable(vocabulary[[c.ITEM_INDEX, c.ITEM_ID]])
    coded = events.left_join(items, c.ITEM_ID).drop(f"{c.ITEM_ID}_right")
    coded = coded.left_join(ibis.memtable(users), c.USER_ID).drop(f"{c.USER_ID}_right")
    types = ibis.cases(*((coded[c.EVENT_TYPE] == name, code) for code, name in enumerate(event_types)), else_=None)
    splits = ibis.cases(*((coded[c.SPLIT] == name, code) for code, name in enumerate(SPLITS)), else_=None)
    return coded.mutate(event_code=types.cast("int8"), split_code=splits.cast("int8"))


def _read_arrays(ordered: ibis.Table, n_events: int) -> dict[str, NDArray[np.generic]]:
    """Columns as arrays, a record batch at a time, so that the table never stands in memory twice."""
    kinds = {
        c.USER_INDEX: np.int64,
        c.ITEM_INDEX: np.int32,
        "event_code": np.int8,
        c.TIMESTAMP: np.int64,
        c.STEP: np.int64,
        "split_code": np.int8,
        c.IS_TARGET: np.bool_,
    }
    arrays: dict[str, NDArray[np.generic]] = {name: np.empty(n_events, kind) for name, kind in kinds.items()}
    for start, batch in _batches(ordered.select(*kinds)):
        for name, array in arrays.items():
            array[start : start + len(batch)] = batch[name].to_numpy(zero_copy_only=False)
    return arrays


def _batches(table: ibis.Table) -> Iterator[tuple[int, ibis.expr.types.Table]]:
    start = 0
    for batch in table.to_pyarrow_batches(chunk_size=500_000):
        yield start, batch
        start += len(batch)


def histories_of_rows(arrays: dict[str, NDArray[np.generic]], n_users: int) -> Histories:
    """Histories of catalogue events that are ordered by user and, within a user, oldest first.

    Args:
        arrays: ``user_index``, ``item_index``, ``event_code``, ``timestamp`` and ``step``, one entry an event.
        n_users: Users 0 .. n_users - 1, those without an event too.

    Returns:
        A step starts wherever the user or ``step`` changes.
    """
    user, step = arrays[c.USER_INDEX], arrays[c.STEP]
    starts = np.ones(len(user), np.bool_)
    starts[1:] = (user[1:] != user[:-1]) | (step[1:] != step[:-1])
    offsets = np.searchsorted(user, np.arange(n_users + 1)).astype(np.int64)
    return Histories(
        offsets,
        arrays[c.ITEM_INDEX].astype(np.int32, copy=False),
        arrays["event_code"].astype(np.int8, copy=False),
        arrays[c.TIMESTAMP].astype(np.int64, copy=False),
        starts,
    )


def _cuts(
    histories: Histories,
    arrays: dict[str, NDArray[np.generic]],
    known: tuple[str, ...],
    held_out: str,
    targets: ibis.Table,
) -> Cuts:
    """A user's history ends where the target step starts; without a target, where the known splits end."""
    split, user = arrays["split_code"], histories.users_of_events
    n_users = histories.n_users
    is_known = np.isin(split, [SPLITS.index(name) for name in known])
    target = (split == SPLITS.index(held_out)) & arrays[c.IS_TARGET].astype(bool)
    wanted = targets.filter(targets[c.SPLIT] == held_out).select(c.USER_INDEX, c.STEP, c.ITEM_INDEX, c.ITEM_ID)
    rows = wanted.distinct().execute()
    target_step = np.full(n_users, NO_STEP)
    target_step[rows[c.USER_INDEX].to_numpy(np.int64)] = rows[c.STEP].to_numpy(np.int64)
    before = np.where(target_step[user] == NO_STEP, is_known, arrays[c.STEP] < target_step[user])
    history_end = histories.offsets[:-1] + np.bincount(user[before], minlength=n_users)
    lost = rows.loc[rows[c.ITEM_INDEX].isna(), c.USER_INDEX].to_numpy(np.int64)
    return Cuts(
        history_end.astype(np.int64),
        (history_end + np.bincount(user[target], minlength=n_users)).astype(np.int64),
        np.bincount(lost, minlength=n_users).astype(np.int64),
        (histories.offsets[:-1] + np.bincount(user[split == SPLITS.index("train")], minlength=n_users)).astype(
            np.int64
        ),
    )
