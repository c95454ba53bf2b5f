"""Word2Vec: what it learns, and that it learns the same twice."""

import os
import subprocess
import sys

import numpy as np
import pytest

from nextact.errors import NextactError
from nextact.options import OptionsError
from nextact.text.words.word2vec import Word2VecOptions, train_word2vec, word2vec_vectors

SMALL = Word2VecOptions(dimensions=16, epochs=5, subsample=0)


def test_neighbours_are_words_of_the_same_topic(two_topics, share_within_topic):
    assert share_within_topic(train_word2vec(two_topics, SMALL)) == 1.0


@pytest.mark.parametrize("skip_gram", [True, False])
def test_the_same_seed_gives_the_same_vectors(two_topics, skip_gram):
    options = Word2VecOptions(dimensions=16, epochs=2, skip_gram=skip_gram)
    first, second = train_word2vec(two_topics, options), train_word2vec(two_topics, options)
    assert first.words == second.words
    np.testing.assert_array_equal(first.vectors, second.vectors)


def test_another_seed_gives_other_vectors(two_topics):
    other = Word2VecOptions(dimensions=16, epochs=5, subsample=0, seed=1)
    assert not np.allclose(train_word2vec(two_topics, SMALL).vectors, train_word2vec(two_topics, other).vectors)


def test_the_salt_of_python_hashes_does_not_change_the_vectors():
    code = (
        "from nextact.text.words.word2vec import *\n"
        "tokens = [['red', 'wine', 'tea'], ['tea', 'red', 'wine']] * 5\n"
        "print(train_word2vec(tokens, Word2VecOptions(dimensions=4)).vectors.tobytes().hex())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": salt},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for salt in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_counts_are_those_of_the_corpus_and_rare_words_have_no_vector():
    words = train_word2vec([["a", "b", "a"], [], ["a", "b", "c"]], Word2VecOptions(dimensions=3))
    assert words.words == ["a", "b"]
    assert words.counts.tolist() == [3, 2]
    assert words.vectors.shape == (2, 3)


@pytest.mark.parametrize("tokens", [[], [[]], [["once", "only"]]])
def test_a_corpus_without_frequent_words_raises(tokens):
    with pytest.raises(NextactError, match="no word occurs min_count=2"):
        train_word2vec(tokens, SMALL)


@pytest.mark.parametrize("wrong", [{"dimensions": 0}, {"seed": -1}, {"window": 0}, {"vector_size": 4}])
def test_options_out_of_range_or_unknown_raise(wrong):
    with pytest.raises(OptionsError):
        Word2VecOptions(**wrong)


def test_without_a_file_vectors_are_trained():
    tokens = [["red", "wine"], ["red", "tea"]] * 3
    assert (word2vec_vectors(tokens, SMALL).vectors == train_word2vec(tokens, SMALL).vectors).all()


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.bin", "vectors.bin.gz", "vectors.txt.gz"])
def test_a_pretrained_file_is_read_instead(tmp_path, name):
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(2)
    keyed.add_vectors(["tea", "soap"], np.array([[1, 2], [3, 4]], dtype=np.float32))
    keyed.save_word2vec_format(str(tmp_path / name), binary=".bin" in name)
    words = word2vec_vectors([["tea"]], Word2VecOptions(pretrained=str(tmp_path / name)))
    assert words.words == ["tea", "soap"]
    assert words["soap"].tolist() == [3, 4]


def test_a_missing_pretrained_file_is_named(tmp_path):
    with pytest.raises(NextactError, match=r"none\.bin: no such file"):
        word2vec_vectors([["tea"]], Word2VecOptions(pretrained=str(tmp_path / "none.bin")))
