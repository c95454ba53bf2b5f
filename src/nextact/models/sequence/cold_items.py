"""Items without a training event: what stands in for the id vector and the bias that they could not learn."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nextact.models.sequence.network import SequenceNetwork
from nextact.text.encoder.pooling import unit_rows, whiten

# Fewer or nearer neighbours find more cold items and cost warm ones; chosen on validation
NEIGHBOURS, SHARPNESS = 5, 4.0
BLOCK_ITEMS = 1024


@dataclass(frozen=True, eq=False)
class ColdItems:
    """Which items have no training event, and which warm ones stand in for them.

    Attributes:
        with_text: int64 [U], items whose text has neighbours.
        neighbours_UK: int64 [U, K], the warm items nearest by text.
        weights_UK: float32 [U, K], powers of the cosines; rows sum to 1.
        without_text: int64, the other ones.
    """

    with_text: Tensor
    neighbours_UK: Tensor
    weights_UK: Tensor
    without_text: Tensor

    @classmethod
    def of(cls, network: SequenceNetwork, text: NDArray[np.float32] | None) -> ColdItems:
        """Those of a network, by one block of text vectors, or without text.

        Args:
            network: Knows which items were warm; one without ids needs no stand-in.
            text: float32 [n_items + 1, dimensions]; a zero row has no text.
        """
        is_warm = network.is_warm_V.cpu().numpy().copy()
        is_warm[0] = True  # padding is no item
        if not network.item_table_VD.requires_grad:
            is_warm[:] = True
        has_text = np.zeros(len(is_warm), np.bool_) if text is None else np.asarray(text.any(axis=1))
        cold, warm = np.flatnonzero(has_text & ~is_warm), np.flatnonzero(has_text & is_warm)
        if text is None or not len(cold) or not text[warm].var(axis=0).any():
            cold, nearest, weights = cold[:0], np.zeros((0, 1), np.int64), np.zeros((0, 1), np.float32)
        else:
            nearest, weights = _nearest(text, cold, warm)
        without = np.setdiff1d(np.flatnonzero(~is_warm), cold)
        return cls(*map(torch.from_numpy, (cold, nearest, weights, without)))

    def fill(self, network: SequenceNetwork) -> None:
        """Give each cold item the weighted mean of its neighbours' ids, and the bias of an average item.

        Where cold items outnumber the warm ones, the bias is less by so much that all of them weigh no more than
        these.
        One without text gets the mean of all ids: the softmax leaves open what all ids have in common, so that zero
        would be no neutral value. Its bias stays at the start, that of no event.
        """
        if not len(self.with_text) + len(self.without_text):
            return
        with torch.no_grad():
            table_VD, bias_V = network.item_table_VD, network.item_bias_V
            where, near, weights = (
                part.to(table_VD.device) for part in (self.with_text, self.neighbours_UK, self.weights_UK)
            )
            table_VD[where] = (table_VD[near] * weights[:, :, None]).sum(dim=1)
            bias_V[where] = bias_V[network.is_warm_V].mean() - log(max(len(where) / int(network.is_warm_V.sum()), 1))
            table_VD[self.without_text.to(table_VD.device)] = table_VD[network.is_warm_V].mean(dim=0)


def _nearest(
    text: NDArray[np.float32], cold: NDArray[np.int64], warm: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Nearest warm items of cold ones by cosine of the whitened text, and their weights, [U, K]."""
    unit = unit_rows(whiten(text).apply(text))
    n_kept = min(NEIGHBOURS, len(warm))
    nearest, weights = [], []
    for start in range(0, len(cold), BLOCK_ITEMS):
        cosines = unit[cold[start : start + BLOCK_ITEMS]] @ unit[warm].T
        best = np.argpartition(-cosines, n_kept - 1, axis=1)[:, :n_kept]
        power = np.maximum(np.take_along_axis(cosines, best, axis=1), 1e-6) ** SHARPNESS
        nearest.append(warm[best])
        weights.append(power / power.sum(axis=1, keepdims=True))
    return np.concatenate(nearest), np.concatenate(weights).astype(np.float32)
