"""A shop whose users answer with known probabilities, so that estimates can be held against the truth.

Answers follow the position-based model: a user answers an item at a place with the place's examination times the
user's liking of the item, each independent of all else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.feedback import columns as f
from nextact.retrieval.policies import SamplingPolicyOptions, Slates, sample_slates

Floats = NDArray[np.float64]

# U users, I items, K places, R lists.


@dataclass(frozen=True)
class SimulatedShop:
    """What users like, and how far down they look.

    Attributes:
        liking_UI: float64[U, I], probability of an answer to an item that is looked at.
        examination_K: float64[K], probability that a place is looked at.
    """

    liking_UI: Floats
    examination_K: Floats

    def __post_init__(self) -> None:
        for name, values in (("liking_UI", self.liking_UI), ("examination_K", self.examination_K)):
            if not ((values >= 0) & (values <= 1)).all():
                raise NextactError(f"{name} must be in [0, 1], got {values.min():.3f} to {values.max():.3f}")


@dataclass(frozen=True)
class SimulatedLog:
    """Lists shown and what followed.

    Attributes:
        user: int64[R].
        slates: The lists, items as columns of the shop, and their propensities.
        answered: bool[R, K].
    """

    user: NDArray[np.int64]
    slates: Slates
    answered: NDArray[np.bool_]


def simulate(
    shop: SimulatedShop, scores_UI: Floats, policy: SamplingPolicyOptions, lists_per_user: int, seed: int
) -> SimulatedLog:
    """Let a policy fill lists and the users answer.

    Args:
        shop: With at least K items.
        scores_UI: float64[U, I] that the policy ranks by.
        policy: The policy that is live.
        lists_per_user: Lists each user is shown, ``R = U * lists_per_user``.
        seed: Of lists and answers.
    """
    user = np.repeat(np.arange(len(scores_UI)), lists_per_user)
    slates = sample_slates(scores_UI[user], len(shop.examination_K), policy, seed)
    chance_RK = shop.examination_K * shop.liking_UI[user[:, None], slates.positions]
    answered = np.random.default_rng([seed, 1]).random(chance_RK.shape) < chance_RK
    return SimulatedLog(user, slates, answered)


def feedback_table(
    log: SimulatedLog,
    user_ids: Sequence[str],
    item_ids: Sequence[str],
    event_types: Sequence[str],
    start: pd.Timestamp,
    seed: int = 0,
) -> pd.DataFrame:
    """A log as a feedback table: one list a day for each user, answered within ten minutes by any event type alike.

    Args:
        log: Of U users, every one with as many lists.
        user_ids: U ids.
        item_ids: I ids.
        event_types: What an answer may be.
        start: Day of the first list of each user; lists are shown at noon.
        seed: Of event types and delays.

    Returns:
        One row per shown item in the names of :mod:`nextact.feedback.columns`; ``outcome`` and ``responded_at`` are
        missing where nothing followed.
    """
    n_lists, n_places = log.answered.shape
    at, answered = np.repeat(np.arange(n_lists), n_places), pd.Series(log.answered.ravel())
    rng = np.random.default_rng(seed)
    shown_at = start + pd.Timedelta(hours=12) + pd.to_timedelta(pd.Series(at % (n_lists // len(user_ids))), unit="D")
    delay = pd.to_timedelta(pd.Series(rng.integers(5, 600, size=len(at))), unit="s")
    outcome = pd.Series(np.array(event_types)[rng.integers(len(event_types), size=len(at))])
    return pd.DataFrame(
        {
            c.USER_ID: np.array(user_ids)[log.user[at]],
            c.ITEM_ID: np.array(item_ids)[log.slates.positions.ravel()],
            f.RANK: np.tile(np.arange(1, n_places + 1), n_lists),
            f.SHOWN_AT: shown_at,
            f.OUTCOME: outcome.where(answered),
            f.RESPONDED_AT: (shown_at + delay).where(answered),
            f.PROPENSITY: log.slates.propensity.ravel(),
            f.REQUEST_ID: [f"list {number}" for number in at],
        }
    )
