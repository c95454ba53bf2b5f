"""Item2Vec: word vectors of a language whose words are items, compared with the recent history's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from nextact.errors import CannotFit
from nextact.models.baselines.baseline_options import Item2VecOptions
from nextact.models.baselines.history_weights import counted_events, type_weights
from nextact.models.baselines.vector_knn import VectorKNN
from nextact.models.recommender import FitReport, Training
from nextact.sequences.histories import Histories
from nextact.text.encoder.pooling import unit_rows

LONGEST_SENTENCE = 10_000  # gensim reads no further, and says nothing

Sentences = list[list[str]]


class Item2Vec(VectorKNN):
    """Word2Vec over users' histories or baskets (Barkan & Koenigstein, 2016); items score by cosine.

    Items without a vector (cold, or rarer than ``min_count``) score 0.
    """

    options_class = Item2VecOptions

    def fit(self, training: Training) -> FitReport:
        """Train vectors; the same log, options and seed give the same vectors on one machine."""
        self.of_types = type_weights(self.options, training.event_types)
        histories = counted_events(training.histories, self.of_types)
        sentences = list(sentences_of(histories, self.options.sentences == "baskets", training.context.seed))
        items, vectors, contexts = self._train(sentences, training.context.seed)
        self.vectors = _table(training.n_items, items, vectors)
        self.targets = _table(training.n_items, items, contexts) if self.options.compare == "contexts" else self.vectors
        return {"items_with_vectors": len(items), "sentences": len(sentences)}

    def _train(self, sentences: Sentences, seed: int) -> tuple[list[int], NDArray[np.float32], NDArray[np.float32]]:
        """Items, their vectors and their context vectors."""
        from gensim.models import Word2Vec

        counts = Counter(chain.from_iterable(sentences))
        if max(counts.values(), default=0) < self.options.min_count:
            raise CannotFit(f"none of {len(counts):,} items has min_count={self.options.min_count} training event(s)")
        longest = max(map(len, sentences))
        model = Word2Vec(
            sentences=sentences,
            vector_size=self.options.dimensions,
            window=longest if self.options.sentences == "baskets" else self.options.window,
            min_count=self.options.min_count,
            epochs=self.options.epochs,
            sg=int(self.options.skip_gram),
            negative=self.options.negatives,
            sample=self.options.subsample,
            alpha=self.options.learning_rate,
            seed=seed,
            workers=1,  # with more, the order in which threads see the sentences changes the vectors
            hashfxn=int,  # Python's own is salted
        )
        return [int(word) for word in model.wv.index_to_key], model.wv.vectors, model.syn1neg


def sentences_of(histories: Histories, by_basket: bool, seed: int) -> Iterator[list[str]]:
    """Items as words: a sentence a history or a basket, oldest step first, those of one step shuffled.

    Args:
        histories: Training events.
        by_basket: Let each step be a sentence instead of each history.
        seed: Seed of the order inside a step.

    Example:
        >>> list(sentences_of(Histories.from_lists([[3, 1], [], [2]]), by_basket=False, seed=0))
        [['3', '1'], ['2']]
    """
    order = shuffled_in_steps(histories, seed)
    owner = (histories.steps_of_events() if by_basket else histories.users_of_events)[order]
    words = histories.item_index[order].astype(str).tolist()
    bounds = np.flatnonzero(np.diff(owner, prepend=-1, append=-1))
    for start, end in pairwise(bounds.tolist()):
        for part in range(start, end, LONGEST_SENTENCE):
            yield words[part : min(part + LONGEST_SENTENCE, end)]


def shuffled_in_steps(histories: Histories, seed: int) -> NDArray[np.int64]:
    """Positions of the events, oldest step first, those of one step in random order, int64 [events]."""
    chance = np.random.default_rng(seed).random(histories.n_events)
    return np.lexsort((chance, histories.steps_of_events()))


def _table(n_items: int, items: list[int], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors of length 1 by item index; zero for items without one."""
    table = np.zeros((n_items + 1, vectors.shape[1]), np.float32)
    table[items] = vectors
    return unit_rows(table)
