"""Heads from what is known of a history to the event types of its next step.

Shapes: N rows, X inputs, C event types.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextact.models.behaviour.heads.head import Head, Heads

LEAST_SHARE = 1e-6  # of a type that training never saw


class TypeHead(Head):
    """Logits of the event types; without its hidden layer a multinomial logistic regression."""

    def forward(self, inputs_NX: Tensor) -> Tensor:
        """Logits, [N, C]."""
        return self.logits(inputs_NX)


class TypeHeads(Heads):
    """Several heads, whose probabilities are averaged.

    Args:
        members: How many.
        n_inputs: X.
        n_event_types: C.
    """

    def __init__(self, members: int, n_inputs: int, n_event_types: int) -> None:
        super().__init__((TypeHead(n_inputs, 0, n_event_types) for _ in range(members)), n_inputs)
        self.share_C: Tensor
        self.register_buffer("share_C", torch.zeros(n_event_types))

    def start_at_shares(self, shares_NC: Tensor) -> None:
        """Begin with how often each type came."""
        self.share_C.copy_(shares_NC.double().mean(dim=0))
        for member in self.heads():
            member.start_at(self.share_C.clamp(min=LEAST_SHARE).log())

    def forward(self, inputs_NX: Tensor) -> Tensor:
        """Probability of each event type, [N, C]; rows sum to 1."""
        inputs_NX = self.standardise(inputs_NX)
        return torch.stack([member(inputs_NX).softmax(dim=1) for member in self.members]).mean(dim=0)


def type_loss(logits_NC: Tensor, shares_NC: Tensor) -> Tensor:
    """Mean cross-entropy between the shares of the types in a step and the softmax of the logits, in nats."""
    return torch.nn.functional.cross_entropy(logits_NC, shares_NC)
