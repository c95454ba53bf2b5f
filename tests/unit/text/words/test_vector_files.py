"""Files of word vectors: what is read, and which lines are blamed."""

import gzip

import numpy as np
import pytest

from nextact.errors import NextactError
from nextact.text.words.vector_files import read_glove, read_keyed_vectors

SOUND = "the 0.1 0.2\nred 0.3 -4e-1\n\u8336 1 2\n"


def write(folder, text):
    path = folder / "vectors.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_glove_file_is_read_in_its_order(tmp_path):
    words = read_glove(write(tmp_path, SOUND))
    assert words.words == ["the", "red", "\u8336"]
    np.testing.assert_allclose(words["red"], [0.3, -0.4], rtol=1e-6)
    assert not words.counts.any()


def test_a_packed_file_is_read(tmp_path):
    path = tmp_path / "vectors.txt.gz"
    path.write_bytes(gzip.compress(SOUND.encode()))
    assert len(read_glove(path)) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SOUND + "short 1\n" + SOUND.replace("the", "a") + "\n", r"2 broken line\(s\).*: line 4, 8"),
        (SOUND + "word one 2\n", r"1 broken line\(s\).*: line 4"),
        (SOUND + "nan nan 1\n", r"1 broken line\(s\).*: line 4"),
        (SOUND + "two words 1 2\n", r"1 broken line\(s\).*: line 4"),
        ("3 2\n" + SOUND.replace("0.2", "0.2 1").replace("4e-1", "4 1").replace("2\n", "2 1\n"), "broken"),
    ],
)
def test_broken_lines_are_counted_and_the_first_are_named(tmp_path, text, message):
    with pytest.raises(NextactError, match=message):
        read_glove(write(tmp_path, text))


def test_many_broken_lines_are_not_all_named(tmp_path):
    text = "".join(f"w{number} 1 2\n" for number in range(50)) + "x\n" * 20
    with pytest.raises(NextactError, match=r"20 broken line\(s\).*: line 51, 52, 53, 54, 55, \.\.\.$"):
        read_glove(write(tmp_path, text))


def test_a_header_in_a_glove_file_is_explained(tmp_path):
    with pytest.raises(NextactError, match="read it with read_keyed_vectors"):
        read_glove(write(tmp_path, "3 3\na 1 2 3\nb 1 2 3\nc 1 2 3\n"))


def test_an_empty_or_missing_file_raises(tmp_path):
    with pytest.raises(NextactError, match="no word vectors in it"):
        read_glove(write(tmp_path, ""))
    with pytest.raises(NextactError, match="no such file"):
        read_glove(tmp_path / "missing.txt")


def test_an_address_is_not_opened(tmp_path):
    with pytest.raises(NextactError, match="no such file"):
        read_keyed_vectors(type(tmp_path)("http://example.org/vectors.bin"), binary=True)


def test_a_repeated_word_keeps_its_first_vector(tmp_path):
    words = read_glove(write(tmp_path, SOUND + "red 9 9\n"))
    assert len(words) == 3
    np.testing.assert_allclose(words["red"], [0.3, -0.4], rtol=1e-6)


def test_both_forms_of_word2vec_files_give_the_same(tmp_path):
    text = write(tmp_path, "2 2\nred 1 2\ntea 3 4\n")
    binary = tmp_path / "vectors.bin"
    rows = np.array([[1, 2], [3, 4]], dtype="<f4")
    binary.write_bytes(b"2 2\n" + b"red " + rows[0].tobytes() + b"tea " + rows[1].tobytes())
    for words in (read_keyed_vectors(text, binary=False), read_keyed_vectors(binary, binary=True)):
        assert words.words == ["red", "tea"]
        np.testing.assert_array_equal(words.vectors, rows)


@pytest.mark.parametrize("content", [b"2 2\nred ", b"", b"a b\n", b"\x80\x03K\x01."])
def test_a_broken_binary_file_raises(tmp_path, content):
    path = tmp_path / "vectors.bin"
    path.write_bytes(content)
    with pytest.raises(NextactError):
        read_keyed_vectors(path, binary=True)


def test_a_broken_line_of_a_word2vec_text_file_is_named(tmp_path):
    with pytest.raises(NextactError, match=r"1 broken line\(s\).*: line 4"):
        read_keyed_vectors(write(tmp_path, "3 2\na 1 2\nb 1 2\nc 1\n"), binary=False)


def test_fewer_words_than_the_header_says_raise(tmp_path):
    with pytest.raises(NextactError, match="not in the expected format"):
        read_keyed_vectors(write(tmp_path, "5 2\na 1 2\nb 1 2\n"), binary=False)
