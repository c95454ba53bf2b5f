import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from nextact.errors import CannotFit, NextactError
from nextact.models.baselines.baseline_options import ContentKNNOptions
from nextact.models.baselines.content import ContentKNN
from nextact.models.recommender import ScoresSome
from nextact.sequences.histories import Histories
from nextact.text.words.tfidf import tfidf_vectors

TEXTS = [["red", "wine"], ["red", "wine", "dry"], ["green", "tea"], ["tea"], []]
QUERIES = Histories.from_lists([[1], [3, 2], [], [5]])


def sparse_block():
    matrix, _ = tfidf_vectors(TEXTS)
    return csr_matrix(np.vstack([np.zeros(matrix.shape[1]), matrix.toarray()]).astype(np.float32))


def test_content_knn_finds_the_nearest_text_for_an_item_nobody_chose(training_of):
    model = ContentKNN(ContentKNNOptions())
    model.fit(training_of([[3]]))
    scores = model.score(Histories.from_lists([[1]]))[0]
    assert scores[2] > scores[3]
    assert scores[2] > scores[4]


def test_an_unknown_block_names_the_near_one(training_of):
    with pytest.raises(NextactError, match="no item vectors 'encoded'; did you mean 'encoder'"):
        ContentKNN(ContentKNNOptions(block="encoded")).fit(training_of([[1]]))
    with pytest.raises(NextactError) as raised:
        ContentKNN(ContentKNNOptions(block="encoded")).fit(training_of([[1]]))
    assert not isinstance(raised.value, CannotFit)


@pytest.mark.parametrize("block", ["words", "words_title", "glove"])
def test_a_block_that_this_run_could_not_make_leaves_the_model_out_with_what_to_change(block, training_of):
    reason = (
        f"no item vectors '{block}', only encoder: after cleaning no item has a word .* item_text.blocks and item_wo"
    )
    with pytest.raises(CannotFit, match=reason):
        ContentKNN(ContentKNNOptions(block=block)).fit(training_of([[1]]))


def test_sparse_vectors_score_as_dense_ones_that_are_not_centred(training_of):
    block = sparse_block()
    sparse, dense = (ContentKNN(ContentKNNOptions(centre=False)) for _ in range(2))
    report = sparse.fit(training_of([[1]], n_items=5, vectors=block))
    assert report == {"dimensions": 5, "items_without_text": 1}
    assert dense.fit(training_of([[1]], n_items=5, vectors=block.toarray())) == report
    np.testing.assert_allclose(sparse.score(QUERIES), dense.score(QUERIES), atol=1e-6)
    items = np.array([[2, 4], [1, 4], [1, 2], [1, 2]], np.int32)
    np.testing.assert_array_equal(sparse.evidence(QUERIES, items), dense.evidence(QUERIES, items))
    assert sparse.evidence(QUERIES, items).tolist() == [[1, 0], [2, 3], [0, 0], [0, 0]]
    for model in (sparse, dense):
        assert isinstance(model, ScoresSome)
        some = np.take_along_axis(model.score(QUERIES), items, axis=1)
        assert some.any()
        np.testing.assert_allclose(model.score_some(QUERIES, items), some, atol=1e-6)


def test_sparse_vectors_stay_sparse_on_disk(training_of, tmp_path):
    model = ContentKNN(ContentKNNOptions())
    model.fit(training_of([[1]], n_items=5, vectors=sparse_block()))
    model.save(tmp_path)
    loaded = ContentKNN.load(tmp_path)
    assert isinstance(loaded.vectors, csr_matrix)
    np.testing.assert_array_equal(loaded.score(QUERIES), model.score(QUERIES))


def test_sparse_vectors_of_any_length_are_scaled_to_one(training_of):
    models = [ContentKNN(ContentKNNOptions()) for _ in range(2)]
    for factor, model in zip((1, 7), models, strict=True):
        model.fit(training_of([[1]], n_items=5, vectors=sparse_block() * factor))
    np.testing.assert_allclose(models[0].score(QUERIES), models[1].score(QUERIES), atol=1e-6)


def test_sparse_vectors_cannot_be_whitened(training_of):
    with pytest.raises(NextactError, match="'encoder' is sparse and cannot be whitened"):
        ContentKNN(ContentKNNOptions(whitening=True)).fit(training_of([[1]], n_items=5, vectors=sparse_block()))


def test_whitened_vectors_compare_by_mahalanobis_cosine(training_of):
    rng = np.random.default_rng(0)
    vectors = np.zeros((101, 5), np.float32)
    vectors[1:] = rng.normal(size=(100, 5)) @ rng.normal(size=(5, 5)) + 3
    model = ContentKNN(ContentKNNOptions(whitening=True, history_decay=1.0))
    model.fit(training_of([[1]], n_items=100, vectors=vectors))
    centred = vectors[1:] - vectors[1:].mean(axis=0)
    products = centred @ np.linalg.inv(np.cov(vectors[1:].T, bias=True)) @ centred.T
    cosine = products / np.sqrt(np.outer(np.diag(products), np.diag(products)))
    np.testing.assert_allclose(model.score(Histories.from_lists([[4]]))[0, 1:], cosine[3], atol=0.01)


def test_centring_is_optional_and_leaves_items_without_text_at_zero(training_of):
    vectors = np.array([[0, 0], [3, 4], [0, 2], [0, 0], [6, 0]], np.float32)
    plain, centred = ContentKNN(ContentKNNOptions(centre=False)), ContentKNN(ContentKNNOptions())
    for model in (plain, centred):
        model.fit(training_of([[1]], vectors=vectors))
        assert not model.vectors[[0, 3]].any()
    np.testing.assert_allclose(plain.vectors[1], [0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(centred.vectors[1], [0, 1], atol=1e-6)  # the mean of the texts is (3, 2)


def test_recent_steps_count_more_and_old_ones_not_at_all(training_of):
    model = ContentKNN(ContentKNNOptions(history_steps=2, history_decay=0.5))
    model.fit(training_of([[1]]))
    unit = model.vectors
    expected = unit @ (0.5 * unit[2] + unit[3])
    np.testing.assert_allclose(model.score(Histories.from_lists([[1, 2, 3]]))[0], expected, atol=1e-6)


def test_a_sparse_block_of_the_run_is_found_by_its_name(training_of):
    training = training_of([[1]], n_items=5, vectors=sparse_block())
    apart = dataclasses.replace(training, item_vectors={}, sparse_vectors={"words": sparse_block()})
    named, usual = ContentKNN(ContentKNNOptions(block="words")), ContentKNN(ContentKNNOptions())
    named.fit(apart)
    usual.fit(training)
    np.testing.assert_array_equal(named.score(QUERIES), usual.score(QUERIES))
    with pytest.raises(NextactError, match="did you mean 'words'"):
        ContentKNN(ContentKNNOptions(block="word")).fit(apart)


@pytest.mark.parametrize("block", ["words", "encoder"])
def test_in_a_run_without_any_text_the_model_is_left_out_with_the_reason(training_of, block):
    training = dataclasses.replace(training_of([[1]], n_items=5), item_vectors={})
    with pytest.raises(CannotFit, match=r"this run has no item vectors: no item has a text, or item_text.text_columns"):
        ContentKNN(ContentKNNOptions(block=block)).fit(training)
