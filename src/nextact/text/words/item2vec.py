"""Item2Vec: Word2Vec of a language whose words are items and whose sentences are histories."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nextact.options import NotNegative, options
from nextact.text.words.word2vec import Word2VecOptions, train_word2vec

LONGEST_SENTENCE = 10_000  # gensim reads no further, and says nothing


@options
class ItemSentencesOptions(Word2VecOptions):
    """As for words, but for a log, whose most popular items would fill the sentences.

    Attributes:
        subsample: Items with a larger share of the events than this are passed over at random, the more the larger the
            share; 0 reads every event.
    """

    subsample: NotNegative = 1e-3


def item2vec_block(
    offsets: NDArray[np.int64], item_index: NDArray[np.int32], n_items: int, options: Word2VecOptions
) -> NDArray[np.float32]:
    """Vectors of items that users choose near each other.

    Args:
        offsets: int64 ``[users + 1]``; user u owns the events ``offsets[u]`` to ``offsets[u + 1]``.
        item_index: int32 ``[events]``, 1 .. n_items, oldest first; training events alone.
        n_items: Items of the catalogue.
        options: How to train; ``min_count`` counts events.

    Returns:
        float32 ``[n_items + 1, dimensions]``; zero rows for padding and for items with fewer events.

    Raises:
        NextactError: If no item has ``min_count`` events.

    Source:
        Barkan & Koenigstein, 2016, "Item2Vec: Neural Item Embedding for Collaborative Filtering".

    Example:
        >>> block = item2vec_block(np.array([0, 2, 4]), np.array([1, 2, 1, 2]), 3, Word2VecOptions(dimensions=4))
        >>> block.shape, block.any(axis=1).tolist()
        ((4, 4), [False, True, True, False])
    """
    trained = train_word2vec(list(_sentences(offsets, item_index)), options)
    vectors = np.zeros((n_items + 1, options.dimensions), np.float32)
    vectors[[int(word) for word in trained.words]] = trained.vectors
    return vectors


def _sentences(offsets: NDArray[np.int64], item_index: NDArray[np.int32]) -> Iterator[list[str]]:
    words = item_index.astype(str).tolist()
    for start, end in pairwise(offsets.tolist()):
        for part in range(start, end, LONGEST_SENTENCE):
            yield words[part : min(part + LONGEST_SENTENCE, end)]
