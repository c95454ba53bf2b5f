"""GloVe: co-occurrences and objective by hand, and what it learns."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from nextact.errors import NextactError
from nextact.options import OptionsError
from nextact.text.encoder.pooling import unit_rows
from nextact.text.words.glove import GloVeOptions, cooccurrences, glove_loss, glove_vectors, train_glove
from nextact.text.words.word2vec import Word2VecOptions, train_word2vec

SMALL = GloVeOptions(dimensions=8, epochs=30)


def test_near_words_count_one_over_their_distance_in_both_directions():
    counts = cooccurrences([["a", "?", "b", "c"], ["a"], ["c", "b"]], ["a", "b", "c"], window=2).toarray()
    np.testing.assert_array_equal(counts, [[0, 1, 0.5], [1, 0, 2], [0.5, 2, 0]])


def test_a_window_neither_crosses_items_nor_exceeds_its_width():
    counts = cooccurrences([["a", "b", "c"], ["d"]], ["a", "b", "c", "d"], window=1).toarray()
    assert counts[0, 2] == 0
    assert not counts[3].any()


def test_the_objective_on_three_words_is_that_of_the_paper():
    word = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    context = np.array([[0.2, 0.1], [0.0, 0.3], [1.0, 1.0]])
    bias, context_bias = [0.1, 0.2, 0.3], [0.0, -0.1, 0.5]
    pairs = {(0, 1): 1.0, (1, 2): 4.0, (0, 2): 30.0}
    expected = 0.0
    predicted = []
    for (i, j), x in pairs.items():
        predicted.append(float(word[i] @ context[j]) + bias[i] + context_bias[j])
        weight = min(1.0, (x / 10) ** 0.75)
        expected += weight * (predicted[-1] - math.log(x)) ** 2
    loss = glove_loss(torch.tensor(predicted), torch.tensor(list(pairs.values())), x_max=10, alpha=0.75)
    assert float(loss.sum()) == pytest.approx(expected, rel=1e-5)


def test_the_first_loss_is_that_of_vectors_near_zero():
    losses = []
    options = GloVeOptions(dimensions=300, epochs=1, min_count=1, learning_rate=1e-9, x_max=100)
    train_glove([["a", "b"]] * 20, options, lambda _, loss: losses.append(loss))
    assert losses[0] == pytest.approx((20 / 100) ** 0.75 * math.log(20) ** 2, rel=0.05)


def test_the_loss_falls(two_topics):
    losses = []
    train_glove(two_topics, SMALL, lambda _, loss: losses.append(loss))
    assert len(losses) == SMALL.epochs
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert losses[-1] < losses[0] / 4


def test_neighbours_agree_with_those_of_word2vec(two_topics, share_within_topic):
    glove = train_glove(two_topics, SMALL)
    word2vec = train_word2vec(two_topics, Word2VecOptions(dimensions=8, subsample=0))
    assert share_within_topic(glove) == share_within_topic(word2vec) == 1.0


def test_neighbours_on_real_item_texts_are_often_those_of_word2vec(product_tokens):
    glove = train_glove(product_tokens, GloVeOptions(dimensions=32, epochs=15))
    word2vec = train_word2vec(product_tokens, Word2VecOptions(dimensions=32, subsample=0))
    words = [word for word, count in zip(glove.words, glove.counts, strict=True) if count >= 20]

    def nearest(vectors):
        rows = unit_rows(vectors.vectors[[vectors.positions[word] for word in words]])
        cosines = rows @ rows.T
        np.fill_diagonal(cosines, -np.inf)
        return np.argsort(-cosines, axis=1)[:100, :10]

    def overlap(one, other):
        return np.mean([len(np.intersect1d(*pair)) / 10 for pair in zip(one, other, strict=True)])

    found, expected = nearest(glove), nearest(word2vec)
    assert overlap(found, expected) > 0.2
    assert overlap(np.roll(found, 50, axis=0), expected) < 0.06  # of another word


def test_the_same_seed_gives_the_same_vectors(two_topics):
    options = GloVeOptions(dimensions=4, epochs=2)
    first, second = train_glove(two_topics, options), train_glove(two_topics, options)
    np.testing.assert_array_equal(first.vectors, second.vectors)
    assert not np.allclose(first.vectors, train_glove(two_topics, GloVeOptions(dimensions=4, epochs=2, seed=1)).vectors)


def test_rare_words_have_no_vector_and_counts_are_those_of_the_corpus():
    words = train_glove([["a", "b"], ["a", "b", "rare"], ["a"]], GloVeOptions(dimensions=2, epochs=1))
    assert words.words == ["a", "b"]
    assert words.counts.tolist() == [3, 2]


@pytest.mark.parametrize("tokens", [[], [[]], [["once", "only"]], [["alone"], ["alone"]]])
def test_a_corpus_without_pairs_raises(tokens):
    with pytest.raises(NextactError, match="tokens: no "):
        train_glove(tokens, SMALL)


def test_a_loss_that_is_not_finite_raises(two_topics):
    with pytest.raises(NextactError, match=r"lower GloVeOptions\.learning_rate"):
        train_glove(two_topics, GloVeOptions(dimensions=4, epochs=5, learning_rate=1e30))


@pytest.mark.parametrize("wrong", [{"dimensions": 0}, {"x_max": 0}, {"alpha": -1}, {"epoch": 3}])
def test_options_out_of_range_or_unknown_raise(wrong):
    with pytest.raises(OptionsError):
        GloVeOptions(**wrong)


def test_a_pretrained_file_is_read_instead_and_its_broken_lines_are_named(tmp_path):
    file = tmp_path / "glove.txt"
    file.write_text("tea 1 2\nsoap 3 4\n", encoding="utf-8")
    words = glove_vectors([["tea"]], GloVeOptions(pretrained=str(file)))
    assert words["soap"].tolist() == [3, 4]
    file.write_text("tea 1 2\nsoap 3\nmilk 5 6\n", encoding="utf-8")
    with pytest.raises(NextactError, match=r"1 broken line.*line 2"):
        glove_vectors([["tea"]], GloVeOptions(pretrained=str(file)))


def test_without_a_file_vectors_are_trained():
    tokens = [["red", "wine"], ["red", "tea", "wine"]] * 3
    assert (glove_vectors(tokens, SMALL).vectors == train_glove(tokens, SMALL).vectors).all()
