import numpy as np
import pytest
from scipy.sparse import csr_matrix

from nextact.errors import NextactError
from nextact.text.blocks import ItemVectors


def vectors(seed=0, rows=4):
    return np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)


def test_blocks_come_back_as_they_were_saved(tmp_path):
    saved = ItemVectors.of({"encoder": vectors(), "word2vec": vectors(1)})
    saved.save(tmp_path)
    opened = ItemVectors.open(tmp_path)
    assert opened.hashes == saved.hashes
    for name, block in saved.blocks.items():
        np.testing.assert_array_equal(opened.blocks[name], block)


def test_the_hash_follows_the_content():
    changed = vectors()
    changed[2, 1] += 1e-3
    hashes = [ItemVectors.of({"a": block}).hashes["a"] for block in (vectors(), vectors(), changed)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_blocks_of_different_catalogues_are_refused():
    with pytest.raises(NextactError, match=r"as many rows each, got \{'a': 4, 'b': 5\}"):
        ItemVectors.of({"a": vectors(), "b": vectors(rows=5)})


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(NextactError, match=r"nowhere/blocks.json does not exist"):
        ItemVectors.open(tmp_path / "nowhere")


def sparse(changed=0.0):
    return csr_matrix(np.array([[0, 0, 0], [0.5, 0, 2 + changed], [0, 1, 0], [0, 0, 0]], np.float32))


def test_sparse_blocks_come_back_as_they_were_saved_and_stay_apart(tmp_path):
    saved = ItemVectors.of({"encoder": vectors()}, {"words": sparse(), "none": csr_matrix((4, 0), dtype=np.float32)})
    saved.save(tmp_path)
    opened = ItemVectors.open(tmp_path)
    assert (list(opened.blocks), list(opened.sparse)) == (["encoder"], ["words"])
    assert opened.hashes == saved.hashes
    np.testing.assert_array_equal(opened.sparse["words"].toarray(), sparse().toarray())


def test_the_hash_of_a_sparse_block_follows_the_content():
    hashes = [ItemVectors.of({}, {"words": block}).hashes["words"] for block in (sparse(), sparse(), sparse(0.5))]
    assert hashes[0] == hashes[1] != hashes[2]
    with pytest.raises(NextactError, match=r"as many rows each"):
        ItemVectors.of({"a": vectors(rows=5)}, {"words": sparse()})
