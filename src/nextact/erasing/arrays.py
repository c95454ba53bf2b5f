"""Users, histories and cuts without one user, whose place stays: nobody else's index changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from nextact.erasing.changes import Change, Erased, stage
from nextact.events import columns as c
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts
from nextact.stored import read_array, reading, write_array

USERS, HISTORIES, CUTS = "users", "histories", ("validation_cuts", "test_cuts")
ARRAYS = (USERS, HISTORIES, *CUTS)


def find(user_id: str, places: Mapping[str, Path]) -> Erased:
    """The user with their place in the arrays, where they have one."""
    if USERS not in places or not places[USERS].exists():
        return Erased(user_id)
    with reading(places[USERS]):
        found = np.flatnonzero(pd.read_parquet(places[USERS])[c.USER_ID].to_numpy() == user_id)
    if not len(found):
        return Erased(user_id)
    user, offsets = int(found[0]), Histories.open(places[HISTORIES]).offsets
    first, learnt_until = int(offsets[user]), _read_cuts(places[CUTS[0]]).observed_until[user]
    return Erased(user_id, user, first, int(offsets[user + 1]) - first, int(learnt_until) - first)


def stage_arrays(places: Mapping[str, Path], whom: Erased) -> Iterator[Change]:
    """Write users, histories and cuts anew; nothing where the user is not in the table of users."""
    if whom.user_index is None:
        return
    users = pd.read_parquet(places[USERS])
    users.loc[users.index[whom.user_index], c.USER_ID] = c.NOBODY
    yield stage(USERS, places[USERS], 1, users.to_parquet)
    rest = histories_without(Histories.open(places[HISTORIES]), whom)
    yield stage(HISTORIES, places[HISTORIES], whom.n_events, rest.save)
    for name in CUTS:
        cuts = cuts_without(_read_cuts(places[name]), whom)
        stacked = np.stack([getattr(cuts, field.name) for field in fields(cuts)])
        yield stage(name, places[name], 1, partial(write_array, array=stacked))


def histories_without(histories: Histories, whom: Erased) -> Histories:
    """The same users, one of them without events."""
    end = whom.first + whom.n_events
    arrays = {field.name: getattr(histories, field.name) for field in fields(histories) if field.name != "offsets"}
    rest = {name: np.concatenate([array[: whom.first], array[end:]]) for name, array in arrays.items()}
    return replace(histories, offsets=whom.moved(histories.offsets), **rest)


def cuts_without(cuts: Cuts, whom: Erased) -> Cuts:
    """The cuts of the same users, one of them with nothing held out."""
    n_missing = cuts.n_missing.copy()
    n_missing[whom.user_index] = 0
    positions = (cuts.history_end, cuts.target_end, cuts.learnt_until, cuts.observed_until)
    history_end, target_end, training_end, window_end = map(whom.moved, positions)
    return Cuts(history_end, target_end, n_missing, training_end, window_end)


def _read_cuts(place: Path) -> Cuts:
    return Cuts(*read_array(place, np.int64, ndim=2, mapped=False))
