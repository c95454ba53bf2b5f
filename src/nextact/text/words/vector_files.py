"""Read word vectors in the formats of GloVe and Word2Vec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nextact.errors import NextactError
from nextact.text.words.word_vectors import WordVectors

_NAMED_LINES = 5


def read_glove(path: Path) -> WordVectors:
    """Read a text file with a word and its numbers on each line, separated by one space.

    Args:
        path: The file, in UTF-8, without a header; ``.gz`` is unpacked on the way.

    Returns:
        The vectors in the order of the file; a repeated word keeps its first. Counts are zero: the
        format has none.

    Raises:
        NextactError: If the file is missing or empty, or lines are broken; names the first of them.
    """
    _check_file(path)
    broken = broken_lines(path)
    if broken:
        raise NextactError(f"{path.name}: {_describe(broken)}{_header_hint(path, broken)}")
    return _read(path, binary=False, no_header=True)


def read_keyed_vectors(path: Path, binary: bool) -> WordVectors:
    """Read a file in the format of the word2vec tool: a header with both sizes, then the words.

    Args:
        path: The file; ``.gz`` is unpacked on the way.
        binary: True for the binary form (``.bin``), False for text.

    Returns:
        The vectors in the order of the file; a repeated word keeps its first. Counts are zero: the
        format has none.

    Raises:
        NextactError: If the file is missing or broken; in a text file, names the first broken lines.
    """
    _check_file(path)
    broken = [] if binary else broken_lines(path, n_header=1)
    if broken:
        raise NextactError(f"{path.name}: {_describe(broken)}")
    return _read(path, binary=binary, no_header=False)


def broken_lines(path: Path, n_header: int = 0) -> list[int]:
    """Lines that do not have as many numbers as most lines of the file.

    Args:
        path: A text file of word vectors.
        n_header: Lines at the start to pass over.

    Returns:
        Line numbers from 1, in order; ``[]`` for a sound file.

    Raises:
        NextactError: If the file has no vectors.
    """
    sizes = [len(fields) - 1 for fields in _fields(path, n_header)]
    if not sizes:
        raise NextactError(f"{path.name}: no word vectors in it")
    usual = max(1, Counter(sizes).most_common(1)[0][0])
    first = n_header + 1
    wrong = [line for line, size in enumerate(sizes, start=first) if size != usual]
    if wrong:
        return wrong
    return [line for line, fields in enumerate(_fields(path, n_header), start=first) if not _are_numbers(fields[1:])]


def _fields(path: Path, n_header: int) -> Iterator[list[bytes]]:
    from gensim.utils import open as open_any  # unpacks .gz, as the reader itself does

    with open_any(str(path), "rb") as lines:
        for number, line in enumerate(lines):
            if number >= n_header:
                yield line.rstrip().split(b" ")


def _are_numbers(fields: list[bytes]) -> bool:
    try:
        return bool(np.isfinite(np.array(fields, dtype=np.bytes_).astype(np.float64)).all())
    except ValueError:
        return False


def _describe(lines: list[int]) -> str:
    named = ", ".join(map(str, lines[:_NAMED_LINES])) + (", ..." if len(lines) > _NAMED_LINES else "")
    return f"{len(lines):,} broken line(s), not a word and its numbers: line {named}"


def _header_hint(path: Path, broken: list[int]) -> str:
    first = next(_fields(path, 0))
    is_header = broken == [1] and len(first) == 2 and all(field.isdigit() for field in first)
    return "; line 1 looks like a word2vec header: read it with read_keyed_vectors" if is_header else ""


def _check_file(path: Path) -> None:
    # Before gensim sees the name: it would open an address on the network too.
    if not path.is_file():
        raise NextactError(f"{path}: no such file of word vectors")


def _read(path: Path, *, binary: bool, no_header: bool) -> WordVectors:
    from gensim.models import KeyedVectors

    try:
        read = KeyedVectors.load_word2vec_format(str(path), binary=binary, no_header=no_header)
    except (ValueError, EOFError, UnicodeDecodeError, IndexError) as error:
        raise NextactError(f"{path.name}: not in the expected format: {error}") from error
    n = read.next_index  # a repeated word leaves an empty place at the end
    return WordVectors(list(read.index_to_key[:n]), read.vectors[:n], np.zeros(n, dtype=np.int64))
