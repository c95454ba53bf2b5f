"""What a history says in words, and which of these words an item shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.models.baselines.history_weights import read_history
from nextact.models.baselines.shared_options import HistoryOptions
from nextact.sequences.histories import Histories
from nextact.text.words.profiles import KeyTerms, ProfileOptions


def history_weights(histories: Histories, n_items: int, options: ProfileOptions) -> csr_matrix:
    """How much each item of each history says, float32 [users, n_items + 1]; event types count alike."""
    reading = HistoryOptions(
        history_steps=options.history_steps,
        history_decay=options.history_decay,
        half_life_days=options.half_life_days,
    )
    return read_history(histories, n_items, reading, np.ones(np.iinfo(np.int8).max + 1))


class SharedWords:
    """The key terms of a history that another item has too.

    Args:
        tokens: The tokens of items 1 .. n_items.
        options: Which words count, and how much each part of a history says.

    Example:
        >>> words = SharedWords([["red", "wine"], ["white", "wine"], ["soap"]], ProfileOptions(min_items=1))
        >>> words.of(Histories.from_lists([[1]]), np.array([[2, 3, 0]]))
        [[['wine'], [], []]]
    """

    def __init__(self, tokens: list[list[str]], options: ProfileOptions) -> None:
        self.options, self.terms = options, KeyTerms(tokens, options)
        self.words_of = [frozenset[str](), *map(frozenset[str], tokens)]

    def of(self, histories: Histories, item_index: NDArray[np.int32]) -> list[list[list[str]]]:
        """Shared words of each user and item, those that say most of the history first.

        Args:
            histories: B users.
            item_index: int32 [B, K]; 0 is an empty place, which shares nothing.
        """
        weights = history_weights(histories, len(self.words_of) - 1, self.options)
        profiles = [[term for term, _ in terms] for terms in self.terms.of(weights)]
        return [
            [[term for term in terms if term in self.words_of[item]] for item in items]
            for terms, items in zip(profiles, item_index.tolist(), strict=True)
        ]
