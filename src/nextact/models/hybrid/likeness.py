"""How alike a candidate and what the user did last are, by the items' own vectors.

Shapes: U users, C candidates, I items, D dimensions of a block, B blocks.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nextact.models.baselines.history_weights import history_matrix
from nextact.sequences.histories import Histories
from nextact.sequences.user_blocks import user_blocks
from nextact.text.encoder.pooling import unit_rows

Vectors = NDArray[np.float32]
BLOCK_USERS = 64


def unit_blocks(item_vectors: Mapping[str, Vectors], wanted: tuple[str, ...]) -> dict[str, Vectors]:
    """Those of the wanted blocks that there are, float32 [I + 1, D], every row of length 1, or 0 without content."""
    return {name: unit_rows(np.asarray(item_vectors[name])) for name in wanted if name in item_vectors}


def likeness_names(blocks: Mapping[str, Vectors]) -> list[str]:
    """Of the columns of :func:`likeness_to_newest`."""
    return [f"{name}_cosine_to_newest" for name in blocks]


def likeness_to_newest(
    item_index: NDArray[np.int32], histories: Histories, blocks: Mapping[str, Vectors]
) -> NDArray[np.float32]:
    """Cosine of each candidate and the user's newest step in each block, float32 [U, C, B].

    A step of several items is the mean of their vectors. 0 where the history is empty or one of both has no vector.
    """
    found = np.zeros((*item_index.shape, len(blocks)), np.float32)
    newest = histories.between(histories.step_start(1), histories.offsets[1:])
    for place, vectors in enumerate(blocks.values()):
        last = unit_rows(history_matrix(newest, len(vectors) - 1) @ vectors)
        for users in user_blocks(len(last), item_index.shape[1] * vectors[:1].nbytes, BLOCK_USERS):
            found[users, :, place] = np.einsum("ucd,ud->uc", vectors[item_index[users]], last[users])
    return found
