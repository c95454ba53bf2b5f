import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from nextact.evaluation.calibration import calibration_error, calibration_table
from nextact.metrics.targets import Targets
from nextact.results.evaluation import Bin


def test_bins_are_those_of_scikit_learn_for_single_targets():
    rng = np.random.default_rng(0)
    lists = np.array([rng.permutation(20)[:5] + 1 for _ in range(400)], dtype=np.int32)
    probability = rng.random((400, 5))
    targets = Targets.from_lists([[int(item)] for item in rng.integers(1, 21, 400)])
    table = calibration_table(lists, probability, targets, n_bins=8)
    hit = lists == targets.item_index[:, None]
    observed, predicted = calibration_curve(hit.ravel(), probability.ravel(), n_bins=8, strategy="quantile")
    assert [row.observed for row in table] == pytest.approx(observed)
    assert [row.predicted for row in table] == pytest.approx(predicted)


def test_a_hit_among_several_relevant_items_counts_its_share_missing_ones_included():
    table = calibration_table(np.array([[1, 2]]), np.array([[0.2, 0.2]]), Targets.from_lists([[1]], [3]), n_bins=1)
    assert table == (Bin(low=0.2, high=0.2, places=2, predicted=0.2, observed=0.125),)


def test_right_probabilities_have_no_error():
    rng = np.random.default_rng(1)
    chances = rng.dirichlet(np.ones(6), 30_000)
    chosen = (rng.random(len(chances))[:, None] > chances.cumsum(axis=1)).sum(axis=1) + 1
    lists = np.tile(np.arange(1, 7, dtype=np.int32), (len(chances), 1))
    right = calibration_table(lists, chances, Targets.from_lists([[int(item)] for item in chosen]), n_bins=10)
    assert calibration_error(right) < 0.004
    assert calibration_error([row.model_copy(update={"predicted": row.predicted**2}) for row in right]) > 0.05


def test_empty_places_are_in_no_bin():
    table = calibration_table(np.array([[1, 0]]), np.array([[0.5, 0.0]]), Targets.from_lists([[1]]), n_bins=2)
    assert sum(row.places for row in table) == 1


def test_equal_probabilities_share_one_bin():
    lists = np.array([[1, 2, 3]], np.int32)
    table = calibration_table(lists, np.full((1, 3), 0.25), Targets.from_lists([[3]]), n_bins=5)
    assert [row.places for row in table] == [3]


def test_no_place_gives_no_bin_and_no_error():
    table = calibration_table(np.zeros((2, 3), np.int32), np.zeros((2, 3)), Targets.from_lists([[1], [2]]), n_bins=5)
    assert table == ()
    assert calibration_error(table) == 0.0
