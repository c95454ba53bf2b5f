"""Logged lists with propensities as arrays, one row a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError, suggest
from nextact.events import columns as c
from nextact.feedback import columns as f

REWARD = "reward"

# R lists, K places of a list.


@dataclass(frozen=True)
class LoggedLists:
    """Lists of which every place down to ``depth`` is logged with its propensity.

    Attributes:
        user_id: [R].
        depth: int64[R], at least 1.
        item_id: object[R, K]; None below ``depth``.
        propensity: float64[R, K]; NaN below ``depth``.
        reward: float64[R, K]; NaN below ``depth``.
        left_out: Rows of the feedback that belong to no such place, by why.
    """

    user_id: NDArray[Any]
    depth: NDArray[np.int64]
    item_id: NDArray[Any]
    propensity: NDArray[np.float64]
    reward: NDArray[np.float64]
    left_out: dict[str, int]

    def take(self, which: NDArray[Any]) -> LoggedLists:
        """Some of the lists."""
        return LoggedLists(
            self.user_id[which],
            self.depth[which],
            self.item_id[which],
            self.propensity[which],
            self.reward[which],
            self.left_out,
        )


def rewards_of(outcome: pd.Series[str], rewards: Mapping[str, float]) -> NDArray[np.float64]:
    """What each outcome is worth; nothing is worth 0."""
    return np.asarray(outcome.map(rewards).fillna(0.0), dtype=np.float64)


def declared_rewards(rewards: Mapping[str, float] | None, event_types: list[str]) -> dict[str, float]:
    """The reward of every declared event type: 1 each without ``rewards``, 0 where it names others only.

    Raises:
        NextactError: If a name is not declared.

    Example:
        >>> declared_rewards({"purchase": 1.0}, ["view", "purchase"])
        {'view': 0.0, 'purchase': 1.0}
    """
    if rewards is None:
        return dict.fromkeys(event_types, 1.0)
    for name in rewards:
        if name not in event_types:
            raise NextactError(f"feedback.off_policy.rewards: no event type {name!r}; {suggest(name, event_types)}")
    return {name: float(rewards.get(name, 0.0)) for name in event_types}


def logged_lists(shown: ibis.Table, max_rank: int, rewards: Mapping[str, float]) -> LoggedLists:
    """Gather accepted feedback into lists.

    Rows of one user in one slot with one ``request_id``, or one moment where there is none, are a list. Of each list
    the places from 1 on count as long as every one is logged with a propensity; a list with two rows at one rank, or
    one item at two, is left out whole, since its propensities cannot all be of one draw.

    Args:
        shown: Accepted feedback.
        max_rank: K, deeper rows are left out.
        rewards: Reward by event type.
    """
    wanted = shown.filter(shown[f.RANK] <= max_rank)
    moment = wanted[f.SHOWN_AT].cast("string")
    key = wanted.mutate(_list=ibis.coalesce(wanted[f.REQUEST_ID], moment), _slot=wanted[f.SLOT].fill_null(""))
    order = [c.USER_ID, "_slot", "_list", f.RANK, c.SOURCE_ROW]
    rows = key.order_by(order).select(*order, c.ITEM_ID, f.OUTCOME, f.PROPENSITY).execute()
    rows["_at"] = rows.groupby([c.USER_ID, "_slot", "_list"], sort=False).ngroup()
    n_below = int(shown.count().execute()) - len(rows)
    muddled = rows.duplicated(["_at", f.RANK], keep=False) | rows.duplicated(["_at", c.ITEM_ID], keep=False)
    muddled = rows["_at"].isin(rows.loc[muddled, "_at"])
    clear = rows[~muddled]
    complete = clear[_complete(clear)]
    left_out = {
        "below max_rank": n_below,
        "in a list with a rank or an item twice": int(muddled.sum()),
        "without a propensity, or below a place without one": len(clear) - len(complete),
    }
    return _arrays(complete, max_rank, rewards, {why: n for why, n in left_out.items() if n})


def _complete(rows: pd.DataFrame) -> pd.Series[bool]:
    """Whether a row's place and all places above are there with a propensity; rows in order of list and rank."""
    in_turn = rows.groupby("_at").cumcount() + 1 == rows[f.RANK]
    good: pd.Series[bool] = (in_turn & rows[f.PROPENSITY].notna()).groupby(rows["_at"]).cummin().astype(bool)
    return good


def _arrays(rows: pd.DataFrame, max_rank: int, rewards: Mapping[str, float], left_out: dict[str, int]) -> LoggedLists:
    _, at = np.unique(rows["_at"], return_inverse=True)
    place, shape = rows[f.RANK].to_numpy() - 1, (len(set(at.tolist())), max_rank)
    item_id = np.full(shape, None, dtype=object)
    propensity, reward = np.full(shape, np.nan), np.full(shape, np.nan)
    item_id[at, place] = rows[c.ITEM_ID].to_numpy(object)
    propensity[at, place] = rows[f.PROPENSITY].to_numpy(np.float64)
    reward[at, place] = rewards_of(rows[f.OUTCOME], rewards)
    users = rows.loc[rows[f.RANK] == 1, c.USER_ID].to_numpy(object)
    return LoggedLists(users, np.bincount(at, minlength=shape[0]), item_id, propensity, reward, left_out)
