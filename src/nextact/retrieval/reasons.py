"""Reasons in words for recommended items, from the evidence the model itself names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nextact.models.recommender import Explains, Recommender
from nextact.sequences.histories import Histories


def reasons(
    model: Recommender, histories: Histories, item_index: NDArray[np.int32], item_names: Sequence[str]
) -> list[list[str]]:
    """One sentence per recommended item.

    Args:
        model: The model that ranked; one that names no evidence gives a general reason.
        histories: B users.
        item_index: int32 [B, K]; 0 is an empty place.
        item_names: Words for each item index, ``item_names[0]`` unused.

    Returns:
        B lists of K sentences; empty where the place is empty.
    """
    evidence = model.evidence(histories, item_index) if isinstance(model, Explains) else np.zeros_like(item_index)
    sentences = []
    for user in range(histories.n_users):
        own = histories.item_index[histories.offsets[user] : histories.offsets[user + 1]]
        pairs = zip(item_index[user].tolist(), evidence[user].tolist(), strict=True)
        sentences.append([_sentence(item, because, own, item_names) for item, because in pairs])
    return sentences


def _sentence(item: int, because: int, own: NDArray[np.int32], item_names: Sequence[str]) -> str:
    if item == 0:
        return ""
    times = int((own == item).sum())
    if because == item and times:
        return "chosen once before" if times == 1 else f"chosen {times} times before"
    if because:
        return f"because of {item_names[because]}"
    return "liked by many"
