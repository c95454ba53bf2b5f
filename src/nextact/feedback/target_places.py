"""A target policy followed down the lists that were logged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.events import columns as c
from nextact.feedback.lists import RankedLists, ranked_lists
from nextact.feedback.logged import LoggedLists
from nextact.feedback.off_policy import importance_weights
from nextact.feedback.reward_model import fold_of_users, item_rewards
from nextact.retrieval.policies import NOTHING, SamplingPolicyOptions, next_probabilities, slate_probabilities

Floats = NDArray[np.float64]

# R lists, K places of a list, N items of a user's recommendations.


@dataclass(frozen=True)
class Place:
    """All that is known of one place of the lists under one target.

    Attributes:
        user: int64[rows], number of the user; one row a list that reaches the place.
        weights: float64[rows], of the list down to this place.
        before: float64[rows], of the list above it.
        reward: float64[rows].
        predicted: float64[rows], reward that the model expects of the item shown.
        predicted_target: float64[rows], reward that it expects of the target, given the items above.
        covered: float64[rows], share of the target's probability on items that the log shows anywhere.
    """

    user: NDArray[np.int64]
    weights: Floats
    before: Floats
    reward: Floats
    predicted: Floats
    predicted_target: Floats
    covered: Floats


def follow(
    lists: LoggedLists, recommendations: pd.DataFrame, policy: SamplingPolicyOptions, seed: int = 0
) -> Iterator[Place]:
    """Every place from the first to the deepest.

    Args:
        lists: Of users who all have recommendations.
        recommendations: ``user_id``, ``item_id``, ``rank`` and ``probability``: what the target chooses from.
        policy: How it chooses.
        seed: Of the halves of users that the reward model is fitted on.
    """
    ranked = ranked_lists(recommendations)
    items, code_RK, code_RN = _codes(lists, ranked, recommendations)
    score_RN = ranked.score[np.searchsorted(ranked.user_ids, lists.user_id)]
    position_RK = _positions(code_RK, code_RN)
    target_RK = np.nan_to_num(slate_probabilities(score_RN, position_RK, policy))  # 0 for what is not recommended
    shown_ever = np.zeros(len(items) + 1, dtype=bool)
    shown_ever[code_RK[code_RK != NOTHING]] = True
    user, _ = pd.factorize(lists.user_id, sort=True)
    fold = fold_of_users(user, seed)
    left_RN, before = np.isfinite(score_RN), np.ones(len(lists.depth))
    for place in range(int(lists.depth.max())):
        there = np.flatnonzero(lists.depth > place)
        code, reward = code_RK[there, place], lists.reward[there, place]
        predicted = item_rewards(code, reward, fold[there], len(items) + 1)
        steps = next_probabilities(score_RN[there], left_RN[there], policy)
        expected = (steps * predicted[fold[there, None], code_RN[there]]).sum(axis=1)
        step = importance_weights(target_RK[there, place], lists.propensity[there, place])
        yield Place(
            user[there],
            before[there] * step,
            before[there],
            reward,
            predicted[fold[there], code],
            expected,
            (steps * shown_ever[code_RN[there]]).sum(axis=1),
        )
        after = np.zeros(len(before))
        after[there] = before[there] * step
        before = after
        taken = there[position_RK[there, place] != NOTHING]
        left_RN[taken, position_RK[taken, place]] = False


def _codes(
    lists: LoggedLists, ranked: RankedLists, recommendations: pd.DataFrame
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Items that are recommended or shown, and both kinds of lists in their numbers.

    Shown lists are filled with :data:`~nextact.retrieval.policies.NOTHING`, recommended ones with ``len(items)``: a
    number no shown item has.
    """
    recommended = recommendations[c.ITEM_ID].to_numpy(object)
    there = lists.item_id != None  # noqa: E711 - element by element
    items = np.unique(np.concatenate([recommended, lists.item_id[there]]).astype(str))
    code_RK = np.full(lists.item_id.shape, NOTHING, np.int64)
    code_RK[there] = np.searchsorted(items, lists.item_id[there].astype(str))
    codes = np.append(np.searchsorted(items, recommended.astype(str)), len(items))  # row -1 is the filling
    return items, code_RK, codes[ranked.row[np.searchsorted(ranked.user_ids, lists.user_id)]]


def _positions(code_RK: NDArray[np.int64], code_RN: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each shown item among the user's recommendations, :data:`NOTHING` where it is not one of them."""
    same_RKN = code_RK[:, :, None] == code_RN[:, None, :]
    return np.where(same_RKN.any(axis=2), same_RKN.argmax(axis=2), NOTHING)
