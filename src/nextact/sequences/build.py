"""From labelled events to a vocabulary, histories and cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.options import options
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts
from nextact.sequences.row_places import KINDS, Places
from nextact.sequences.writing import HistoriesWriter, add_counts


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

    The engine hands rows out in any order, a batch at a time, and each is put where ``place`` says; they go on into
    memory-mapped files, and what is counted is counted by user, so that memory grows with the users and not with the
    events. The files lie in the folder for temporary files (``TMPDIR``) and go when the arrays go.

    Args:
        events: Accepted events with ``step``, ``split`` and ``is_target``; where there is no ``place``, events are
            ordered by ``step``, ``timestamp``, ``position`` and ``source_row``.
        vocabulary: The catalogue; events of other items are left out of the arrays, and counted as missing where they
            are targets.
        event_types: Declared behaviours, in the order of their codes.

    Returns:
        Users in the order of ``user_id``, those without any catalogue event too.
    """
    if c.PLACE not in events.columns:
        events = events.mutate(**{c.PLACE: _place(events)})
    counted = events.group_by(c.USER_ID).aggregate(n_places=events[c.PLACE].max() + 1).order_by(c.USER_ID).execute()
    users = pd.DataFrame({c.USER_INDEX: np.arange(len(counted)), c.USER_ID: counted[c.USER_ID]})
    coded = _coded(events, vocabulary, users, event_types)
    places = Places(counted["n_places"].to_numpy(np.int64))
    for batch in (
        coded.filter(coded[c.ITEM_INDEX].notnull()).select(*BATCH_COLUMNS).to_pyarrow_batches(chunk_size=BATCH_ROWS)
    ):
        places.put({name: batch[name].to_numpy(zero_copy_only=False) for name in BATCH_COLUMNS})
    writer = HistoriesWriter(places.n_put, len(users))
    held_out = [_HeldOut(coded, name, len(users)) for name in ("validation", "test")]
    for arrays in places.batches(BATCH_ROWS):
        writer.append(arrays)
        for one in held_out:
            one.count(arrays)
    histories = writer.close()
    validation, test = (one.cuts(histories.offsets[:-1]) for one in held_out)
    return BuiltHistories(users, histories, validation, test)


SPLITS = ("train", "validation", "test")  # those before a holdout are known to it
TRAIN = SPLITS.index("train")
NO_STEP = -1
BATCH_ROWS = 500_000
BATCH_COLUMNS = (c.USER_INDEX, c.PLACE, *KINDS)


def _place(events: ibis.Table) -> ibis.Value:
    in_order = [c.STEP, c.TIMESTAMP, c.POSITION, c.SOURCE_ROW]
    return ibis.row_number().over(ibis.window(group_by=c.USER_ID, order_by=in_order)).cast("int64")


def _coded(
    events: ibis.Table, vocabulary: pd.DataFrame, users: pd.DataFrame, event_types: tuple[str, ...]
) -> ibis.Table:
    items = ibis.memtable(vocabulary[[c.ITEM_INDEX, c.ITEM_ID]])
    coded = events.left_join(items, c.ITEM_ID).drop(f"{c.ITEM_ID}_right")
    coded = coded.left_join(ibis.memtable(users), c.USER_ID).drop(f"{c.USER_ID}_right")
    types = ibis.cases(*((coded[c.EVENT_TYPE] == name, code) for code, name in enumerate(event_types)), else_=None)
    splits = ibis.cases(*((coded[c.SPLIT] == name, code) for code, name in enumerate(SPLITS)), else_=None)
    return coded.mutate(event_code=types.cast("int8"), split_code=splits.cast("int8"))


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


class _HeldOut:
    """Counts the events of each user that make the cuts of one holdout, a batch at a time.

    A user's history ends where the target step starts; without a target, where the splits known before end.
    """

    def __init__(self, coded: ibis.Table, name: str, n_users: int) -> None:
        self.split = SPLITS.index(name)
        self.target_step, self.n_missing = np.full(n_users, NO_STEP), np.zeros(n_users, np.int64)
        targets = coded.filter(coded[c.IS_TARGET] & (coded[c.SPLIT] == name))
        lost = targets[c.ITEM_ID].nunique(where=targets[c.ITEM_INDEX].isnull())
        found = targets.group_by(c.USER_INDEX).aggregate(step=targets[c.STEP].max(), lost=lost).execute()
        users = found[c.USER_INDEX].to_numpy(np.int64)
        self.target_step[users] = found["step"].to_numpy(np.int64)
        self.n_missing[users] = found["lost"].to_numpy(np.int64)
        self.n_before, self.n_targets, self.n_training, self.n_known = (np.zeros(n_users, np.int64) for _ in range(4))

    def count(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Add a batch."""
        user, split = arrays[c.USER_INDEX], arrays["split_code"]
        target_step = self.target_step[user]
        before = np.where(target_step == NO_STEP, split < self.split, arrays[c.STEP] < target_step)
        targets = (split == self.split) & arrays[c.IS_TARGET].astype(bool)
        totals = (self.n_before, self.n_targets, self.n_training, self.n_known)
        for total, counted in zip(totals, (before, targets, split == TRAIN, split <= self.split), strict=True):
            add_counts(total, user[counted])

    def cuts(self, starts: NDArray[np.int64]) -> Cuts:
        """The cuts, once all batches were counted; ``starts`` are the users' first positions."""
        history_end = starts + self.n_before
        target_end = history_end + self.n_targets
        return Cuts(history_end, target_end, self.n_missing, starts + self.n_training, starts + self.n_known)
