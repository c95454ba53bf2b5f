"""Right and wrong recommendations in words."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.evaluation.slices import HeldOut
from nextact.evaluation.tables import IS_HIT, MODEL, PROBABILITY, RANK
from nextact.events import columns as c
from nextact.results.evaluation import Example, Place

PAST, SHOWN, ASKED = 4, 5, 4  # items told of a user's history, list and target


def pick_examples(
    held_out: HeldOut,
    lists: pd.DataFrame,
    model: str,
    user_ids: Sequence[str],
    item_names: Sequence[str],
    n_examples: int,
    seed: int,
) -> dict[str, tuple[Example, ...]]:
    """A random draw of users whose list holds a relevant item, and of users whose list holds none.

    Args:
        held_out: Users and arrays.
        lists: Of all models.
        model: Whose lists.
        user_ids: Id of each user index.
        item_names: Words for each item index; position 0 is padding.
        n_examples: Most of each kind.
        seed: Of the draw.

    Returns:
        ``right`` and ``wrong``. Users whose relevant items are all outside the catalogue are in neither.
    """
    own = lists[lists[MODEL] == model]
    hit = own.groupby(c.USER_INDEX)[IS_HIT].any()
    hit = hit[hit.index.isin(held_out.targets[c.USER_INDEX])]
    rng = np.random.default_rng(seed)
    drawn = {
        kind: np.sort(rng.permutation(np.array(hit.index[hit == is_right]))[:n_examples])
        for kind, is_right in (("right", True), ("wrong", False))
    }
    return {
        kind: tuple(_tell(int(user), held_out, own, user_ids, item_names) for user in users)
        for kind, users in drawn.items()
    }


def _tell(
    user: int, held_out: HeldOut, own: pd.DataFrame, user_ids: Sequence[str], item_names: Sequence[str]
) -> Example:
    at = int(np.flatnonzero(held_out.users[c.USER_INDEX] == user)[0])
    known = held_out.known
    past = _newest(known.item_index[known.offsets[at] : known.offsets[at + 1]], PAST)
    chosen = held_out.targets.loc[held_out.targets[c.USER_INDEX] == user, c.ITEM_INDEX]
    return Example(
        user_id=user_ids[user],
        history=tuple(item_names[item] for item in past),
        recommended=tuple(
            Place(
                rank=int(row[RANK]),
                item=item_names[int(row[c.ITEM_INDEX])],
                probability=float(row[PROBABILITY]),
                is_hit=bool(row[IS_HIT]),
            )
            for row in _told_places(own[own[c.USER_INDEX] == user])
        ),
        chosen=tuple(item_names[item] for item in chosen[:ASKED]),
        n_chosen=len(chosen),
    )


def _told_places(places: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """The first few places, and the first hit where it stands below them."""
    first = places.sort_values(RANK)
    below = first[first[IS_HIT]].head(1) if not first.head(SHOWN)[IS_HIT].any() else first.head(0)
    return pd.concat([first.head(SHOWN), below]).to_dict("records")


def _newest(items: NDArray[np.int32], n_items: int) -> list[int]:
    """Distinct items, newest first."""
    return list(dict.fromkeys(items[::-1].tolist()))[:n_items]
