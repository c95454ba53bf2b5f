from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from nextact.events.cleaning import accepted
from nextact.feedback.cleaning import clean_feedback
from nextact.feedback.contract import OPTIONAL_COLUMNS, FeedbackOptions
from nextact.feedback.simulator import SimulatedShop
from nextact.retrieval.policies import slate_probabilities

EVENT_TYPES = ["view", "purchase"]


def random_shop(n_users, n_items, examination_K, seed):
    """A shop in which users differ: liking is a logistic function of user times item, rarely near 1."""
    rng = np.random.default_rng(seed)
    users, items = rng.normal(size=(n_users, 3)), rng.normal(size=(n_items, 3))
    return SimulatedShop(1 / (1 + np.exp(1.0 - users @ items.T)), examination_K)


def true_rewards(shop, scores, policy):
    """Expected answers at each place under a policy, means over users, by going through every possible list."""
    n_users, n_items = scores.shape
    orders = np.array(list(permutations(range(n_items), len(shop.examination_K))))
    total = np.zeros(len(shop.examination_K))
    for user in range(n_users):
        chance = slate_probabilities(np.tile(scores[user], (len(orders), 1)), orders, policy).prod(axis=1)
        total += chance @ (shop.examination_K * shop.liking_UI[user, orders])
    return total / n_users


@pytest.fixture
def raw():
    """Ten users who are shown three items each on one day; the first one answers the second item."""

    def build(n_users=10, **columns):
        rows = [(f"u{user}", f"00{rank}", rank) for user in range(n_users) for rank in (1, 2, 3)]
        table = pd.DataFrame(rows, columns=["user_id", "item_id", "rank"])
        table["shown_at"] = pd.Timestamp("2024-03-01")
        table["outcome"] = pd.Series([None, "view"] + [None] * (len(table) - 2), dtype="str")
        return table.assign(**columns)

    return build


@pytest.fixture
def clean():
    """Clean a frame; every optional column that it has under the contract's name is mapped."""

    def run(table, **options):
        mapped = {name: name for name in OPTIONAL_COLUMNS if name in table.columns}
        return clean_feedback(table, FeedbackOptions(**(mapped | options)), EVENT_TYPES)

    return run


@pytest.fixture
def shown(clean):
    """The accepted rows of a frame."""
    return lambda table, **options: accepted(clean(table, **options))
