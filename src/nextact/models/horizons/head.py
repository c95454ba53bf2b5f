"""Small networks from what is known at a moment to the hazard of each event type.

Shapes: N rows, X inputs, C event types, H horizons.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, softplus

HIDDEN, DROPOUT = 64, 0.2
# The network has seen what followed its training states, which makes them look surer than those of a day to come:
# they are heard softly.
STATE_SCALE, STATE_DROPOUT = 0.1, 0.5
MOST_DEVIATIONS = 8.0  # of a standardised input


class HorizonHead(nn.Module):
    """A linear map beside one hidden layer, to a hazard for the stretch up to each horizon.

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
        super().__init__()
        self.n_states, self.shape = n_states, (n_event_types, n_horizons)
        self.linear = nn.Linear(n_inputs, n_event_types * n_horizons)
        self.hidden = nn.Linear(n_inputs, HIDDEN)
        self.out = nn.Linear(HIDDEN, n_event_types * n_horizons, bias=False)
        for start in (self.linear.weight, self.out.weight):
            nn.init.zeros_(start)

    def start_at(self, share_CH: Tensor) -> None:
        """Begin with the same probability for everybody: how often it happened."""
        total = -torch.log1p(-share_CH.clamp(1e-4, 1 - 1e-4))
        hazard = torch.diff(total, dim=1, prepend=torch.zeros(len(total), 1, dtype=total.dtype)).clamp(min=1e-4)
        with torch.no_grad():
            self.linear.bias.copy_(torch.log(torch.expm1(hazard)).flatten())

    def forward(self, inputs_NX: Tensor) -> Tensor:
        """Cumulative hazard up to each horizon, [N, C, H]; never falls along H."""
        n_known = inputs_NX.shape[1] - self.n_states
        known, states = inputs_NX[:, :n_known], inputs_NX[:, n_known:]
        states = dropout(STATE_SCALE * states, STATE_DROPOUT, self.training)
        inputs = torch.cat([known, states], dim=1)
        hidden = nn.functional.silu(self.hidden(dropout(inputs, DROPOUT, self.training)))
        logits = self.linear(inputs) + self.out(dropout(hidden, DROPOUT, self.training))
        return softplus(logits).view(-1, *self.shape).cumsum(dim=2)


class HorizonHeads(nn.Module):
    """Several heads that differ by seed and by who was held out, averaged.

    Args:
        members: How many.
        n_inputs: X.
        n_states: How many inputs are states.
        n_event_types: C.
        n_horizons: H.
    """

    def __init__(self, members: int, n_inputs: int, n_states: int, n_event_types: int, n_horizons: int) -> None:
        super().__init__()
        self.mean_X: Tensor
        self.scale_X: Tensor
        self.share_CH: Tensor
        self.register_buffer("mean_X", torch.zeros(n_inputs))
        self.register_buffer("scale_X", torch.ones(n_inputs))
        self.register_buffer("share_CH", torch.zeros(n_event_types, n_horizons))
        self.members = nn.ModuleList(HorizonHead(n_inputs, n_states, n_event_types, n_horizons) for _ in range(members))

    def standardise(self, inputs_NX: Tensor) -> Tensor:
        """Inputs by the statistics of the training rows, extreme ones cut off."""
        return ((inputs_NX - self.mean_X) / self.scale_X).clamp(-MOST_DEVIATIONS, MOST_DEVIATIONS)

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
