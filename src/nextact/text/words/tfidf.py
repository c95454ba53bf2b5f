"""TF-IDF vectors of the items, sparse or reduced."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.errors import NextactError
from nextact.options import Count, Seed, options
from nextact.text.cleaning.corpus import Corpus


@options
class TfidfOptions:
    """How the tf-idf block is made.

    Attributes:
        dimensions: Singular directions kept; fewer where there are fewer words or items.
        min_count: Words in fewer items than this are left out.
        sublinear: Let a repeated word count less than twice.
        seed: Seed of the randomised solver.
    """

    dimensions: Count = 384
    min_count: Count = 2
    sublinear: bool = True
    seed: Seed = 0


def tfidf_block(tokens: Corpus[list[str]], options: TfidfOptions) -> NDArray[np.float32]:
    """Reduced tf-idf vectors of the items.

    Returns:
        float32 ``[items, at most dimensions]``; an item without a kept word has the zero row, and there are no columns
        where no word is kept.

    Example:
        >>> tfidf_block([["red", "wine"], ["red"]], TfidfOptions(min_count=1)).shape
        (2, 2)
    """
    matrix, words = tfidf_vectors(tokens, options.min_count, options.sublinear)
    if not words:
        return np.zeros((len(tokens), 0), np.float32)
    return reduce(matrix, min(options.dimensions, *matrix.shape), options.seed)


def tfidf_vectors(
    tokens: Corpus[list[str]], min_count: int = 1, sublinear: bool = True
) -> tuple[csr_matrix, list[str]]:
    """Weigh each word of an item by how few items have it.

    The weight is ``tf * (ln((1 + n) / (1 + df)) + 1)``, with ``n`` items and ``df`` of them having
    the word; ``tf`` is the count in the item, or ``1 + ln(count)`` where ``sublinear``.

    Args:
        tokens: The tokens of each item; gone through twice.
        min_count: Words in fewer items than this are left out.
        sublinear: Let a repeated word count less than twice.

    Returns:
        float32 ``[items, words]`` with rows of length one, zero for an item without a kept word;
        and the words in alphabetical order.

    Raises:
        NextactError: If ``min_count`` is below 1.

    Source:
        scikit-learn's ``TfidfVectorizer``, smoothed.

    Example:
        >>> matrix, words = tfidf_vectors([["red", "wine"], ["red"], []])
        >>> words, matrix.toarray().round(3).tolist()[1:]
        (['red', 'wine'], [[1.0, 0.0], [0.0, 0.0]])
    """
    if min_count < 1:
        raise NextactError(f"tfidf_vectors: min_count must be at least 1, got {min_count}")
    counts, words = word_counts(tokens, min_count)
    if not words:  # scikit-learn refuses a matrix without columns
        return counts, words
    from sklearn.feature_extraction.text import TfidfTransformer

    matrix = TfidfTransformer(sublinear_tf=sublinear).fit(counts).transform(counts, copy=False)
    return csr_matrix(matrix, dtype=np.float32), words


def reduce(matrix: csr_matrix, dimensions: int, seed: int = 0) -> NDArray[np.float32]:
    """Project sparse rows on their first singular directions, as latent semantic analysis does.

    Args:
        matrix: ``[items, words]``.
        dimensions: How many directions; at most the number of words and of items.
        seed: Seed of the randomised solver.

    Returns:
        float32 ``[items, dimensions]``, not rescaled; a zero row stays zero.

    Raises:
        NextactError: If ``dimensions`` is out of range.

    Source:
        Halko, Martinsson & Tropp, 2011, by scikit-learn's ``TruncatedSVD``.

    Example:
        >>> abs(reduce(csr_matrix([[3.0, 0.0], [0.0, 1.0]]), dimensions=1)).round(3).tolist()
        [[3.0], [0.0]]
    """
    if not 1 <= dimensions <= min(matrix.shape):
        raise NextactError(
            f"reduce: dimensions must lie in 1..{min(matrix.shape)} "
            f"for {matrix.shape[0]:,} items with {matrix.shape[1]:,} words, got {dimensions}"
        )
    from sklearn.decomposition import TruncatedSVD

    reduced = TruncatedSVD(n_components=dimensions, random_state=seed).fit_transform(matrix)
    return np.asarray(reduced, dtype=np.float32)


def word_counts(tokens: Corpus[list[str]], min_count: int) -> tuple[csr_matrix, list[str]]:
    """How often each kept word occurs in each item, and the words."""
    in_items: dict[str, int] = {}
    for found in tokens:
        for word in set(found):
            in_items[word] = in_items.get(word, 0) + 1
    words = sorted(word for word, n in in_items.items() if n >= min_count)
    return known_counts(tokens, {word: column for column, word in enumerate(words)}), words


def known_counts(tokens: Corpus[list[str]], columns: Mapping[str, int]) -> csr_matrix:
    """How often each word of a vocabulary occurs in each item, float32 ``[items, words]``; other words do not count.

    Example:
        >>> known_counts([["tea", "tea", "?"], []], {"soap": 0, "tea": 1}).toarray().tolist()
        [[0.0, 2.0], [0.0, 0.0]]
    """
    # No Python object a word: catalogues are large.
    indices, counts, row_starts = array("i"), array("f"), np.zeros(len(tokens) + 1, np.int64)
    for row, found in enumerate(tokens):
        known = Counter(columns[word] for word in found if word in columns)
        indices.extend(known)
        counts.extend(known.values())
        row_starts[row + 1] = len(indices)
    parts = np.array(counts, np.float32), np.array(indices, np.int32), row_starts
    matrix = csr_matrix(parts, shape=(len(tokens), len(columns)))
    matrix.sort_indices()
    return matrix
