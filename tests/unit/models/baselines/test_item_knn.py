import numpy as np
import pytest
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from scipy.sparse import csr_matrix

from nextact.models.baselines import item_knn
from nextact.models.baselines.baseline_options import ItemKNNOptions
from nextact.models.baselines.item_knn import ItemKNN
from nextact.sequences.histories import Histories

N_ITEMS = 12


def random_log(n_users=30, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, N_ITEMS + 1, rng.integers(1, 8)).tolist() for _ in range(n_users)]


def counts_of(log):
    counts = np.zeros((len(log), N_ITEMS + 1))
    for user, items in enumerate(log):
        np.add.at(counts[user], items, 1)
    return counts


@pytest.mark.parametrize(
    ("weighting", "peer"),
    [
        ("cosine", CosineRecommender(K=N_ITEMS, num_threads=1)),
        ("tfidf", TFIDFRecommender(K=N_ITEMS, num_threads=1)),
        ("bm25", BM25Recommender(K=N_ITEMS, K1=1.2, B=0.75, num_threads=1)),
    ],
)
@pytest.mark.filterwarnings("ignore:Method expects CSR")
def test_similarities_are_those_of_implicit(weighting, peer, training_of):
    log = random_log()
    model = ItemKNN(ItemKNNOptions(weighting=weighting, neighbours=N_ITEMS))
    model.fit(training_of(log, n_items=N_ITEMS))
    peer.fit(csr_matrix(counts_of(log)[:, 1:]), show_progress=False)
    np.testing.assert_allclose(model.weights.toarray()[1:, 1:], peer.similarity.toarray(), rtol=1e-5, atol=1e-6)


def test_shrinkage_trusts_what_rests_on_many_common_users(training_of):
    log = random_log()
    model = ItemKNN(ItemKNNOptions(neighbours=N_ITEMS + 1, shrinkage=3.0))
    model.fit(training_of(log, n_items=N_ITEMS))
    counts = counts_of(log)
    norms = np.maximum(np.linalg.norm(counts, axis=0), 1e-12)
    common = (counts > 0).T.astype(float) @ (counts > 0)
    expected = counts.T @ counts / np.outer(norms, norms) * common / (common + 3)
    np.testing.assert_allclose(model.weights.toarray(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shrinkage", [0.0, 2.0])
def test_blocks_do_not_change_the_similarities(shrinkage, training_of, monkeypatch):
    whole, blocks = (ItemKNN(ItemKNNOptions(neighbours=4, shrinkage=shrinkage)) for _ in range(2))
    whole.fit(training_of(random_log(), n_items=N_ITEMS))
    monkeypatch.setattr(item_knn, "SMALL_CATALOGUE", 0)
    monkeypatch.setattr(item_knn, "BLOCK_BYTES", item_knn.BYTES_PER_PAIR * (N_ITEMS + 1) * 2)
    blocks.fit(training_of(random_log(), n_items=N_ITEMS))
    np.testing.assert_allclose(whole.weights.toarray(), blocks.weights.toarray(), rtol=1e-6)


def test_each_item_keeps_its_nearest(training_of):
    all_kept, few = (ItemKNN(ItemKNNOptions(neighbours=kept)) for kept in (N_ITEMS, 3))
    all_kept.fit(training_of(random_log(), n_items=N_ITEMS))
    few.fit(training_of(random_log(), n_items=N_ITEMS))
    for full_row, row in zip(all_kept.weights.toarray()[1:], few.weights.toarray()[1:], strict=True):
        assert (row > 0).sum() == 3
        np.testing.assert_allclose(np.sort(row)[-3:], np.sort(full_row)[-3:], rtol=1e-6)


def test_an_item_that_all_users_chose_alone_has_only_itself(training_of):
    model = ItemKNN(ItemKNNOptions())
    model.fit(training_of([[1], [1], [2, 3]]))
    np.testing.assert_allclose(model.weights.toarray()[1], [0, 1, 0, 0, 0], rtol=1e-6)


@pytest.mark.parametrize("weighting", ["cosine", "tfidf", "bm25"])
def test_a_user_of_all_items_and_a_log_without_events_break_nothing(weighting, training_of):
    for log in ([[1, 2, 3, 4], [1, 2]], [[], []]):
        model = ItemKNN(ItemKNNOptions(weighting=weighting, shrinkage=1.0))
        model.fit(training_of(log))
        assert np.isfinite(model.score(Histories.from_lists([[1, 4], []]))).all()


def test_purchases_can_count_more_than_views(training_of):
    model = ItemKNN(ItemKNNOptions(event_weights={"buy": 4.0}))
    model.fit(training_of([[1, 2], [1, 3]], types=[[1, 1], [0, 0]], event_types=("view", "buy")))
    scores = model.score(Histories.from_lists([[1]]))[0]
    assert scores[2] > scores[3] > 0
