"""Why a hybrid recommends an item: what the member says that speaks for it most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextact.models.grounds import Evidence, Ground, grounds_of
from nextact.models.hybrid.members import Members
from nextact.models.hybrid.users_at_once import AtOnce
from nextact.sequences.histories import Histories

ItemIndex = NDArray[np.int32]


def evidence_of_members(
    members: Members,
    weights: NDArray[np.float64],
    histories: Histories,
    item_index: ItemIndex,
    at_once: AtOnce | None = None,
) -> Evidence:
    """Evidence of the member with the largest weighted standardised score; where it names none, of the next.

    Args:
        members: M members.
        weights: float64 [M].
        histories: B users.
        item_index: int32 [B, K]; 0 is an empty place.
        at_once: How large a block may be.

    Returns:
        Where no member with a positive share names an item, what the member with the largest share goes by; nothing,
        where no share is positive.
    """
    found = Evidence(np.zeros_like(item_index), np.full(item_index.shape, Ground.NOTHING, np.int8))
    for users in (at_once or AtOnce()).slices(len(item_index)):
        block = histories.take(np.arange(users.start, users.stop))
        of_block = _evidence_of_block(members, weights, block, item_index[users])
        found.item_index[users], found.ground[users] = of_block.item_index, of_block.ground
    return found


def _evidence_of_block(
    members: Members, weights: NDArray[np.float64], histories: Histories, item_index: ItemIndex
) -> Evidence:
    rows, each = np.arange(len(item_index))[:, None], members.scores(histories)
    shares = np.stack([weight * of_member[rows, item_index] for weight, of_member in zip(weights, each, strict=True)])
    found = Evidence(np.zeros_like(item_index), np.full(item_index.shape, Ground.NOTHING, np.int8))
    otherwise = np.array([grounds_of(model).otherwise for model in members.models.values()], np.int8)
    best = shares.argmax(axis=0)
    adds_any = np.take_along_axis(shares, best[None], axis=0)[0] > 0
    found.ground[adds_any] = otherwise[best[adds_any]]
    for place in np.argsort(-shares, axis=0, kind="stable"):
        adds = np.take_along_axis(shares, place[None], axis=0)[0] > 0
        _ask(found, place, adds & (item_index > 0), members, histories, item_index)
    return found


def _ask(
    found: Evidence,
    place: NDArray[np.int64],
    open_places: NDArray[np.bool_],
    members: Members,
    histories: Histories,
    item_index: ItemIndex,
) -> None:
    """Fill ``found`` where nothing is known yet, asking each member only about the users of whose items it is next."""
    for member, name in enumerate(members.names):
        asked = (found.item_index == 0) & open_places & (place == member)
        users = np.flatnonzero(asked.any(axis=1))
        if len(users):
            of_member = members.explain(name, histories.take(users), item_index[users])
            names = asked[users] & (of_member.item_index > 0)
            found.item_index[users] = np.where(names, of_member.item_index, found.item_index[users])
            found.ground[users] = np.where(names, of_member.ground, found.ground[users])
