import numpy as np
import pytest
from sklearn.linear_model import ElasticNet

from nextact.models.baselines import slim
from nextact.models.baselines.baseline_options import SLIMOptions
from nextact.models.baselines.slim import SLIM

N_USERS, N_ITEMS = 60, 10


def random_log(seed=0):
    """Users who mostly choose from one of two shelves."""
    rng = np.random.default_rng(seed)
    log = []
    for _ in range(N_USERS):
        liked = np.where(np.arange(N_ITEMS) % 2 == rng.integers(2), 0.7, 0.15)
        log.append((np.flatnonzero(rng.random(N_ITEMS) < liked) + 1).tolist())
    return log


def binary_of(log):
    binary = np.zeros((N_USERS, N_ITEMS))
    for user, items in enumerate(log):
        binary[user, np.array(items, int) - 1] = 1
    return binary


def elastic_net(binary, target, candidates, l1, l2):
    net = ElasticNet(
        alpha=(l1 + l2) / N_USERS,
        l1_ratio=l1 / (l1 + l2),
        positive=True,
        fit_intercept=False,
        tol=1e-10,
        max_iter=100_000,
    )
    net.fit(binary[:, candidates], binary[:, target])
    column = np.zeros(N_ITEMS)
    column[candidates] = net.coef_
    return column


@pytest.mark.parametrize(("l1", "l2"), [(1.0, 2.0), (0.2, 5.0), (4.0, 0.5)])
def test_every_column_is_scikit_learns_elastic_net(l1, l2, training_of):
    log = random_log()
    model = SLIM(SLIMOptions(l1=l1, l2=l2, neighbours=N_ITEMS, tolerance=1e-7, max_sweeps=2_000))
    model.fit(training_of(log, n_items=N_ITEMS))
    weights = model.weights.toarray()[1:, 1:]
    assert (weights >= 0).all()
    assert weights.any()
    for target in range(N_ITEMS):
        others = [item for item in range(N_ITEMS) if item != target]
        expected = elastic_net(binary_of(log), target, others, l1, l2)
        np.testing.assert_allclose(weights[:, target], expected, atol=1e-5)


def test_weights_are_sought_among_the_nearest_items(training_of):
    log = random_log()
    model = SLIM(SLIMOptions(l1=0.2, l2=2.0, neighbours=3, tolerance=1e-7, max_sweeps=2_000))
    model.fit(training_of(log, n_items=N_ITEMS))
    binary = binary_of(log)
    norms = np.linalg.norm(binary, axis=0)
    for target in range(N_ITEMS):
        cosine = binary.T @ binary[:, target] / norms / norms[target]
        cosine[target] = -1
        nearest = np.sort(np.argsort(-cosine)[:3])
        expected = elastic_net(binary, target, nearest, 0.2, 2.0)
        np.testing.assert_allclose(model.weights.toarray()[1:, target + 1], expected, atol=1e-5)


def test_an_item_does_not_speak_for_itself(training_of):
    model = SLIM(SLIMOptions(l1=0.0, l2=0.1, neighbours=N_ITEMS))
    model.fit(training_of(random_log(), n_items=N_ITEMS))
    np.testing.assert_array_equal(model.weights.diagonal(), 0)


def test_blocks_do_not_change_the_weights(training_of, monkeypatch):
    whole, blocks = (SLIM(SLIMOptions(neighbours=4)) for _ in range(2))
    whole.fit(training_of(random_log(), n_items=N_ITEMS))
    monkeypatch.setattr(slim, "BLOCK_BYTES", 4 * 4**2 * 3)
    blocks.fit(training_of(random_log(), n_items=N_ITEMS))
    np.testing.assert_allclose(whole.weights.toarray(), blocks.weights.toarray(), atol=2e-4)


def test_a_strong_l1_leaves_no_weight(training_of):
    model = SLIM(SLIMOptions(l1=1e6))
    report = model.fit(training_of(random_log(), n_items=N_ITEMS))
    assert report["weights"] == 0


def test_slim_fits_the_most_frequent_items_of_a_catalogue_above_its_limit(training_of):
    model = SLIM(SLIMOptions(l1=0.0, l2=0.5, max_items=2))
    report = model.fit(training_of([[1, 2, 3], [2, 3], [2, 3, 4]]))
    assert report["items_left_out"] == 2
    assert set(np.unique(model.weights.tocoo().row)) == {2, 3}
