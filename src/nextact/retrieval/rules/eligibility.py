"""What each user may be shown: what the rules allow everybody, less or only what the user has seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextact.models.recommender import Scores
from nextact.retrieval.alike import like_seen
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
    users, items = seen_pairs(histories, rules.seen, rules.catalogue.alike if rules.seen.how == "exclude" else None)
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


def seen_pairs(
    histories: Histories, seen: SeenItems, alike: NDArray[np.int32] | None
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Which items each user has seen, once each; with ``alike``, what looks the same is seen, too.

    Returns:
        ``(users, items)``.
    """
    users, items = histories.users_of_events, np.asarray(histories.item_index)
    if seen.types is not None:
        which = np.isin(histories.event_type, seen.types)
        users, items = users[which], items[which]
    if alike is not None:
        more_users, more_items = like_seen(users, items, alike)
        users, items = np.append(users, more_users), np.append(items, more_items)
    pairs = np.unique(np.stack([users, items], axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1].astype(np.int32)
