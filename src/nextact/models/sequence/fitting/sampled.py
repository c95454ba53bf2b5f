"""Losses over a sample of the catalogue, for catalogues whose full softmax is too dear.

Shapes: N steps, D dimensions, V items with padding, P targets, S sampled items.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus


@dataclass(frozen=True)
class Negatives:
    """Items that stand for the whole catalogue in one batch, shared by all its steps.

    Attributes:
        items_S: Drawn items, repeats among them.
        log_expected_V: Logarithm of how often each item is expected among them.
        n_items: Items that can be drawn.
    """

    items_S: Tensor
    log_expected_V: Tensor
    n_items: int


def draw_negatives(log_popularity_V: Tensor, item_P: Tensor, n_uniform: int, n_popular: int, n_batch: int) -> Negatives:
    """Items drawn evenly, by popularity, and from the batch's own targets.

    Args:
        log_popularity_V: Logarithm of each item's share of the training events; -inf for one that has none, which is
            never drawn.
        item_P: Targets of the batch.
        n_uniform: Items drawn evenly from those with a training event.
        n_popular: Items drawn by popularity.
        n_batch: Targets drawn from the batch, which follow popularity too.
    """
    device, popularity_V = item_P.device, log_popularity_V.exp()
    seen = popularity_V.nonzero().squeeze(1)
    uniform = seen[torch.randint(0, len(seen), (n_uniform,), device=device)]
    popular = torch.multinomial(popularity_V, n_popular, replacement=True) if n_popular else uniform[:0]
    batch = item_P[torch.randint(0, len(item_P), (n_batch,), device=device)]
    expected_V = n_uniform / len(seen) + (n_popular + n_batch) * popularity_V
    return Negatives(torch.cat([uniform, popular, batch]), expected_V.clamp(min=1e-12).log(), len(seen))


def sampled_softmax_loss(
    states_ND: Tensor,
    item_matrix_VD: Tensor,
    bias_V: Tensor,
    row_P: Tensor,
    item_P: Tensor,
    weight_P: Tensor,
    negatives: Negatives,
) -> Tensor:
    """Mean cross-entropy over steps between each target and the shared negatives, in nats.

    A negative's logit is lowered by the logarithm of how often it is expected in the sample (logQ correction), so that
    the softmax stands for that of the whole catalogue; a negative that is the target itself is left out.

    Source:
        Bengio & Senécal, 2008; Yi et al., 2019, "Sampling-bias-corrected neural modeling".
    """
    positive_P, negative_PS = _logits(states_ND, item_matrix_VD, bias_V, row_P, item_P, negatives)
    corrected_PS = negative_PS - negatives.log_expected_V[negatives.items_S]
    everything = torch.cat([positive_P[:, None], corrected_PS], dim=1)
    loss: Tensor = (weight_P * (torch.logsumexp(everything, dim=1) - positive_P)).sum() / len(states_ND)
    return loss


def gbce_loss(
    states_ND: Tensor,
    item_matrix_VD: Tensor,
    bias_V: Tensor,
    row_P: Tensor,
    item_P: Tensor,
    weight_P: Tensor,
    negatives: Negatives,
    calibration: float,
) -> Tensor:
    """Generalised binary cross-entropy, mean over steps; negatives must be drawn evenly.

    Args:
        states_ND: State after each step.
        item_matrix_VD: Vector of each item.
        bias_V: Bias of each item.
        row_P: Step of each target.
        item_P: Item of each target.
        weight_P: Weight of each target.
        negatives: Shared negatives.
        calibration: t in [0, 1]; 0 is plain binary cross-entropy, 1 gives calibrated probabilities.

    Source:
        Petrov & Macdonald, 2023, "gSASRec", equations 9 and 16.
    """
    positive_P, negative_PS = _logits(states_ND, item_matrix_VD, bias_V, row_P, item_P, negatives)
    sampled = len(negatives.items_S) / max(negatives.n_items - 1, 1)
    sampled = min(sampled, 1.0)
    beta = sampled * (calibration * (1 - 1 / sampled) + 1 / sampled)
    each_P = -beta * logsigmoid(positive_P) + softplus(negative_PS).sum(dim=1)
    loss: Tensor = (weight_P * each_P).sum() / len(states_ND)
    return loss


def _logits(
    states_ND: Tensor, item_matrix_VD: Tensor, bias_V: Tensor, row_P: Tensor, item_P: Tensor, negatives: Negatives
) -> tuple[Tensor, Tensor]:
    """Logits of the targets [P] and of the negatives for each target [P, S]; -inf where both are one item."""
    if not len(states_ND):
        raise ValueError("a sampled loss needs at least one step, got none")
    states_ND, item_matrix_VD = states_ND.float(), item_matrix_VD.float()  # logits keep their last digits
    with torch.autocast(states_ND.device.type, enabled=False):
        positive_P = (states_ND[row_P] * item_matrix_VD[item_P]).sum(dim=1) + bias_V[item_P]
        drawn = negatives.items_S
        negative_NS = torch.addmm(bias_V[drawn], states_ND, item_matrix_VD[drawn].T)
    same_PS = item_P[:, None] == drawn[None, :]
    return positive_P, negative_NS[row_P].masked_fill(same_PS, -torch.inf)
