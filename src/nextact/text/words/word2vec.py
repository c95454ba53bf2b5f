"""Word2Vec, trained on the tokens of the items."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nextact.errors import NextactError
from nextact.options import Count, NotNegative, Seed, options
from nextact.text.cleaning.corpus import Corpus
from nextact.text.words.vector_files import read_keyed_vectors
from nextact.text.words.word_vectors import WordVectors


@options
class Word2VecOptions:
    """How to train Word2Vec.

    Attributes:
        dimensions: Length of each vector.
        window: Furthest distance, in tokens, between a word and its context.
        min_count: Words that occur less often have no vector.
        epochs: Passes over the corpus.
        skip_gram: Predict the context from the word; False predicts the word from its context (CBOW).
        negatives: Negative samples a positive one.
        subsample: Words with a larger share of the corpus than this are passed over at random, the
            more the larger the share; 0 reads every word, which suits the few distinct words of a catalogue.
        seed: Seed of the start vectors and of the samples.
        threads: Threads that train. One gives the same vectors at every run; with more, the order in which they see the
            corpus changes the vectors a little, and two take about half the time.
        pretrained: A file in the format of the word2vec tool (binary where its name holds ``.bin``, else text; ``.gz``
            is unpacked), read instead of training; the other options then mean nothing.
    """

    dimensions: Count = 64
    window: Count = 5
    min_count: Count = 2
    epochs: Count = 10
    skip_gram: bool = True
    negatives: Count = 5
    subsample: NotNegative = 0.0
    seed: Seed = 0
    threads: Count = 1
    pretrained: str | None = None


def word2vec_vectors(tokens: Corpus[list[str]], options: Word2VecOptions) -> WordVectors:
    """Word vectors read from ``options.pretrained`` where it names a file, else trained on the tokens.

    Raises:
        NextactError: As :func:`read_keyed_vectors` and :func:`train_word2vec` do.
    """
    if options.pretrained is None:
        return train_word2vec(tokens, options)
    path = Path(options.pretrained).expanduser()
    return read_keyed_vectors(path, binary=".bin" in path.suffixes)


def train_word2vec(tokens: Corpus[list[str]], options: Word2VecOptions) -> WordVectors:
    """Train word vectors on the tokens of the items.

    Args:
        tokens: The tokens of each item, gone through in each epoch; items without tokens are passed over.
        options: How to train.

    Returns:
        The words that occur at least ``min_count`` times, most frequent first. With one thread the same
        tokens and options give the same vectors, bit for bit, on the same machine.

    Raises:
        NextactError: If no word occurs often enough.

    Source:
        Mikolov et al., 2013, "Distributed Representations of Words and Phrases", by gensim.

    Example:
        >>> train_word2vec([["red", "wine"], ["red", "tea"]], Word2VecOptions(dimensions=4)).words
        ['red']
    """
    from gensim.models import Word2Vec

    frequent_words(tokens, options.min_count)
    model = Word2Vec(
        sentences=_Sentences(tokens),
        vector_size=options.dimensions,
        window=options.window,
        min_count=options.min_count,
        epochs=options.epochs,
        sg=int(options.skip_gram),
        negative=options.negatives,
        sample=options.subsample,
        seed=options.seed,
        workers=options.threads,
        hashfxn=_stable_hash,
    )
    words = list(model.wv.index_to_key)
    counts = np.array([model.wv.get_vecattr(word, "count") for word in words], dtype=np.int64)
    return WordVectors(words, model.wv.vectors, counts)


def frequent_words(tokens: Corpus[list[str]], min_count: int) -> dict[str, int]:
    """The words that occur at least ``min_count`` times and how often, most frequent first.

    Raises:
        NextactError: If there is none; says how many items and words there are.
    """
    counts = Counter(word for words in tokens for word in words)
    frequent = {word: count for word, count in counts.most_common() if count >= min_count}
    if not frequent:
        raise NextactError(
            f"tokens: no word occurs min_count={min_count} time(s) in {len(tokens):,} item(s) "
            f"with {len(counts):,} distinct word(s)"
        )
    return frequent


class _Sentences:
    """The items with tokens, for as many passes as are wanted."""

    def __init__(self, tokens: Corpus[list[str]]) -> None:
        self._tokens = tokens

    def __iter__(self) -> Iterator[list[str]]:
        return (words for words in self._tokens if words)


def _stable_hash(text: str) -> int:
    """A hash that is the same in every process; Python's own is salted."""
    return zlib.crc32(text.encode("utf-8"))
