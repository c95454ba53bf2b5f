"""Recommendations as one padded row a user, and lists drawn from them by an exploring policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.events import columns as c
from nextact.feedback import columns as f
from nextact.retrieval.policies import NOTHING, SamplingPolicyOptions, sample_slates

PROBABILITY = "probability"
SMALLEST = 1e-300  # a probability that has become 0 in float: still possible, never likely


@dataclass(frozen=True)
class RankedLists:
    """What each user is recommended, best first.

    Attributes:
        user_ids: [B] in ascending order.
        row: int64[B, N] of the table; -1 fills shorter lists.
        score: float64[B, N] log probability; -inf fills.
    """

    user_ids: NDArray[Any]
    row: NDArray[np.int64]
    score: NDArray[np.float64]


def ranked_lists(recommendations: pd.DataFrame) -> RankedLists:
    """One row a user of a table with ``user_id``, ``rank`` and ``probability``."""
    order = recommendations.reset_index(drop=True).sort_values([c.USER_ID, f.RANK], kind="stable")
    user_ids, user = np.unique(order[c.USER_ID].to_numpy(), return_inverse=True)
    place = order.groupby(c.USER_ID, sort=False).cumcount().to_numpy()
    shape = (len(user_ids), int(place.max(initial=-1)) + 1)
    row, score = np.full(shape, -1, np.int64), np.full(shape, -np.inf)
    row[user, place] = order.index.to_numpy()
    score[user, place] = np.log(np.maximum(order[PROBABILITY].to_numpy(np.float64), SMALLEST))
    return RankedLists(user_ids, row, score)


def explore(recommendations: pd.DataFrame, n_places: int, policy: SamplingPolicyOptions, seed: int) -> pd.DataFrame:
    """Draw what is shown from longer lists of recommendations, and note how likely each choice was.

    Args:
        recommendations: ``user_id``, ``rank``, ``probability`` and any other columns; more than ``n_places`` rows a
            user, or only the order can vary. Not modified.
        n_places: Rows a user keeps, fewer where fewer were recommended.
        policy: Temperature over the log probabilities, and epsilon.
        seed: The same seed draws the same lists; take another one for each delivery.

    Returns:
        The drawn rows with ``rank`` as drawn and ``propensity``, users in ascending order. Log both with what is shown.

    Example:
        >>> table = pd.DataFrame({"user_id": "u", "item_id": ["a", "b"], "rank": [1, 2], "probability": [0.6, 0.4]})
        >>> drawn = explore(table, 1, SamplingPolicyOptions(epsilon=0.2, temperature=0), seed=0)
        >>> drawn["item_id"].tolist(), drawn["rank"].tolist(), drawn["propensity"].tolist()
        (['a'], [1], [0.9])
    """
    lists = ranked_lists(recommendations)
    drawn = sample_slates(lists.score, n_places, policy, seed)
    users, places = np.nonzero(drawn.positions != NOTHING)
    rows = lists.row[users, drawn.positions[users, places]]
    shown = recommendations.reset_index(drop=True).iloc[rows].reset_index(drop=True)
    return shown.assign(**{f.RANK: places + 1, f.PROPENSITY: drawn.propensity[users, places]})
