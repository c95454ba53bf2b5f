import numpy as np
import pytest

from nextact.events.moments import DAY
from nextact.models.recommender import FitContext, Training
from nextact.sequences.histories import Histories

TYPES = ("view", "purchase")
UNTIL = 100 * DAY


def random_log(n_users=120, seed=0, days=100):
    """Half of the users come nearly every day, the others every tenth; user 0 never."""
    random = np.random.default_rng(seed)
    items, types, times = [], [], []
    for user in range(n_users):
        rate = 0.0 if user == 0 else 0.8 if user % 2 else 0.1
        active = np.flatnonzero(random.random(days) < rate)
        moments = active * DAY + random.integers(0, DAY, len(active))
        items.append(random.integers(1, 9, len(active)).tolist())
        types.append((random.random(len(active)) < 0.3).astype(int).tolist())
        times.append(moments.tolist())
    return Histories.from_lists(items, types, times)


def training_of(histories, until=UNTIL, seed=0):
    return Training(histories, 8, TYPES, {}, None, False, FitContext(seed), observed_until=until)


def no_states(histories):
    return np.zeros((histories.n_users, 0), np.float32)


@pytest.fixture(scope="session")
def log():
    return random_log()
