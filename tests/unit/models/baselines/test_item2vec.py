import numpy as np
import pytest

from nextact.errors import CannotFit
from nextact.models.baselines import item2vec
from nextact.models.baselines.baseline_options import Item2VecOptions
from nextact.models.baselines.item2vec import Item2Vec, sentences_of, shuffled_in_steps
from nextact.sequences.histories import Histories

SMALL = {"dimensions": 8, "epochs": 10, "window": 2}


def two_shelves(n_users=60, seed=0):
    """Users who stay among items 1 to 6 or among items 7 to 12."""
    rng = np.random.default_rng(seed)
    return [(rng.integers(1, 7, 8) + 6 * rng.integers(2)).tolist() for _ in range(n_users)]


@pytest.mark.parametrize("compare", ["contexts", "items"])
def test_items_of_one_shelf_are_near_each_other(compare, training_of):
    model = Item2Vec(Item2VecOptions(compare=compare, **SMALL))
    report = model.fit(training_of(two_shelves(), n_items=13))
    assert report == {"items_with_vectors": 12, "sentences": 60}
    scores = model.score(Histories.from_lists([[1, 2], [8]]))
    assert scores[0, 3:7].min() > scores[0, 7:13].max()
    assert scores[1, 9:13].min() > scores[1, 1:7].max()
    assert scores[0, 13] == 0  # never seen


@pytest.mark.parametrize("compare", ["contexts", "items"])
def test_scores_are_weighted_sums_of_cosines(compare, training_of):
    model = Item2Vec(Item2VecOptions(compare=compare, history_decay=0.5, **SMALL))
    model.fit(training_of(two_shelves(), n_items=13))
    items, targets = model.vectors, model.targets if compare == "contexts" else model.vectors
    np.testing.assert_allclose(np.linalg.norm(items[1:13], axis=1), 1, rtol=1e-5)
    expected = targets @ (0.5 * items[3] + items[9])
    np.testing.assert_allclose(model.score(Histories.from_lists([[3, 9]]))[0], expected, rtol=1e-4, atol=1e-6)


def test_order_inside_a_basket_means_nothing():
    histories = Histories.from_lists([[5, 6, 7, 8], [9]], timestamps=[[0, 0, 0, 1], [0]])
    orders = [tuple(histories.item_index[shuffled_in_steps(histories, seed)].tolist()) for seed in range(30)]
    assert {order[3:] for order in orders} == {(8, 9)}
    assert {order[:3] for order in orders} > {(5, 6, 7), (7, 6, 5)}
    assert orders == [tuple(histories.item_index[shuffled_in_steps(histories, seed)].tolist()) for seed in range(30)]


def test_baskets_can_be_the_sentences(training_of):
    training = training_of([[1, 2, 3, 1], [4, 2]], timestamps=[[0, 0, 1, 1], [0, 1]])
    sentences = list(sentences_of(training.histories, by_basket=True, seed=0))
    assert [sorted(sentence) for sentence in sentences] == [["1", "2"], ["1", "3"], ["4"], ["2"]]
    assert Item2Vec(Item2VecOptions(sentences="baskets", **SMALL)).fit(training)["sentences"] == 4


def test_a_sentence_that_gensim_would_cut_is_split(monkeypatch):
    monkeypatch.setattr(item2vec, "LONGEST_SENTENCE", 2)
    sentences = sentences_of(Histories.from_lists([[1, 2, 3, 4, 1], [2]]), by_basket=False, seed=0)
    assert list(sentences) == [["1", "2"], ["3", "4"], ["1"], ["2"]]


def test_rare_items_have_no_vector(training_of):
    model = Item2Vec(Item2VecOptions(min_count=2, **SMALL))
    model.fit(training_of([[1, 2, 1, 2, 3]]))
    assert model.vectors.any(axis=1).tolist() == [False, True, True, False, False]


@pytest.mark.parametrize("log", [[[1, 2]], [[], []]])
def test_a_log_without_frequent_items_says_so(log, training_of):
    with pytest.raises(CannotFit, match=r"^none of .* items has min_count=2"):
        Item2Vec(Item2VecOptions(min_count=2, **SMALL)).fit(training_of(log))
