"""Histories, cuts and the table of users without one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.erasing.staged import Staged, stage, stage_json
from nextact.erasing.tables import stage_indexed
from nextact.events import columns as c
from nextact.protocol import Certificate, write_certificate
from nextact.sequences.fingerprint import data_fingerprint
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts
from nextact.stored import read_array, read_json, reading, write_array

USERS, HISTORIES, CUTS = "users", "histories", ("validation_cuts", "test_cuts")
CERTIFICATE, VOCABULARY = "certificate", "vocabulary"


def stage_arrays(places: Mapping[str, Path], user_id: str, root: Path | None = None) -> Iterator[Staged]:
    """Write the arrays, and tables by ``user_index`` under ``root``, anew without a user, and certify them anew.

    Nothing where the user is not in the table of users.

    The data are others now, so the certificate names a new run: models of the old one are refused beside them until
    they are refitted.
    """
    if USERS not in places or not places[USERS].exists():
        return
    with reading(places[USERS]):
        users = pd.read_parquet(places[USERS])
    found = np.flatnonzero(users[c.USER_ID].to_numpy() == user_id)
    if not len(found):
        return
    user = int(found[0])
    kept = users.drop(index=users.index[user]).reset_index(drop=True)
    kept[c.USER_INDEX] = np.arange(len(kept))
    yield stage(USERS, places[USERS], 1, kept.to_parquet)
    histories = Histories.open(places[HISTORIES])
    rest = histories_without(histories, user)
    n_events = histories.n_events - rest.n_events
    yield stage(HISTORIES, places[HISTORIES], n_events, rest.save)
    for name in CUTS:
        yield _stage_cuts(name, places[name], user, n_events)
    if root is not None:
        yield from stage_indexed(root, user, n_events)
    yield stage_json(CERTIFICATE, places[CERTIFICATE], _recertify(places, rest).as_json())


def histories_without(histories: Histories, user: int) -> Histories:
    """All events but those of one user; later users move up by one.

    Args:
        histories: Not modified.
        user: Index of the user, 0 .. U - 1.
    """
    start, end = int(histories.offsets[user]), int(histories.offsets[user + 1])
    offsets = np.concatenate([histories.offsets[:user], histories.offsets[user + 1 :] - (end - start)])
    events = [field.name for field in fields(histories) if field.name != "offsets"]
    return replace(
        histories, offsets=offsets, **{name: _without(getattr(histories, name), start, end) for name in events}
    )


def cuts_without(cuts: Cuts, user: int, n_events: int) -> Cuts:
    """The cuts of all users but one, as positions in the arrays without that user's ``n_events`` events."""
    gone = (np.arange(len(cuts.history_end)) > user) * n_events
    moved = replace(
        cuts,
        history_end=cuts.history_end - gone,
        target_end=cuts.target_end - gone,
        training_end=cuts.learnt_until - gone,
        window_end=cuts.observed_until - gone,
    )
    return Cuts(*(np.delete(getattr(moved, field.name), user) for field in fields(moved)))


def _stage_cuts(name: str, place: Path, user: int, n_events: int) -> Staged:
    cuts = Cuts(*read_array(place, np.int64, ndim=2, mapped=False))
    rest = cuts_without(cuts, user, n_events)
    stacked = np.stack([getattr(rest, field.name) for field in fields(rest)])
    return stage(name, place, 1, lambda target: write_array(target, stacked))


def _recertify(places: Mapping[str, Path], histories: Histories) -> Certificate:
    certificate = Certificate.of_json(read_json(places[CERTIFICATE]), places[CERTIFICATE])
    protocol = certificate.protocol
    with reading(places[VOCABULARY]):
        item_ids = pd.read_parquet(places[VOCABULARY], columns=[c.ITEM_ID])[c.ITEM_ID]
    data = {"sha256": data_fingerprint(histories, item_ids), "users": histories.n_users}
    changed = protocol.model_copy(update={"data": protocol.data.model_copy(update=data)})
    return write_certificate(changed, certificate.provenance.seed, certificate.data_options)


def _without(array: NDArray[Any], start: int, end: int) -> NDArray[Any]:
    return np.concatenate([array[:start], array[end:]])
