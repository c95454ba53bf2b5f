"""What a history says in words, and which words two items share."""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy.sparse import csr_matrix

from nextact.models.baselines.history_weights import read_history
from nextact.models.baselines.shared_options import HistoryOptions
from nextact.sequences.histories import Histories
from nextact.text.words.profiles import ProfileOptions

# Of sizes, weights and packages: next to a number they say something, alone they say nothing.
SIZES = """
bx ca cc cl cm ct ctn cu doz dz ea fl ft g gal gm gr grm h hr hrs in inch inches k kg km l lb lbs liter liters litre
litres ltr m mg mi min mins ml mm ounce ounces oz pack pc pcs piece pieces pint pints pk pkg pkt pound pounds pt qt
quart quarts sq v w wt x yd
"""
UNITS = frozenset(SIZES.split())


def history_weights(histories: Histories, n_items: int, options: ProfileOptions) -> csr_matrix:
    """How much each item of each history says, float32 [users, n_items + 1]; event types count alike."""
    reading = HistoryOptions(
        history_steps=options.history_steps,
        history_decay=options.history_decay,
        half_life_days=options.half_life_days,
    )
    return read_history(histories, n_items, reading, np.ones(np.iinfo(np.int8).max + 1))


class SharedWords:
    """The words that two items have both, without numbers and units.

    Args:
        tokens: The tokens of items 1 .. n_items.

    Example:
        >>> words = SharedWords([["red", "wine", "2", "oz"], ["wine", "white", "2", "oz"], ["soap", "white"]])
        >>> words.shared(1, 2), words.shared(1, 3)
        (['wine'], [])
    """

    def __init__(self, tokens: list[list[str]]) -> None:
        self._words = [frozenset[str](), *(frozenset(filter(is_word, one)) for one in tokens)]
        self._in_items = Counter(word for one in self._words for word in one)

    def shared(self, item: int, other: int) -> list[str]:
        """Words of both items, those of the fewest items first, then in alphabetical order."""
        return sorted(self._words[item] & self._words[other], key=lambda word: (self._in_items[word], word))


def is_word(token: str) -> bool:
    """Whether a token says something where it stands alone: no number, no unit, no single letter.

    Example:
        >>> [token for token in ("rye", "3", "oz", "6pk", "x", "茶") if is_word(token)]
        ['rye', '茶']
    """
    lone_letter = len(token) == 1 and token.isascii()
    return not lone_letter and token not in UNITS and not any(one.isdigit() for one in token)
