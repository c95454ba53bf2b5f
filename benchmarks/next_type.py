"""The next step's event types by a multinomial logistic regression on recency, frequency and recent shares.

Used by ``benchmarks/horizons.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nextact.models.behaviour.event_types.rows import step_rows
from nextact.models.behaviour.heads.fit_heads import user_folds
from nextact.models.behaviour.horizons.activity import activity_names
from nextact.models.behaviour.horizons.reference import TunedLogistic, fit_tuned
from nextact.sequences.histories import Histories

NEWEST_STEPS, MOST_ROWS = 20, 10**9  # of each user, and in all, that are learnt from


def fit_reference(training: Histories, event_types: Sequence[str], seed: int, shares: bool) -> TunedLogistic:
    """The regression; C is chosen on a fifth of the users.

    Args:
        training: Training events.
        event_types: Names in the order of their codes.
        seed: Of who the fifth are.
        shares: Whether it reads the shares of the types in the newest steps beside recency and frequency.
    """
    n_types = len(event_types)
    rows = step_rows(training, n_types, NEWEST_STEPS, MOST_ROWS, seed)
    label = np.tile(np.arange(n_types), len(rows.user))
    weight = rows.shares.ravel().astype(np.float64)  # a step of several types is a row of each, by its share
    of_step = np.repeat(np.arange(len(rows.user)), n_types)[weight > 0]
    kept = (user_folds(rows.user, seed) == 0)[of_step]
    features = rows.features if shares else rows.features[:, : len(activity_names(event_types))]
    return fit_tuned(features[of_step], label[weight > 0], weight[weight > 0], kept)
