"""Reasons in words for recommended items, from the evidence the model itself names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nextact.models.recommender import Explains, Recommender
from nextact.retrieval.words import SharedWords
from nextact.sequences.histories import Histories

NAMED_WORDS = 3


def reasons(
    model: Recommender,
    histories: Histories,
    item_index: NDArray[np.int32],
    item_names: Sequence[str],
    words: SharedWords | None = None,
) -> list[list[str]]:
    """One sentence per recommended item.

    Args:
        model: The model that ranked; where it names no evidence, the words that item and history share are the reason.
        histories: B users.
        item_index: int32 [B, K]; 0 is an empty place.
        item_names: Words for each item index, ``item_names[0]`` unused.
        words: Of the same catalogue; without, or where nothing is shared, a general reason is given.

    Returns:
        B lists of K sentences; empty where the place is empty.
    """
    evidence = model.evidence(histories, item_index) if isinstance(model, Explains) else np.zeros_like(item_index)
    unexplained = np.where(evidence == 0, item_index, 0).astype(np.int32)
    shared = words.of(histories, unexplained) if words is not None and unexplained.any() else None
    sentences = []
    for user in range(histories.n_users):
        own = histories.item_index[histories.offsets[user] : histories.offsets[user + 1]]
        common = shared[user] if shared is not None else [[]] * item_index.shape[1]
        rows = zip(item_index[user].tolist(), evidence[user].tolist(), common, strict=True)
        sentences.append([_sentence(item, because, own, item_names, terms) for item, because, terms in rows])
    return sentences


def _sentence(item: int, because: int, own: NDArray[np.int32], item_names: Sequence[str], shared: Sequence[str]) -> str:
    if item == 0:
        return ""
    times = int((own == item).sum())
    if because == item and times:
        return "chosen once before" if times == 1 else f"chosen {times} times before"
    if because:
        return f"because of {item_names[because]}"
    if shared:
        return f"shares with the history: {', '.join(shared[:NAMED_WORDS])}"
    return "liked by many"
