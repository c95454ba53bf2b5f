"""The next step's event types by a multinomial logistic regression on recency, frequency and recent shares.

Used by ``benchmarks/horizons.py``. Shapes: N rows (a user before one of their steps), C event types, K features.
"""

from __future__ import annotations

import numpy as np

from nextact.models.horizons.activity import activity_features
from nextact.models.horizons.fitting import user_folds
from nextact.models.horizons.reference import TunedLogistic, fit_tuned
from nextact.sequences.histories import Histories

NEWEST_STEPS = 20  # of each user, that are learnt from
SHARE_STEPS = (1, 3, 10)


def fit_reference(training: Histories, n_types: int, seed: int) -> TunedLogistic:
    """The regression; C is chosen on a fifth of the users."""
    users, features, shares = step_rows(training, n_types)
    label = np.tile(np.arange(n_types), len(users))
    weight = shares.ravel()  # a step of several types is a row of each, by its share
    of_step = np.repeat(np.arange(len(users)), n_types)[weight > 0]
    kept = (user_folds(users, seed) == 0)[of_step]
    return fit_tuned(features[of_step], label[weight > 0], weight[weight > 0], kept)


def step_rows(histories: Histories, n_types: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """User, features [N, K] before each of their newest steps but the first, and the step's shares of types [N, C]."""
    starts, users, features, shares = histories.offsets[:-1], [], [], []
    for back in range(NEWEST_STEPS, 0, -1):
        cut, end = histories.step_start(back), histories.step_start(back - 1)
        who = np.flatnonzero((cut > starts) & (end > cut))  # something before the step, and the step itself
        if len(who):
            users.append(who)
            features.append(features_of(histories.between(starts[who], cut[who]), n_types))
            shares.append(type_shares(histories.between(cut[who], end[who]), n_types))
    return np.concatenate(users), np.concatenate(features), np.concatenate(shares)


def features_of(histories: Histories, n_types: int) -> np.ndarray:
    """Activity at the newest event, and shares of the types in the newest steps and in all, [users, K]."""
    newest = histories.timestamp[histories.offsets[1:] - 1] + 1
    parts = [type_shares(histories.last_steps(steps), n_types) for steps in SHARE_STEPS]
    return np.concatenate([activity_features(histories, newest, n_types), *parts, type_shares(histories, n_types)], 1)


def type_shares(histories: Histories, n_types: int) -> np.ndarray:
    """Share of each type among a user's events, [users, C]."""
    cells = histories.users_of_events * n_types + histories.event_type
    counts = np.bincount(cells, minlength=histories.n_users * n_types).reshape(-1, n_types)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
