"""Agreement with a scorer that others wrote: ``score.py`` of a comparison harness, where its folder is named.

NEXTACT_PEERS_HARNESS=FOLDER pytest tests/unit/metrics/test_other_scorer.py
"""

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nextact.metrics.ranking import ranking_metrics
from nextact.metrics.targets import Targets
from nextact.models.top_items import top_k

HARNESS = Path(os.environ.get("NEXTACT_PEERS_HARNESS", "nowhere"))
NAMES = {"hit_rate@10": "HR@10", "ndcg@10": "NDCG@10", "mrr@10": "MRR@10"}

pytestmark = pytest.mark.skipif(not (HARNESS / "score.py").exists(), reason="NEXTACT_PEERS_HARNESS names no score.py")


@pytest.fixture
def scorer(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(HARNESS)
    for name in ("score", "data"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module("score")
    for name in ("score", "data"):
        sys.modules.pop(name, None)


def random_scores(seed, n_users=400, n_items=60, masked_share=0.3):
    """Scores without ties, of which some items, for some users all, may not be recommended."""
    random = np.random.default_rng(seed)
    scores = random.permuted(np.tile(np.arange(n_items + 1, dtype=np.float32), (n_users, 1)), axis=1)
    scores[random.random(scores.shape) < masked_share] = -np.inf
    scores[:5, 1:] = -np.inf
    scores[:, 0] = -np.inf
    return scores, random.integers(1, n_items + 1, n_users)


def lists_of(scores, k):
    """Lists as the scorer reads them, in no order."""
    lists = top_k(scores, k)
    user, place = np.nonzero(lists)
    table = pd.DataFrame({"user": user, "item": lists[user, place], "rank": place + 1})
    return table.sample(frac=1, random_state=0)


@pytest.mark.parametrize("seed", range(5))
def test_every_user_has_the_values_of_the_other_scorer(scorer, seed):
    scores, target = random_scores(seed)
    ours = ranking_metrics(scores, Targets.from_lists(target[:, None].tolist()), ks=(10,))
    test = pd.DataFrame({"user": np.arange(len(target)), "item": target})
    lists = lists_of(scores, k=20)
    theirs = scorer.per_user(scorer.ranks_of(lists, test), k=10)
    for name, other in NAMES.items():
        assert 0 < ours[name].mean() < 1
        np.testing.assert_allclose(ours[name], theirs[other], atol=1e-6)
        assert scorer.score_frame(lists, test, boot=0)[other] == pytest.approx(ours[name].mean(), abs=5e-5)  # 4 digits
