"""Pooling and whitening: formulas by hand, and the items without words."""

import numpy as np
import pytest

from nextact.errors import NextactError
from nextact.options import OptionsError
from nextact.text.encoder.pooling import (
    PoolingOptions,
    pooled_item_vectors,
    sif_item_vectors,
    tfidf_item_vectors,
    unit_rows,
    whiten,
)
from nextact.text.words.word_vectors import WordVectors


def words(counts=(6, 3, 1)):
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
    return WordVectors(["a", "b", "c"], vectors, np.array(counts))


@pytest.fixture
def cloud():
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6)) + 3).astype(np.float32)
    rows[[0, 7]] = 0
    return rows


def test_weights_and_mean_are_those_of_the_formula():
    pooled = sif_item_vectors([["a", "b", "b", "?"]], words(), a=0.1, remove_components=0)
    np.testing.assert_allclose(pooled, [[0.1 / 0.7 / 3, 2 * 0.1 / 0.4 / 3, 0]], rtol=1e-6)


def test_without_counts_the_shares_are_those_of_the_items():
    tokens = [["a"] * 6, ["b"] * 3 + ["c"], ["?"]]
    known, unknown = words(), words(counts=(0, 0, 0))
    np.testing.assert_allclose(sif_item_vectors(tokens, unknown), sif_item_vectors(tokens, known), rtol=1e-6)


def test_tfidf_weights_are_those_of_the_formula():
    tokens = [["a", "b", "b"], ["a"], ["a", "c"], ["?"]]
    pooled = tfidf_item_vectors(tokens, words(), remove_components=0)
    idf = np.log(4 / np.array([4, 2, 2])) + 1  # of three items with known words
    np.testing.assert_allclose(pooled[0], [idf[0] / 3, 2 * idf[1] / 3, 0], rtol=1e-6)
    assert not pooled[3].any()


def test_options_choose_the_weighting():
    tokens = [["a", "b"], ["a", "c"], ["b", "c", "c"]]
    for weighting, wanted in (("sif", sif_item_vectors), ("tfidf", tfidf_item_vectors)):
        found = pooled_item_vectors(tokens, words(), PoolingOptions(weighting=weighting))
        np.testing.assert_array_equal(found, wanted(tokens, words()))
    kept = pooled_item_vectors(tokens, words(), PoolingOptions(remove_components=0, a=0.1))
    np.testing.assert_array_equal(kept, sif_item_vectors(tokens, words(), a=0.1, remove_components=0))


@pytest.mark.parametrize("wrong", [{"a": 0}, {"remove_components": -1}, {"weighting": "mean"}])
def test_pooling_options_out_of_range_raise(wrong):
    with pytest.raises(OptionsError):
        PoolingOptions(**wrong)


def test_the_first_singular_vector_is_taken_out():
    tokens = [["a", "b"], ["a", "c"], ["b", "c", "c"], ["a"]]
    plain = sif_item_vectors(tokens, words(), remove_components=0)
    _, _, directions = np.linalg.svd(plain)
    expected = plain - plain @ np.outer(directions[0], directions[0])
    np.testing.assert_allclose(sif_item_vectors(tokens, words()), expected, atol=1e-6)


def test_items_without_known_words_are_zero_and_have_no_say():
    tokens = [["a", "b"], ["a", "c"], ["b", "c", "c"]]
    pooled = sif_item_vectors([[], *tokens, ["?"]], words())
    assert not pooled[[0, -1]].any()
    np.testing.assert_allclose(pooled[1:-1], sif_item_vectors(tokens, words()), atol=1e-7)


def test_a_single_item_keeps_its_vector(caplog):
    assert sif_item_vectors([["a"], [], ["?"]], words())[0].any()
    assert "no component is taken out of 1 item(s)" in caplog.text


def test_no_items_give_no_rows():
    assert sif_item_vectors([], words()).shape == (0, 3)


@pytest.mark.parametrize("wrong", [{"a": 0}, {"remove_components": -1}])
def test_settings_out_of_range_raise(wrong):
    with pytest.raises(NextactError, match="needs a > 0"):
        sif_item_vectors([["a"]], words(), **wrong)


def test_rows_become_unit_and_zero_rows_stay(cloud):
    norms = np.linalg.norm(unit_rows(cloud), axis=1)
    np.testing.assert_allclose(norms, [0 if row in (0, 7) else 1 for row in range(500)], rtol=1e-5)


@pytest.mark.parametrize("dimensions", [None, 6, 2])
def test_whitened_rows_have_unit_covariance_and_zero_rows_stay(cloud, dimensions):
    white = whiten(cloud, eps=0, dimensions=dimensions).apply(cloud)
    assert white.dtype == np.float32
    assert not white[[0, 7]].any()
    rows = np.delete(white, [0, 7], axis=0)
    np.testing.assert_allclose(np.cov(rows, rowvar=False, bias=True), np.eye(dimensions or 6), atol=1e-3)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-4)


def test_zca_turns_less_than_pca(cloud):
    rows = np.delete(cloud, [0, 7], axis=0)
    centred = rows - rows.mean(axis=0)
    far = [np.square(whiten(rows, eps=0, dimensions=d).apply(rows) - centred).sum() for d in (None, 6)]
    assert far[0] < far[1]


def test_a_direction_without_variance_is_not_blown_up(cloud):
    flat = np.hstack([cloud, np.where(cloud.any(axis=1, keepdims=True), 2, 0)]).astype(np.float32)
    for eps in (0, 1e-4):
        assert np.abs(whiten(flat, eps=eps).apply(flat)).max() < 10


@pytest.mark.parametrize(
    ("rows", "settings"),
    [
        (np.zeros((3, 2)), {}),
        (np.ones((1, 2)), {}),
        (np.ones((4, 2)), {}),
        (np.eye(2), {"dimensions": 3}),
        (np.eye(2), {"eps": -1}),
    ],
)
def test_what_cannot_be_whitened_raises(rows, settings):
    with pytest.raises(NextactError, match="whiten: "):
        whiten(rows.astype(np.float32), **settings)


def test_vectors_of_another_width_raise(cloud):
    with pytest.raises(NextactError, match="made for 6 dimensions, got 2"):
        whiten(cloud).apply(np.ones((1, 2), np.float32))
