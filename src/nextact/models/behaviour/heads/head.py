"""A linear map beside one hidden layer, on frozen states and other inputs; and several of these, averaged.

Shapes: N rows, X inputs, O outputs.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nextact.models.dropout import Dropout

HIDDEN, DROPOUT = 64, 0.2
# The network has seen what followed its training states, which makes them look surer than those of a day to come:
# they are heard softly.
STATE_SCALE, STATE_DROPOUT = 0.1, 0.5
MOST_DEVIATIONS = 8.0  # of a standardised input


class Head(nn.Module):
    """From inputs to logits; starts at its bias for everybody.

    Args:
        n_inputs: X.
        n_states: How many of them, the last ones, are the sequence network's states.
        n_outputs: O.
    """

    def __init__(self, n_inputs: int, n_states: int, n_outputs: int) -> None:
        super().__init__()
        self.n_states = n_states
        self.linear = nn.Linear(n_inputs, n_outputs)
        self.hidden = nn.Linear(n_inputs, HIDDEN)
        self.out = nn.Linear(HIDDEN, n_outputs, bias=False)
        self.drop, self.drop_states = Dropout(DROPOUT), Dropout(STATE_DROPOUT)
        for start in (self.linear.weight, self.out.weight):
            nn.init.zeros_(start)

    def start_at(self, logits_O: Tensor) -> None:
        """Begin with the same logits for everybody."""
        with torch.no_grad():
            self.linear.bias.copy_(logits_O)

    def logits(self, inputs_NX: Tensor) -> Tensor:
        """Logits, [N, O], of standardised inputs."""
        n_known = inputs_NX.shape[1] - self.n_states
        known, states = inputs_NX[:, :n_known], inputs_NX[:, n_known:]
        inputs = torch.cat([known, self.drop_states(STATE_SCALE * states)], dim=1)
        hidden = nn.functional.silu(self.hidden(self.drop(inputs)))
        found: Tensor = self.linear(inputs) + self.out(self.drop(hidden))
        return found


class Heads(nn.Module):
    """Heads that differ by seed and by who was held out, with the statistics of the rows that they learnt from.

    Args:
        members: Heads of one shape.
        n_inputs: X.
    """

    def __init__(self, members: Iterable[Head], n_inputs: int) -> None:
        super().__init__()
        self.mean_X: Tensor
        self.scale_X: Tensor
        self.register_buffer("mean_X", torch.zeros(n_inputs))
        self.register_buffer("scale_X", torch.ones(n_inputs))
        self.members = nn.ModuleList(members)

    def heads(self) -> list[Head]:
        """The members."""
        return [member for member in self.members if isinstance(member, Head)]

    def describe(self, inputs_NX: Tensor) -> None:
        """Take the statistics of training rows."""
        self.mean_X.copy_(inputs_NX.double().mean(dim=0))
        self.scale_X.copy_(inputs_NX.double().std(dim=0, correction=0).clamp(min=1e-6))

    def standardise(self, inputs_NX: Tensor) -> Tensor:
        """Inputs by the statistics of the training rows, extreme ones cut off."""
        return ((inputs_NX - self.mean_X) / self.scale_X).clamp(-MOST_DEVIATIONS, MOST_DEVIATIONS)
