"""Item2Vec over sequences of items."""

from itertools import pairwise

import numpy as np

from nextact.text.words import item2vec
from nextact.text.words.item2vec import item2vec_block
from nextact.text.words.word2vec import Word2VecOptions, train_word2vec

OPTIONS = Word2VecOptions(dimensions=8, epochs=20, window=2, min_count=2, subsample=0.0)


def two_shelves(n_users=200):
    """Users who choose among items 1 to 4 only, or among 5 to 8 only; item 9 is chosen once."""
    random = np.random.default_rng(0)
    users = [random.integers(1, 5, 6) + 4 * (user % 2) for user in range(n_users)] + [np.array([9])]
    offsets = np.cumsum([0, *map(len, users)])
    return offsets.astype(np.int64), np.concatenate(users).astype(np.int32)


def test_items_of_one_shelf_are_nearer_than_those_of_the_other():
    vectors = item2vec_block(*two_shelves(), 10, OPTIONS)
    unit = vectors[1:9] / np.linalg.norm(vectors[1:9], axis=1, keepdims=True)
    cosines = unit @ unit.T
    same = np.kron(np.eye(2), np.ones((4, 4))) - np.eye(8)
    assert cosines[same == 1].min() > cosines[:4, 4:].max()


def test_items_without_enough_events_and_padding_are_zero():
    vectors = item2vec_block(*two_shelves(), 10, OPTIONS)
    assert vectors.shape == (11, 8)
    assert np.flatnonzero(~vectors.any(axis=1)).tolist() == [0, 9, 10]


def test_vectors_are_those_of_word2vec_over_the_item_numbers():
    offsets, items = two_shelves(20)
    sentences = [[str(item) for item in items[a:b]] for a, b in pairwise(offsets)]
    words = train_word2vec(sentences, OPTIONS)
    vectors = item2vec_block(offsets, items, 9, OPTIONS)
    assert all((vectors[int(word)] == words[word]).all() for word in words.words)


def test_a_history_longer_than_a_sentence_may_be_is_read_to_its_end(monkeypatch):
    monkeypatch.setattr(item2vec, "LONGEST_SENTENCE", 4)
    items = np.array([1, 2, 1, 2, 3, 4, 3, 4, 3], dtype=np.int32)
    vectors = item2vec_block(np.array([0, 9]), items, 4, OPTIONS)
    assert vectors[1:].any(axis=1).all()
