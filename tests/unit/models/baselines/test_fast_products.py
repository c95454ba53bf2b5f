"""Products and choices that run in threads or on dense blocks, against the plain way."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random

from nextact.models.baselines import gram, item_knn
from nextact.models.baselines.baseline_options import ItemKNNOptions
from nextact.models.baselines.gram import dense_gram
from nextact.models.baselines.item_knn import ItemKNN
from nextact.models.baselines.storage import keep_largest, keep_largest_dense


@pytest.mark.parametrize("block", [1, 3, 7, 100])
def test_the_gram_matrix_is_the_product_whatever_the_blocks(monkeypatch, block):
    monkeypatch.setattr(gram, "BLOCK_ITEMS", block)
    matrix = csr_matrix(random(40, 7, 0.3, random_state=0, dtype=np.float32))
    found = dense_gram(matrix)
    np.testing.assert_allclose(found, (matrix.T @ matrix).toarray(), rtol=1e-6)
    assert found.flags.f_contiguous
    assert (found == found.T).all()


@pytest.mark.parametrize("few", [1, 3, 1_000])
@pytest.mark.parametrize("small", [0, 100])
def test_items_of_many_users_are_multiplied_as_well_as_the_others(monkeypatch, few, small):
    monkeypatch.setattr(gram, "BLOCK_USERS", 7)
    monkeypatch.setattr(gram, "BLOCK_ITEMS", 4)
    monkeypatch.setattr(gram, "FEW_USERS", few)
    monkeypatch.setattr(gram, "SMALL_CATALOGUE", small)
    matrix = csr_matrix(random(40, 11, 0.3, random_state=1, dtype=np.float32))
    found = dense_gram(matrix)
    np.testing.assert_allclose(found, (matrix.T @ matrix).toarray(), rtol=1e-6)
    assert found.flags.f_contiguous
    assert (found == found.T).all()


@pytest.mark.parametrize("n_per_row", [1, 2, 5, 50])
def test_dense_rows_keep_what_sparse_rows_keep(n_per_row):
    rows = np.random.default_rng(0).integers(-3, 4, (30, 12)).astype(np.float32)  # many ties, many zeros
    rows[4] = 0
    kept, wanted = keep_largest_dense(rows, n_per_row), keep_largest(csr_matrix(rows), n_per_row)
    assert (kept != wanted).nnz == 0
    np.testing.assert_array_equal(kept.indptr, wanted.indptr)
    np.testing.assert_array_equal(kept.indices, wanted.indices)


@pytest.mark.parametrize("shrinkage", [0.0, 5.0])
def test_a_small_catalogue_has_the_neighbours_of_a_large_one(monkeypatch, shrinkage, training_of):
    log = np.random.default_rng(0).integers(1, 13, (30, 5)).tolist()
    training = training_of(log, n_items=12)
    options = ItemKNNOptions(neighbours=3, shrinkage=shrinkage)
    at_once, by_blocks = ItemKNN(options), ItemKNN(options)
    at_once.fit(training)
    monkeypatch.setattr(item_knn, "SMALL_CATALOGUE", 0)
    by_blocks.fit(training)
    assert at_once.weights.nnz
    np.testing.assert_array_equal(at_once.weights.indices, by_blocks.weights.indices)
    np.testing.assert_allclose(at_once.weights.data, by_blocks.weights.data, rtol=1e-6)
