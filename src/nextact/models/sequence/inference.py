"""What a fitted network says of histories, in blocks of users.

Shapes: U users, D dimensions, V items with padding, C event types.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nextact.models.sequence.data.step_log import StepLog
from nextact.models.sequence.data.windows import with_open_step
from nextact.models.sequence.network import SequenceNetwork
from nextact.sequences.histories import Histories

BLOCK_STEPS = 16_384  # steps, padding included, that are read at once


def score_items(
    network: SequenceNetwork, histories: Histories, max_steps: int, event_type: int | None = None
) -> NDArray[np.float32]:
    """Logit of every item as each user's next, [U, V]; the bias alone for a user without a history.

    Args:
        network: Fitted, in evaluation mode.
        histories: U users.
        max_steps: Newest steps that are read.
        event_type: The event type that is asked for; those that count as targets, by their probability, if left out.
    """
    with torch.inference_mode():
        matrix_VD = network.item_matrix()
        states_UD = last_item_states(network, matrix_VD, histories, max_steps, event_type)
        logits = torch.addmm(network.item_bias_V, states_UD, matrix_VD.T)
    return logits.cpu().numpy()


def score_event_types(network: SequenceNetwork, histories: Histories, max_steps: int) -> NDArray[np.float64]:
    """Probability of each event type in the next step, [U, C]."""
    with torch.inference_mode():
        states_UD = last_states(network, network.item_matrix(), histories, max_steps)
        probabilities = network.type_logits(states_UD).double().softmax(dim=1)
    return probabilities.cpu().numpy()


def score_states(network: SequenceNetwork, histories: Histories, max_steps: int) -> NDArray[np.float32]:
    """State from which each user's next step is predicted, float32 [U, D]; zero for a user without a history."""
    with torch.inference_mode():
        states_UD = last_states(network, network.item_matrix(), histories, max_steps)
    return states_UD.float().cpu().numpy()


def last_item_states(
    network: SequenceNetwork, matrix_VD: Tensor, histories: Histories, max_steps: int, event_type: int | None = None
) -> Tensor:
    """State from which items are scored, [U, D]; zero for a user without a history."""
    states_UD = last_states(network, matrix_VD, histories, max_steps)
    shares_UC = network.likely_targets(states_UD)
    if event_type is not None:
        shares_UC = torch.zeros_like(shares_UC)
        shares_UC[:, event_type] = 1
    has_history = torch.from_numpy(histories.lengths > 0).to(states_UD.device)
    return torch.where(has_history[:, None], network.item_states(states_UD, shares_UC), 0.0)


def last_states(network: SequenceNetwork, matrix_VD: Tensor, histories: Histories, max_steps: int) -> Tensor:
    """State from which each user's next step is predicted, [U, D]; zero for a user without a history."""
    if network.training:
        raise RuntimeError("last_states needs the network in evaluation mode")
    hides = network.objective == "masked"  # then one place is for the step that is asked for
    log = StepLog(histories.last_steps(max_steps - hides))
    states_UD = matrix_VD.new_zeros(histories.n_users, matrix_VD.shape[1])
    by_length = np.argsort(log.n_steps, kind="stable")
    by_length = by_length[log.n_steps[by_length] > 0]
    for start in range(0, len(by_length), max(BLOCK_STEPS // max_steps, 1)):
        users = by_length[start : start + max(BLOCK_STEPS // max_steps, 1)]
        n_steps = log.n_steps[users]
        inputs = log.inputs(log.first_step[users], n_steps)
        if hides:
            inputs, n_steps = with_open_step(inputs, n_steps), n_steps + 1
        inputs = inputs.to(matrix_VD.device)
        newest = torch.from_numpy(np.cumsum(n_steps) - 1).to(matrix_VD.device)
        where = torch.from_numpy(users).to(matrix_VD.device)
        states_UD[where] = network.states(inputs, matrix_VD)[newest].to(states_UD.dtype)
    return states_UD
