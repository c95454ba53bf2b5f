from itertools import permutations

import numpy as np
import pytest

from nextact.evaluation.controls import best_for_everybody, metric_for_everybody, rate_by_count
from nextact.metrics.ranking import ranking_metrics
from nextact.metrics.targets import Targets


def random_targets(n_users, n_items, seed):
    rng = np.random.default_rng(seed)
    lists = [(rng.choice(n_items, rng.integers(1, 4), replace=False) + 1).tolist() for _ in range(n_users)]
    return Targets.from_lists(lists, rng.integers(0, 2, n_users).tolist())


@pytest.mark.parametrize("metric", ["ndcg@3", "hit_rate@2", "map@5"])
def test_one_ranking_for_everybody_is_scored_as_equal_rows_are(metric):
    targets, scores = random_targets(30, 8, seed=0), np.array([0.0, 3, 1, 1, 2, 1, 0, 0, 2])
    rows = np.tile(scores.astype(np.float32), (30, 1))
    rows[:, 0] = -np.inf
    k = int(metric[-1])
    np.testing.assert_allclose(
        metric_for_everybody(scores, targets, metric), ranking_metrics(rows, targets, (k,))[metric]
    )


@pytest.mark.parametrize("seed", range(5))
def test_no_single_ranking_beats_the_best_one(seed):
    targets = random_targets(9, 5, seed)
    best = metric_for_everybody(best_for_everybody(targets, 5, k=3), targets, "ndcg@3").mean()
    others = [
        metric_for_everybody(np.array([0.0, *order]), targets, "ndcg@3").mean() for order in permutations(range(5))
    ]
    assert best == pytest.approx(max(others))


def test_items_of_one_count_share_the_rate_of_their_bin():
    popularity = np.array([0, 1, 1, 4, 0])
    targets = Targets.from_lists([[1], [1], [2], [3]])
    assert rate_by_count(popularity, targets).tolist() == [0.0, 1.5, 1.5, 1.0, 0.0]


def test_users_with_missing_targets_alone_score_zero():
    targets = Targets.from_lists([[], [1]], n_missing=[2, 0])
    assert metric_for_everybody(best_for_everybody(targets, 2, k=1), targets, "ndcg@1").tolist() == [0.0, 1.0]
