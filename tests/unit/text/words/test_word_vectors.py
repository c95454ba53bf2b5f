"""Word vectors: neighbours, and storage without a pickle."""

import json

import numpy as np
import pytest

from nextact.errors import NextactError
from nextact.text.words.word_vectors import WordVectors


@pytest.fixture
def drinks():
    vectors = np.array([[1, 0], [0.9, 0.1], [0, 1], [0, 0]], dtype=np.float32)
    return WordVectors(["tea", "coffee", "soap", "\u8336"], vectors, np.array([4, 3, 2, 1]))


def test_neighbours_come_nearest_first_without_the_word_itself(drinks):
    assert [word for word, _ in drinks.nearest("tea", 10)] == ["coffee", "soap", "\u8336"]
    assert len(drinks.nearest("tea", 1)) == 1


def test_a_zero_vector_has_cosine_zero(drinks):
    assert drinks.nearest("\u8336", 2) == [("tea", 0.0), ("coffee", 0.0)]


def test_an_unknown_word_names_the_close_match(drinks):
    with pytest.raises(NextactError, match=r"no word 'cofee' among 4; did you mean 'coffee'\?"):
        drinks.nearest("cofee")


def test_what_is_saved_is_read_back(drinks, tmp_path):
    drinks.save(tmp_path / "new" / "folder")
    read = WordVectors.load(tmp_path / "new" / "folder")
    assert read.words == drinks.words
    np.testing.assert_array_equal(read.vectors, drinks.vectors)
    np.testing.assert_array_equal(read.counts, drinks.counts)


def test_the_stored_files_hold_no_pickle(drinks, tmp_path):
    drinks.save(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["vectors.npy", "words.json"]
    assert np.load(tmp_path / "vectors.npy", allow_pickle=False).dtype == np.float32
    assert json.loads((tmp_path / "words.json").read_text(encoding="utf-8"))["words"][0] == "tea"


def test_a_pickled_array_is_refused(drinks, tmp_path):
    drinks.save(tmp_path)
    np.save(tmp_path / "vectors.npy", np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(NextactError, match="not readable"):
        WordVectors.load(tmp_path)


@pytest.mark.parametrize("damage", ["missing", "cut", "other words", "not json"])
def test_a_damaged_folder_raises(drinks, tmp_path, damage):
    drinks.save(tmp_path)
    if damage == "missing":
        (tmp_path / "words.json").unlink()
    elif damage == "cut":
        (tmp_path / "vectors.npy").write_bytes((tmp_path / "vectors.npy").read_bytes()[:100])
    elif damage == "other words":
        (tmp_path / "words.json").write_text('{"words": ["a"], "counts": [1]}')
    else:
        (tmp_path / "words.json").write_text("[")
    with pytest.raises(NextactError):
        WordVectors.load(tmp_path)


def test_parts_that_do_not_belong_together_raise():
    with pytest.raises(NextactError, match="do not belong together"):
        WordVectors(["a", "b"], np.zeros((1, 2), np.float32), np.zeros(2, np.int64))
    with pytest.raises(NextactError, match=r"1 word\(s\) repeat"):
        WordVectors(["a", "a"], np.zeros((2, 2), np.float32), np.zeros(2, np.int64))
    with pytest.raises(NextactError, match=r"not finite, e\.g\. of 'b'"):
        WordVectors(["a", "b"], np.array([[1], [np.nan]], np.float32), np.zeros(2, np.int64))
