"""A shop of six items, and a model whose scores are given."""

import numpy as np
import pandas as pd
import pytest

from nextact.events.moments import DAY
from nextact.retrieval.catalogue import Catalogue
from nextact.retrieval.rules.compiled import compile_rules
from nextact.retrieval.rules.rule_options import RuleOptions
from nextact.retrieval.rules.ruled_lists import rank_by_rules
from nextact.sequences.histories import Histories

TYPES = ("view", "purchase")
NOW = 100 * DAY
SCORES = [0.0, 6, 5, 4, 3, 2, 1]  # of padding, a, b, … f


class Given:
    """The same scores for everybody."""

    def __init__(self, scores):
        self.scores = np.array(scores, np.float32)

    def score(self, histories):
        return np.tile(self.scores, (histories.n_users, 1))


@pytest.fixture
def shop():
    table = pd.DataFrame(
        {
            "item_id": list("abcdef"),
            "item_text": ["wine", "Wine", "beer", "rum", "gin", "cola"],
            "n_training_events": [9, 8, 7, 6, 5, 4],
        }
    )
    attributes = pd.DataFrame(
        {
            "price": [10, 20, None, 40, 50, 60],
            "kind": ["grape", "grape", "grain", "cane", "grain", None],
            "shelf": [1, 1, 2, 2, 3, 3],
            "added": pd.to_datetime(["1970-04-11", "1970-04-01", "1970-03-12", None, "1970-04-10", "1970-05-01"]),
            "hidden": [False, False, False, False, True, None],
        }
    )
    vectors = np.zeros((7, 2), np.float32)
    vectors[1:] = [[2, 0], [1, 0], [1, 0], [0, 1], [0, 3], [-1, 0]]
    return Catalogue(table, False, attributes, {"encoder": vectors})


@pytest.fixture
def lists(shop):
    """A function from rules (as keywords) to the ids that each of some users is shown, and all that was found."""

    def make(k=3, histories=((),), types=None, exclude_seen=False, scores=SCORES, shop=shop, users=None, **rules):
        compiled = compile_rules(RuleOptions(**rules), shop, exclude_seen, TYPES, k, NOW)
        ids = np.array(users or [f"u{user}" for user in range(len(histories))], dtype=object)
        read = Histories.from_lists([list(one) for one in histories], types)
        found = rank_by_rules(Given(scores), read, ids, compiled, temperature=1.0)
        return ["".join(shop.ids[one]) for one in found.ranking.lists], found

    return make
