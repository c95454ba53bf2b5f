"""Heads from what is known at a moment to the hazard of each event type.

Shapes: N rows, X inputs, C event types, H horizons.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from nextact.models.behaviour.heads.head import Head, Heads


class HorizonHead(Head):
    """A hazard for the stretch up to each horizon.

    The probability of no event up to horizon h is ``exp(-(a_1 + ... + a_h))`` with ``a = softplus(logit) >= 0``, so
    that the probability of an event never falls with the horizon. The first horizon alone is a logistic regression.

    Args:
        n_inputs: X.
        n_states: How many of them, the last ones, are the sequence network's states.
        n_event_types: C.
        n_horizons: H.

    Source:
        Gensheimer & Narasimhan, 2019 (a discrete-time survival model for neural networks).
    """

    def __init__(self, n_inputs: int, n_states: int, n_event_types: int, n_horizons: int) -> None:
        super().__init__(n_inputs, n_states, n_event_types * n_horizons)
        self.shape = n_event_types, n_horizons

    def start_at_shares(self, share_CH: Tensor) -> None:
        """Begin with the same probability for everybody: how often it happened."""
        total = -torch.log1p(-share_CH.clamp(1e-4, 1 - 1e-4))
        hazard = torch.diff(total, dim=1, prepend=torch.zeros(len(total), 1, dtype=total.dtype)).clamp(min=1e-4)
        self.start_at(torch.log(torch.expm1(hazard)).flatten())

    def forward(self, inputs_NX: Tensor) -> Tensor:
        """Cumulative hazard up to each horizon, [N, C, H]; never falls along H."""
        return softplus(self.logits(inputs_NX)).view(-1, *self.shape).cumsum(dim=2)


class HorizonHeads(Heads):
    """Several heads, whose probabilities are averaged.

    Args:
        members: How many.
        n_inputs: X.
        n_states: How many inputs are states.
        n_event_types: C.
        n_horizons: H.
    """

    def __init__(self, members: int, n_inputs: int, n_states: int, n_event_types: int, n_horizons: int) -> None:
        sizes = n_inputs, n_states, n_event_types, n_horizons
        super().__init__((HorizonHead(*sizes) for _ in range(members)), n_inputs)
        self.share_CH: Tensor
        self.register_buffer("share_CH", torch.zeros(n_event_types, n_horizons))

    def start_at_shares(self, happened_NCH: Tensor, observed_NH: Tensor) -> None:
        """Begin with how often each thing happened in the windows that were observed."""
        total_CH = (happened_NCH.double() * observed_NH[:, None, :]).sum(dim=0)
        self.share_CH.copy_(total_CH / observed_NH.double().sum(dim=0).clamp(min=1))
        for member in self.heads():
            if isinstance(member, HorizonHead):
                member.start_at_shares(self.share_CH)

    def forward(self, inputs_NX: Tensor) -> Tensor:
        """Probability of an event up to each horizon, [N, C, H]."""
        inputs_NX = self.standardise(inputs_NX)
        return 1 - torch.stack([torch.exp(-member(inputs_NX)) for member in self.members]).mean(dim=0)


def horizon_loss(hazard_NCH: Tensor, happened_NCH: Tensor, observed_NH: Tensor) -> Tensor:
    """Mean cross-entropy over the windows that were observed to their end.

    Args:
        hazard_NCH: Cumulative hazards.
        happened_NCH: 1 where an event came within the horizon.
        observed_NH: 1 where the horizon was observed.
    """
    of_event = -torch.log(-torch.expm1(-hazard_NCH.clamp(min=1e-7)))
    loss_NCH = torch.where(happened_NCH > 0, of_event, hazard_NCH) * observed_NH[:, None, :]
    return loss_NCH.sum() / (observed_NH.sum() * happened_NCH.shape[1]).clamp(min=1)
