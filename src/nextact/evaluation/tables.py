"""Readings of test as flat tables, so that notebooks and later nodes need neither a model nor the split."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.evaluation.one_pass import ModelReading
from nextact.events import columns as c
from nextact.metrics.targets import Targets
from nextact.metrics.tie_groups import TargetRanks
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, Holdout

MODEL, HISTORY_END, N_MISSING = "model", "history_end", "n_missing"
N_GREATER, N_EQUAL, ALLOWED, DEPTH = "n_greater", "n_equal", "allowed", "depth"
LOG_PROBABILITY, RANK, PROBABILITY, IS_HIT = "log_probability", "rank", "probability", "is_hit"


def user_table(holdout: Holdout, cuts: Cuts) -> pd.DataFrame:
    """One row a held-out user.

    Returns:
        ``user_index``; ``history_end``, the position in the histories' arrays at which the known events end; and
        ``n_missing``, relevant items outside the catalogue.
    """
    return pd.DataFrame(
        {
            c.USER_INDEX: holdout.users,
            HISTORY_END: cuts.history_end[holdout.users],
            N_MISSING: holdout.targets.n_missing,
        }
    )


def target_table(holdout: Holdout, histories: Histories, cuts: Cuts) -> pd.DataFrame:
    """One row a relevant catalogue item of a held-out user, in the order of the holdout's targets.

    Returns:
        ``user_index``, ``item_index``, and ``event_type`` (its code) and ``timestamp`` of the item's first event in
        the target step.
    """
    events = histories.between(cuts.history_end[holdout.users], cuts.target_end[holdout.users])
    table = pd.DataFrame(
        {
            c.USER_INDEX: holdout.users[events.users_of_events],
            c.ITEM_INDEX: events.item_index,
            c.EVENT_TYPE: events.event_type,
            c.TIMESTAMP: events.timestamp,
        }
    )
    first = table.drop_duplicates([c.USER_INDEX, c.ITEM_INDEX])
    return first.sort_values([c.USER_INDEX, c.ITEM_INDEX], ignore_index=True)


def rank_table(readings: Mapping[str, ModelReading], targets: pd.DataFrame) -> pd.DataFrame:
    """One row a model and relevant item: where it stands.

    Returns:
        ``model``, ``user_index``, ``item_index``; ``n_greater`` (at most ``depth``) and ``n_equal`` items with a
        higher and with the same score, ``allowed``, ``depth``, and the ``log_probability``.
    """
    keys = targets[[c.USER_INDEX, c.ITEM_INDEX]].reset_index(drop=True)
    return _by_model([pd.concat([keys, _ranks_of(name, reading)], axis=1) for name, reading in readings.items()])


def list_table(readings: Mapping[str, ModelReading], holdout: Holdout, length: int) -> pd.DataFrame:
    """One row a model, user and filled place of the list.

    Returns:
        ``model``, ``user_index``, ``rank``, ``item_index``, ``probability``, and ``is_hit``.
    """
    return _by_model([_lists_of(name, reading, holdout, length) for name, reading in readings.items()])


def targets_of(users: pd.DataFrame, targets: pd.DataFrame) -> Targets:
    """The relevant items of the users of :func:`user_table`, in its order."""
    counts = targets[c.USER_INDEX].value_counts().reindex(users[c.USER_INDEX], fill_value=0)
    offsets = np.concatenate([[0], np.cumsum(counts.to_numpy())])
    return Targets(offsets, targets[c.ITEM_INDEX].to_numpy(), users[N_MISSING].to_numpy())


def ranks_of(ranks: pd.DataFrame, model: str) -> TargetRanks:
    """The ranks of one model in the table of :func:`rank_table`."""
    rows = ranks[ranks[MODEL] == model]
    n_greater, n_equal = (rows[name].to_numpy(np.int64) for name in (N_GREATER, N_EQUAL))
    return TargetRanks(n_greater, n_equal, rows[ALLOWED].to_numpy(bool), int(rows[DEPTH].max()) if len(rows) else 0)


def hits(lists: NDArray[np.int32], targets: Targets) -> NDArray[np.bool_]:
    """Whether each listed item is relevant, bool [users, k].

    Example:
        >>> hits(np.array([[2, 1], [2, 0]], np.int32), Targets.from_lists([[1], [2]])).tolist()
        [[False, True], [True, False]]
    """
    rows = np.arange(len(lists))[:, None]
    n_items = int(max(lists.max(initial=0), targets.item_index.max(initial=0)))
    keys = targets.users_of_items * (n_items + 1) + targets.item_index
    return np.isin(rows * (n_items + 1) + lists, keys)


def _ranks_of(name: str, reading: ModelReading) -> pd.DataFrame:
    return pd.DataFrame(
        {
            MODEL: name,
            N_GREATER: reading.ranks.n_greater.astype(np.int32),
            N_EQUAL: reading.ranks.n_equal.astype(np.int32),
            ALLOWED: reading.ranks.allowed,
            DEPTH: np.int32(reading.ranks.depth),
            LOG_PROBABILITY: reading.log_probability,
        }
    )


def _lists_of(name: str, reading: ModelReading, holdout: Holdout, length: int) -> pd.DataFrame:
    lists = reading.lists[:, :length]
    n_users, length = lists.shape
    table = pd.DataFrame(
        {
            c.USER_INDEX: np.repeat(holdout.users, length),
            RANK: np.tile(np.arange(1, length + 1, dtype=np.int32), n_users),
            c.ITEM_INDEX: lists.ravel(),
            PROBABILITY: reading.probability[:, :length].ravel(),
            IS_HIT: hits(lists, holdout.targets).ravel(),
            MODEL: name,
        }
    )
    return table[table[c.ITEM_INDEX] > 0]


def _by_model(parts: list[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat(parts, ignore_index=True)
    return table[[MODEL, *table.columns.drop(MODEL)]]
