"""What each user may be shown: what the rules allow everybody, less or only what the user has seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextact.models.recommender import Scores
from nextact.retrieval.rules.compiled import Rules, SeenItems
from nextact.sequences.histories import Histories

NOTHING = np.float32(-np.inf)


def mask_by_rules(scores: Scores, histories: Histories, rules: Rules) -> NDArray[np.int64]:
    """Write -inf into ``scores`` (in place) for what a user may not be shown.

    Args:
        scores: float32 [B, I + 1].
        histories: B users.
        rules: Eligibility is what they say of items and of seen items.

    Returns:
        int64 [B], items of each user that are cut by what was seen alone.
    """
    np.add(scores, np.where(rules.allowed, np.float32(0), NOTHING), out=scores)
    if rules.seen.how == "allow":
        return np.zeros(histories.n_users, np.int64)
    seen = seen_events(histories, rules.seen)
    users, items = np.divmod(np.unique(seen.users_of_events * scores.shape[1] + seen.item_index), scores.shape[1])
    which = rules.allowed[items]
    users, items = users[which], items[which]
    n_seen = np.bincount(users, minlength=histories.n_users)
    if rules.seen.how == "exclude":
        scores[users, items] = NOTHING
        return n_seen
    kept = scores[users, items]
    scores[:] = NOTHING
    scores[users, items] = kept
    return int(rules.allowed.sum()) - n_seen


def seen_events(histories: Histories, seen: SeenItems) -> Histories:
    """The events that make items seen."""
    if seen.types is None:
        return histories
    which = np.isin(histories.event_type, seen.types)
    offsets = np.append(0, np.cumsum(which))[histories.offsets]
    return Histories(
        offsets,
        histories.item_index[which],
        histories.event_type[which],
        histories.timestamp[which],
        histories.starts_step[which],
    )
