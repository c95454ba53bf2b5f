import numpy as np
import pytest

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


def test_a_missing_folder_says_what_to_run(tmp_path):
    with pytest.raises(NextactError, match="run feature_engineering again"):
        ItemVectors.open(tmp_path / "nowhere")
