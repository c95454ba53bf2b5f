"""Why a hybrid recommends an item: what the member says that speaks for it most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
) -> ItemIndex:
    """Evidence of the member with the largest weighted standardised score; where it names none, of the next.

    Args:
        members: M members.
        weights: float64 [M].
        histories: B users.
        item_index: int32 [B, K]; 0 is an empty place.
        at_once: How large a block may be.

    Returns:
        int32 [B, K]; 0 where no member with a positive share names anything.
    """
    found = np.zeros_like(item_index)
    for users in (at_once or AtOnce()).slices(len(item_index)):
        block = histories.take(np.arange(users.start, users.stop))
        found[users] = _evidence_of_block(members, weights, block, item_index[users])
    return found


def _evidence_of_block(
    members: Members, weights: NDArray[np.float64], histories: Histories, item_index: ItemIndex
) -> ItemIndex:
    rows, each = np.arange(len(item_index))[:, None], members.each_scores(histories)
    shares = np.stack([weight * of_member[rows, item_index] for weight, of_member in zip(weights, each, strict=True)])
    found = np.zeros_like(item_index)
    for place in np.argsort(-shares, axis=0, kind="stable"):
        adds = np.take_along_axis(shares, place[None], axis=0)[0] > 0
        _ask(found, place, adds & (item_index > 0), members, histories, item_index)
    return found


def _ask(
    found: ItemIndex,
    place: NDArray[np.int64],
    open_places: NDArray[np.bool_],
    members: Members,
    histories: Histories,
    item_index: ItemIndex,
) -> None:
    """Fill ``found`` where nothing is known yet, asking each member only about the users of whose items it is next."""
    for member, name in enumerate(members.names):
        asked = (found == 0) & open_places & (place == member)
        users = np.flatnonzero(asked.any(axis=1))
        if len(users):
            named = members.evidence(name, histories.take(users), item_index[users])
            found[users] = np.where(asked[users], named, found[users])
