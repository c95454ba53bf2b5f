"""What may not be recommended gets the score minus infinity: one rule for fitting, evaluation and serving."""

from __future__ import annotations

import numpy as np

from nextact.models.recommender import Scores
from nextact.sequences.histories import Histories


def mask(scores: Scores, histories: Histories, exclude_seen: bool) -> Scores:
    """Write -inf into ``scores`` (in place) for padding and, where the policy says so, items of the history."""
    scores[:, 0] = -np.inf
    if exclude_seen:
        scores[histories.users_of_events, histories.item_index] = -np.inf
    return scores
