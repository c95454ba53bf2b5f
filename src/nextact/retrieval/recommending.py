"""Answers in tables: ranked items and next behaviours of users, for batch and online alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.events import columns as c
from nextact.models.recommender import PredictsEventType, PredictsHorizons, Recommender
from nextact.retrieval.catalogue import Catalogue
from nextact.retrieval.reasons import LogWords, reasons
from nextact.retrieval.rules.compiled import Rules
from nextact.retrieval.rules.ruled_lists import RULE_COLUMNS, no_cuts, rank_by_rules
from nextact.retrieval.scoring import Ranking, rank
from nextact.sequences.histories import Histories
from nextact.sequences.user_blocks import score_bytes, user_blocks

RANK, SCORE, PROBABILITY, REASON = "rank", "score", "probability", "reason"
ITEM_COLUMNS = (c.USER_ID, RANK, c.ITEM_ID, c.ITEM_TEXT, SCORE, PROBABILITY, REASON)
BEHAVIOUR_COLUMNS = (c.USER_ID, c.EVENT_TYPE, PROBABILITY)
MOST_PLACES = 10_000  # of a list
HORIZON_DAYS = "horizon_days"
HORIZON_COLUMNS = (c.USER_ID, c.EVENT_TYPE, HORIZON_DAYS, PROBABILITY)


@dataclass(frozen=True)
class Recommended:
    """Lists of users.

    Attributes:
        items: :data:`ITEM_COLUMNS` and, with rules, what they did; a row an item.
        cuts: What the rules cut of each list; see :class:`~nextact.retrieval.rules.ruled_lists.RuledLists`. No row
            where no rule is set.
    """

    items: pd.DataFrame
    cuts: pd.DataFrame


def recommend_items(
    model: Recommender,
    histories: Histories,
    user_ids: NDArray[np.object_],
    catalogue: Catalogue,
    log: LogWords,
    temperature: float,
    exclude_seen: bool,
    k: int,
    rules: Rules | None = None,
) -> Recommended:
    """The best items of every user after all their events.

    Args:
        model: Ranks.
        histories: U users, perhaps without an event.
        user_ids: Their ids, object [U].
        catalogue: The items that the model knows.
        log: How reasons name events.
        temperature: Of the softmax over what may be recommended.
        exclude_seen: Whether items of the history are left out; rules say so themselves.
        k: Items a user, at least 1; no more than there are.
        rules: What the lists obey, for this catalogue and these k places; None lists what the model ranks.

    Returns:
        :data:`ITEM_COLUMNS`, users in the order given, rank 1 first; of equal scores the more popular item first, so
        that a user of whom a model says nothing gets what is popular. A user to whom fewer items than k may be
        recommended has fewer rows. Of items with the same text, the best alone, while there are others to list. With
        rules, :data:`~nextact.retrieval.rules.ruled_lists.RULE_COLUMNS` follow, and the cuts have a row a user.
    """
    k = min(k, len(catalogue.ids) - 1)  # before anything of its length is made
    names = ITEM_COLUMNS if rules is None else (*ITEM_COLUMNS, *RULE_COLUMNS)
    items, cuts = [pd.DataFrame(columns=list(names))], [no_cuts()]
    for which in user_blocks(histories.n_users, score_bytes(len(catalogue.table))):
        block, ids = histories.take(which), user_ids[which]
        if rules is None:
            ranking = rank(model, block, exclude_seen, catalogue.tie_order, catalogue.alike, k, temperature)
            items.append(_rows(ranking, model, block, ids, catalogue, log))
        else:
            ruled = rank_by_rules(model, block, ids, rules, temperature)
            items.append(_rows(ruled.ranking, model, block, ids, catalogue, log, ruled.marks))
            cuts.append(ruled.cuts)
    return Recommended(_joined(items), _joined(cuts))


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Parts below an empty table that has their columns."""
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _rows(
    ranking: Ranking,
    model: Recommender,
    block: Histories,
    user_ids: NDArray[np.object_],
    catalogue: Catalogue,
    log: LogWords,
    marks: pd.DataFrame | None = None,
) -> pd.DataFrame:
    best, k = ranking.lists, ranking.lists.shape[1]
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
    return (part if marks is None else pd.concat([part, marks], axis=1))[best.ravel() > 0]


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
