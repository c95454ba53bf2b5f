"""TF-IDF: weights by hand, and the items without words."""

import numpy as np
import pytest

from nextact.errors import NextactError
from nextact.options import OptionsError
from nextact.text.words.tfidf import TfidfOptions, reduce, tfidf_block, tfidf_vectors

TOKENS = [["red", "wine", "red"], ["wine"], [], ["tea"]]


@pytest.mark.parametrize(("sublinear", "tf"), [(True, 1 + np.log(2)), (False, 2)])
def test_weights_are_those_of_the_formula(sublinear, tf):
    matrix, words = tfidf_vectors(TOKENS, sublinear=sublinear)
    assert words == ["red", "tea", "wine"]
    red, wine = tf * (np.log(5 / 2) + 1), np.log(5 / 3) + 1
    expected = np.array([red, 0, wine]) / np.hypot(red, wine)
    np.testing.assert_allclose(matrix.toarray()[0], expected, rtol=1e-6)


def test_rows_have_length_one_and_an_item_without_words_is_zero():
    matrix, _ = tfidf_vectors(TOKENS)
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(matrix.toarray(), axis=1), [1, 1, 0, 1], rtol=1e-6)


def test_words_in_few_items_are_left_out():
    matrix, words = tfidf_vectors(TOKENS, min_count=2)
    assert words == ["wine"]
    assert matrix.toarray().ravel().tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("tokens", [[], [[], []], [["once"], ["only"]]])
def test_without_kept_words_there_are_no_columns(tokens):
    matrix, words = tfidf_vectors(tokens, min_count=2)
    assert matrix.shape == (len(tokens), 0)
    assert words == []


def test_a_min_count_below_one_raises():
    with pytest.raises(NextactError, match="min_count must be at least 1, got 0"):
        tfidf_vectors(TOKENS, min_count=0)


def test_all_dimensions_keep_the_similarities():
    matrix, _ = tfidf_vectors(TOKENS)
    reduced = reduce(matrix, dimensions=3)
    assert reduced.dtype == np.float32
    np.testing.assert_allclose(reduced @ reduced.T, (matrix @ matrix.T).toarray(), atol=1e-5)
    assert not reduced[2].any()


def test_the_same_seed_gives_the_same_projection(two_topics):
    matrix, _ = tfidf_vectors(two_topics)
    np.testing.assert_array_equal(reduce(matrix, 2, seed=3), reduce(matrix, 2, seed=3))


@pytest.mark.parametrize("dimensions", [0, 4])
def test_dimensions_out_of_range_raise(dimensions):
    with pytest.raises(NextactError, match=r"must lie in 1\.\.3 for 4 items with 3 words"):
        reduce(tfidf_vectors(TOKENS)[0], dimensions)


def test_a_block_keeps_the_similarities_of_the_words():
    tokens = [["red", "wine"], ["white", "wine"], ["tea", "red"], [], ["wine", "tea"]] * 2
    matrix, _ = tfidf_vectors(tokens, min_count=2)
    block = tfidf_block(tokens, TfidfOptions(dimensions=100))
    assert block.shape == (10, 4)
    np.testing.assert_allclose(block @ block.T, (matrix @ matrix.T).toarray(), atol=1e-5)


def test_a_block_without_kept_words_has_no_dimensions():
    assert tfidf_block([["once"], ["only"], []], TfidfOptions()).shape == (3, 0)


@pytest.mark.parametrize("wrong", [{"dimensions": 0}, {"min_count": 0}])
def test_options_of_a_block_out_of_range_raise(wrong):
    with pytest.raises(OptionsError, match=f"{next(iter(wrong))} must be at least 1"):
        TfidfOptions(**wrong)
