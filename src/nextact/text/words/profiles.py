"""What a user's history says in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.errors import NextactError
from nextact.options import Count, Factor, Positive, WholeNumber, options
from nextact.text.cleaning.corpus import Corpus
from nextact.text.words.tfidf import word_counts


@options
class ProfileOptions:
    """Which words describe a user, and how much each part of the history says.

    Attributes:
        terms: Words a user; 0 makes no profiles.
        min_items: Words in fewer items than this describe nobody.
        history_steps: Newest steps that are read; None reads all.
        history_decay: Factor per step back, in (0, 1].
        half_life_days: Age, counted from the user's newest event, at which an event counts half; None ignores age.
    """

    terms: WholeNumber = 10
    min_items: Count = 2
    history_steps: Count | None = None
    history_decay: Factor = 0.95
    half_life_days: Positive | None = None


class KeyTerms:
    """The words of a catalogue, weighed by how few items have them.

    A term's weight for a user is ``share * idf``: its share among the tokens of the items in the history, each item
    weighed as the history weighs it, times ``ln((1 + n) / (1 + df))`` over the catalogue's ``n`` items with text, so
    that a word which all items have describes nobody.

    Args:
        tokens: The tokens of items 1 .. n_items.
        options: Which words count.

    Example:
        >>> terms = KeyTerms([["red", "wine"], ["white", "wine"], ["soap"]], ProfileOptions(terms=2, min_items=1))
        >>> [(word, round(weight, 2)) for word, weight in terms.of(csr_matrix([[0, 1.0, 0.5, 0]]))[0]]
        [('red', 0.23), ('wine', 0.14)]
    """

    def __init__(self, tokens: Corpus[list[str]], options: ProfileOptions) -> None:
        counts, self.words = word_counts(tokens, options.min_items)
        self.n_terms = options.terms
        n_items = np.count_nonzero(np.diff(counts.indptr))
        in_items = np.bincount(counts.indices, minlength=len(self.words)) if len(self.words) else np.zeros(0)
        self._idf: NDArray[np.float64] = np.log((1 + n_items) / (1 + in_items))
        self._counts = counts

    def of(self, history: csr_matrix) -> list[list[tuple[str, float]]]:
        """Key terms of users.

        Args:
            history: ``[users, n_items + 1]``: how much each item of each history counts; column 0 is padding.

        Returns:
            For each user words and weights, the largest weight first, ties in alphabetical order; ``[]`` for a
            history without known words.

        Raises:
            NextactError: If the history is of another catalogue.
        """
        if history.shape[1] != self._counts.shape[0] + 1:
            raise NextactError(
                f"key terms: of {self._counts.shape[0]:,} items, the history is of {history.shape[1] - 1:,}"
            )
        weighted = csr_matrix(history[:, 1:] @ self._counts)
        return [self._largest(*row) for row in _rows(weighted)]

    def _largest(self, words: NDArray[np.int32], counts: NDArray[np.float64]) -> list[tuple[str, float]]:
        weights = counts / max(counts.sum(), np.finfo(np.float64).tiny) * self._idf[words]
        order = np.lexsort((words, -weights))[: self.n_terms]
        return [(self.words[words[place]], float(weights[place])) for place in order if weights[place] > 0]


def _rows(matrix: csr_matrix) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float64]]]:
    for row in range(matrix.shape[0]):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        yield matrix.indices[part], matrix.data[part].astype(np.float64)
