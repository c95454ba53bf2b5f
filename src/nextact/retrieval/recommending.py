"""Answers in tables: ranked items and next behaviours of users, for batch and online alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.events import columns as c
from nextact.models.recommender import PredictsEventType, PredictsHorizons, Recommender
from nextact.retrieval.alike import alike_by_text
from nextact.retrieval.reasons import LogWords, reasons
from nextact.retrieval.scoring import popular_first, rank
from nextact.retrieval.words import SharedWords
from nextact.sequences.histories import Histories
from nextact.sequences.user_blocks import score_bytes, user_blocks

RANK, SCORE, PROBABILITY, REASON = "rank", "score", "probability", "reason"
ITEM_COLUMNS = (c.USER_ID, RANK, c.ITEM_ID, c.ITEM_TEXT, SCORE, PROBABILITY, REASON)
BEHAVIOUR_COLUMNS = (c.USER_ID, c.EVENT_TYPE, PROBABILITY)
HORIZON_DAYS = "horizon_days"
HORIZON_COLUMNS = (c.USER_ID, c.EVENT_TYPE, HORIZON_DAYS, PROBABILITY)


@dataclass(frozen=True)
class Catalogue:
    """The items that can be recommended, in the order of their index.

    Attributes:
        table: ``item_id``, ``item_text``, ``n_training_events`` and, for reasons in words, ``tokens``, row r being item
            index r + 1.
        one_per_text: Whether items of the same text stand in a list once; see
            :class:`~nextact.retrieval.alike.ListOptions`.
    """

    table: pd.DataFrame
    one_per_text: bool | Literal["auto"] = "auto"

    @cached_property
    def ids(self) -> NDArray[np.object_]:
        """The id of each item index; empty for padding."""
        return np.array(["", *self.table[c.ITEM_ID]], dtype=object)

    @cached_property
    def tie_order(self) -> NDArray[np.int64]:
        """The order in which items of equal score are listed; see :func:`~nextact.retrieval.scoring.popular_first`."""
        return popular_first(self.table[c.N_TRAINING_EVENTS].to_numpy())

    @cached_property
    def alike(self) -> NDArray[np.int32] | None:
        """Which items no list holds together; see :func:`~nextact.retrieval.alike.alike_by_text`."""
        return alike_by_text(self.table[c.ITEM_TEXT], self.one_per_text)

    @cached_property
    def names(self) -> list[str]:
        """What an item is called in words: its text, or its id where it has none."""
        pairs = zip(self.table[c.ITEM_TEXT], self.table[c.ITEM_ID], strict=True)
        return ["", *(text or item for text, item in pairs)]

    @cached_property
    def words(self) -> SharedWords | None:
        """Which words items share; None where no item has tokens."""
        if c.TOKENS not in self.table or not self.table[c.TOKENS].any():
            return None
        return SharedWords([tokens.split() for tokens in self.table[c.TOKENS]])


def recommend_items(
    model: Recommender,
    histories: Histories,
    user_ids: NDArray[np.object_],
    catalogue: Catalogue,
    log: LogWords,
    temperature: float,
    exclude_seen: bool,
    k: int,
) -> pd.DataFrame:
    """The best items of every user after all their events.

    Args:
        model: Ranks.
        histories: U users, perhaps without an event.
        user_ids: Their ids, object [U].
        catalogue: The items that the model knows.
        log: How reasons name events.
        temperature: Of the softmax over what may be recommended.
        exclude_seen: Whether items of the history are left out.
        k: Items a user, at least 1; no more than there are.

    Returns:
        :data:`ITEM_COLUMNS`, users in the order given, rank 1 first; of equal scores the more popular item first, so
        that a user of whom a model says nothing gets what is popular. A user to whom fewer items than k may be
        recommended has fewer rows. Of items with the same text, the best alone, while there are others to list.
    """
    k = min(k, len(catalogue.ids) - 1)  # before anything of its length is made
    parts = [
        _recommend_block(model, histories.take(which), user_ids[which], catalogue, log, temperature, exclude_seen, k)
        for which in user_blocks(histories.n_users, score_bytes(len(catalogue.table)))
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=ITEM_COLUMNS)


def _recommend_block(
    model: Recommender,
    block: Histories,
    user_ids: NDArray[np.object_],
    catalogue: Catalogue,
    log: LogWords,
    temperature: float,
    exclude_seen: bool,
    k: int,
) -> pd.DataFrame:
    ranking = rank(model, block, exclude_seen, catalogue.tie_order, catalogue.alike, k, temperature)
    best = ranking.lists
    said = reasons(model, block, best, ranking.listed_scores, catalogue.names, log, catalogue.words)
    part = pd.DataFrame(
        {
            c.USER_ID: np.repeat(user_ids, k),
            RANK: np.tile(np.arange(1, k + 1), len(best)),
            c.ITEM_ID: catalogue.ids[best].ravel(),
            c.ITEM_TEXT: [catalogue.names[item] for item in best.ravel()],
            SCORE: ranking.listed_scores.ravel(),
            PROBABILITY: ranking.listed_probability.ravel(),
            REASON: [one for user in said for one in user],
        }
    )
    return part[best.ravel() > 0]


def predict_behaviour(
    model: PredictsEventType, histories: Histories, user_ids: NDArray[np.object_], event_types: Sequence[str]
) -> pd.DataFrame:
    """Probability of each event type in every user's next step.

    Returns:
        :data:`BEHAVIOUR_COLUMNS`, one row a user and event type, in the orders given; sums to 1 a user.
    """
    blocks = [model.event_type_probabilities(histories.take(which)) for which in user_blocks(histories.n_users)]
    probabilities = np.concatenate(blocks) if blocks else np.zeros((0, len(event_types)))
    return pd.DataFrame(
        {
            c.USER_ID: np.repeat(user_ids, len(event_types)),
            c.EVENT_TYPE: np.tile(np.array(event_types, dtype=object), len(user_ids)),
            PROBABILITY: probabilities.ravel(),
        }
    )


def predict_within_horizons(
    model: PredictsHorizons,
    histories: Histories,
    user_ids: NDArray[np.object_],
    event_types: Sequence[str],
    moment: int,
) -> pd.DataFrame:
    """Probability that an event of each type comes within each horizon of a moment.

    Args:
        model: Says something of horizons.
        histories: U users; what lies at or after the moment is not read.
        user_ids: Their ids, object [U].
        event_types: Names in the order of their codes.
        moment: Microseconds since 1970 UTC.

    Returns:
        :data:`HORIZON_COLUMNS`, one row a user, event type and horizon, in the orders given; never falling with the
        horizon.
    """
    days = np.array(model.horizons(), np.int32)
    blocks = [
        model.predict_horizons(histories.take(which), np.full(len(which), moment, np.int64))
        for which in user_blocks(histories.n_users)
    ]
    probabilities = np.concatenate(blocks) if blocks else np.zeros((0, len(event_types), len(days)))
    return pd.DataFrame(
        {
            c.USER_ID: np.repeat(user_ids, len(event_types) * len(days)),
            c.EVENT_TYPE: np.tile(np.repeat(np.array(event_types, dtype=object), len(days)), len(user_ids)),
            HORIZON_DAYS: np.tile(days, len(user_ids) * len(event_types)),
            PROBABILITY: probabilities.ravel(),
        }
    )
