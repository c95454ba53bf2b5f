"""Which item of a history spoke for a recommendation, by leaving steps out."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from nextact.models.sequence.inference import last_item_states
from nextact.models.sequence.network import SequenceNetwork
from nextact.sequences.histories import Histories
from nextact.sequences.user_blocks import user_blocks

NEWEST_STEPS = 5  # steps that are left out in turn


def find_evidence(
    network: SequenceNetwork, histories: Histories, item_index: NDArray[np.int32], max_steps: int
) -> NDArray[np.int32]:
    """The item that stands for the step without which a recommended item's score falls most.

    Args:
        network: Fitted, in evaluation mode.
        histories: B users.
        item_index: int32 [B, K], the recommended items.
        max_steps: Newest steps that the network reads.

    Returns:
        int32 [B, K]; of that step the item whose vector has the largest product with the recommended item's;
        0 where no score falls.
    """
    found = np.zeros(item_index.shape, np.int32)
    vectors_bytes = item_index.shape[1] * network.item_table_VD[0].nbytes
    for users in user_blocks(histories.n_users, vectors_bytes):
        recent = histories.take(users).last_steps(max_steps)
        found[users] = _evidence_of_block(network, recent, item_index[users], max_steps)
    return found


def leave_out(histories: Histories, back: int) -> Histories:
    """The same users without their ``back``-th newest step (1 is the newest); all of a history that has fewer.

    Example:
        >>> leave_out(Histories.from_lists([[3, 1, 2], [4]]), back=2).item_index.tolist()
        [3, 2, 4]
    """
    kept = ~_in_step(histories, back)
    offsets = np.append(0, np.cumsum(kept))[histories.offsets]
    return Histories(
        offsets.astype(np.int64),
        histories.item_index[kept],
        histories.event_type[kept],
        histories.timestamp[kept],
        histories.starts_step[kept],
    )


def _in_step(histories: Histories, back: int) -> NDArray[np.bool_]:
    """Whether each event belongs to its user's ``back``-th newest step."""
    start, end = histories.step_start(back), histories.step_start(back - 1)
    position = np.arange(histories.n_events)
    return (position >= np.repeat(start, histories.lengths)) & (position < np.repeat(end, histories.lengths))


def _evidence_of_block(
    network: SequenceNetwork, recent: Histories, item_index: NDArray[np.int32], max_steps: int
) -> NDArray[np.int32]:
    with torch.inference_mode():
        matrix_VD = network.item_matrix()
        items_BKD = matrix_VD[torch.from_numpy(item_index.astype(np.int64)).to(matrix_VD.device)]

        def scores(variant: Histories) -> NDArray[np.float32]:
            states_BD = last_item_states(network, matrix_VD, variant, max_steps)
            return torch.einsum("bd,bkd->bk", states_BD, items_BKD).cpu().numpy()

        full = scores(recent)
        falls = np.stack([full - scores(leave_out(recent, back)) for back in range(1, NEWEST_STEPS + 1)])
        vectors, wanted = matrix_VD.cpu().numpy(), items_BKD.cpu().numpy()
    bounds = [recent.step_start(back) for back in range(NEWEST_STEPS + 1)]
    # Without a step that is not there scores change by rounding alone, where others of the batch get shorter.
    falls[np.stack(bounds[1:]) == np.stack(bounds[:-1])] = -np.inf
    best = falls.argmax(axis=0)  # [B, K], 0 is the newest step
    found = np.zeros(item_index.shape, np.int32)
    for back in range(1, NEWEST_STEPS + 1):
        chosen = (best == back - 1) & (falls[back - 1] > 0)
        start, end = bounds[back], bounds[back - 1]
        for user in np.flatnonzero(chosen.any(axis=1)):
            own = recent.item_index[start[user] : end[user]]
            nearest = own[(wanted[user] @ vectors[own].T).argmax(axis=1)]
            found[user, chosen[user]] = nearest[chosen[user]]
    return found
