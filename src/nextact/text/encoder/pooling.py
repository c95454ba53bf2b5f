"""Item vectors from word vectors, and the two ways to even them out."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.errors import NextactError
from nextact.options import Positive, WholeNumber, options
from nextact.text.cleaning.corpus import Corpus
from nextact.text.words.tfidf import known_counts
from nextact.text.words.word_vectors import WordVectors

log = logging.getLogger(__name__)
Vectors = NDArray[np.float32]
_ROWS_AT_ONCE = 50_000


@options
class PoolingOptions:
    """How word vectors become item vectors.

    Attributes:
        weighting: ``sif``, smooth inverse frequency in the corpus, or ``tfidf``, inverse frequency among the items.
        a: Weight of rare against frequent words, above 0; read with ``sif`` only.
        remove_components: Components that all items share and that are taken out; 0 keeps the weighted means.
    """

    weighting: Literal["sif", "tfidf"] = "sif"
    a: Positive = 1e-3
    remove_components: WholeNumber = 1


def pooled_item_vectors(tokens: Corpus[list[str]], word_vectors: WordVectors, options: PoolingOptions) -> Vectors:
    """Item vectors by the weighting of the options; see :func:`sif_item_vectors` and :func:`tfidf_item_vectors`."""
    if options.weighting == "sif":
        return sif_item_vectors(tokens, word_vectors, options.a, options.remove_components)
    return tfidf_item_vectors(tokens, word_vectors, options.remove_components)


def tfidf_item_vectors(tokens: Corpus[list[str]], word_vectors: WordVectors, remove_components: int = 1) -> Vectors:
    """Pool word vectors by inverse item frequency.

    As :func:`sif_item_vectors`, with the weight ``ln((1 + n) / (1 + df)) + 1`` of a word that ``df`` of the ``n`` items
    with known words have.

    Example:
        >>> words = WordVectors(["tea", "soap"], np.eye(2, dtype=np.float32), np.array([0, 0]))
        >>> tfidf_item_vectors([["tea", "soap"], ["tea"]], words, remove_components=0).round(3)
        array([[0.5  , 0.703],
               [1.   , 0.   ]], dtype=float32)
    """
    counts = known_counts(tokens, word_vectors.positions).astype(np.float64)
    n_items = np.count_nonzero(np.diff(counts.indptr))
    in_items = np.bincount(counts.indices, minlength=counts.shape[1])
    return _pooled(counts, np.log((1 + n_items) / (1 + in_items)) + 1, word_vectors, remove_components)


def sif_item_vectors(
    tokens: Corpus[list[str]], word_vectors: WordVectors, a: float = 1e-3, remove_components: int = 1
) -> Vectors:
    """Pool word vectors by smooth inverse frequency.

    Each item is the mean of ``a / (a + p(w)) * vector(w)`` over its known tokens, repeats included.
    Then the first principal components of the items are taken out, which all of them share.

    Args:
        tokens: The tokens of each item.
        word_vectors: Vectors and counts; ``p(w)`` is the share of a word in the counts. Where all
            counts are zero (a file that has none), it is the share among the known words of ``tokens``.
        a: Weight of rare against frequent words, above 0.
        remove_components: Components to take out; 0 keeps the weighted means. None is taken out
            where there are not more items than components, since nothing would remain.

    Returns:
        float32 ``[items, dimensions]``. An item without known words has the zero row and no say in
        the components.

    Raises:
        NextactError: If ``a`` or ``remove_components`` is out of range.

    Source:
        Arora, Liang & Ma, 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings".

    Example:
        >>> words = WordVectors(["tea", "soap"], np.eye(2, dtype=np.float32), np.array([1, 1]))
        >>> sif_item_vectors([["tea", "soap"], ["?"]], words, a=0.5, remove_components=0)
        array([[0.25, 0.25],
               [0.  , 0.  ]], dtype=float32)
    """
    if a <= 0 or remove_components < 0:
        raise NextactError(f"sif_item_vectors: needs a > 0 and remove_components >= 0, got {a} and {remove_components}")
    counts = known_counts(tokens, word_vectors.positions).astype(np.float64)
    return _pooled(counts, a / (a + _shares(counts, word_vectors)), word_vectors, remove_components)


def _pooled(counts: csr_matrix, weights: NDArray[np.float64], word_vectors: WordVectors, remove: int) -> Vectors:
    """Weighted means without their common components; ``counts`` is used up."""
    n_known = np.asarray(counts.sum(axis=1)).ravel()
    counts.data *= weights[counts.indices]  # here and not on the vectors, of which a large file has gigabytes
    result = np.zeros((counts.shape[0], word_vectors.dimensions), np.float32)
    starts = range(0, len(result), _ROWS_AT_ONCE)

    def means(start: int) -> NDArray[np.float64]:
        """Of a part of the items: at double precision all of them would take twice the memory of the result."""
        part = slice(start, start + _ROWS_AT_ONCE)
        return np.asarray(counts[part] @ word_vectors.vectors / np.maximum(n_known[part], 1)[:, None])

    components = _common_components(map(means, starts), int(np.count_nonzero(n_known)), result.shape[1], remove)
    for start in starts:
        found = means(start)
        result[start : start + _ROWS_AT_ONCE] = found - found @ components @ components.T
    return result


def unit_rows(vectors: Vectors) -> Vectors:
    """Scale each row to length one; a zero row stays zero.

    Example:
        >>> unit_rows(np.array([[3, 4], [0, 0]], dtype=np.float32))
        array([[0.6, 0.8],
               [0. , 0. ]], dtype=float32)
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Whitening:
    """A linear map after which the dimensions have mean 0, variance 1 and no correlation.

    Attributes:
        mean: float32 ``[dimensions]``, taken off first.
        matrix: float32 ``[dimensions, new dimensions]``, multiplied from the right.
    """

    mean: Vectors
    matrix: Vectors

    def apply(self, vectors: Vectors) -> Vectors:
        """Map vectors ``[items, dimensions]``; a zero row, which stands for no text, stays zero."""
        if vectors.shape[1] != len(self.mean):
            raise NextactError(f"whitening: made for {len(self.mean)} dimensions, got {vectors.shape[1]}")
        mapped = (vectors - self.mean) @ self.matrix
        return np.asarray(np.where(vectors.any(axis=1, keepdims=True), mapped, 0), dtype=np.float32)


def whiten(vectors: Vectors, eps: float = 1e-4, dimensions: int | None = None) -> Whitening:
    """Fit a whitening on the rows that are not zero.

    Args:
        vectors: float32 ``[items, dimensions]``; fit on training items alone where that matters.
        eps: Share of the mean variance that is added to each, so that a direction without variance
            is not blown up; at least 0. With 0, a direction without variance is mapped to 0.
        dimensions: None keeps all dimensions and turns as little as possible (ZCA); a number keeps
            that many principal components, the widest first (PCA).

    Returns:
        The map.

    Raises:
        NextactError: If fewer than two rows are not zero, they are all alike, or ``dimensions`` is out of range.

    Source:
        Su et al., 2021, "Whitening Sentence Representations"; Kessy, Lewin & Strimmer, 2018, for ZCA.

    Example:
        >>> rows = np.array([[2, 0], [-2, 0], [0, 1], [0, -1]], dtype=np.float32)
        >>> whiten(rows, eps=0).apply(rows).round(3)
        array([[ 1.414,  0.   ],
               [-1.414,  0.   ],
               [ 0.   ,  1.414],
               [ 0.   , -1.414]], dtype=float32)
    """
    rows = vectors[vectors.any(axis=1)].astype(np.float64)
    if dimensions is not None and not 1 <= dimensions <= vectors.shape[1]:
        raise NextactError(f"whiten: dimensions must lie in 1..{vectors.shape[1]}, got {dimensions}")
    if eps < 0 or len(rows) < 2 or not rows.var(axis=0).any():
        raise NextactError(f"whiten: needs eps >= 0 and two different non-zero rows, got eps {eps}, {len(rows)} row(s)")
    variances, directions = np.linalg.eigh(np.cov(rows, rowvar=False, bias=True).reshape(rows.shape[1], -1))
    variances, directions = np.maximum(variances[::-1], 0), directions[:, ::-1]
    scaled = directions * _inverse_roots(variances + eps * variances.mean())
    matrix = scaled @ directions.T if dimensions is None else scaled[:, :dimensions]
    return Whitening(rows.mean(axis=0).astype(np.float32), matrix.astype(np.float32))


def _inverse_roots(variances: NDArray[np.float64]) -> NDArray[np.float64]:
    """``1 / sqrt(variance)``, and 0 for what is a rounding error beside the widest."""
    is_real = variances > 1e-12 * variances.max()
    return np.where(is_real, 1 / np.sqrt(np.where(is_real, variances, 1)), 0)


def _shares(counts: csr_matrix, word_vectors: WordVectors) -> NDArray[np.float64]:
    known = word_vectors.counts if word_vectors.counts.any() else np.asarray(counts.sum(axis=0)).ravel()
    return np.asarray(known / max(known.sum(), 1), dtype=np.float64)


def _common_components(
    means: Iterable[NDArray[np.float64]], n_rows: int, dimensions: int, n: int
) -> NDArray[np.float64]:
    """The first ``n`` right singular vectors of all rows, ``[dimensions, n]``; none of so few rows or fewer."""
    if 0 < n_rows <= n:
        log.warning("no component is taken out of %s item(s) with known words: %s were asked for", n_rows, n)
    if n == 0 or n_rows <= n:
        return np.zeros((dimensions, 0))
    gram = sum((rows.T @ rows for rows in means), start=np.zeros((dimensions, dimensions)))
    _, directions = np.linalg.eigh(gram)  # the largest eigenvectors of the Gram matrix are those singular vectors
    return np.asarray(directions[:, -n:])
