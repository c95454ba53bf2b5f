"""A backbone of our own that knows how long ago each step was.

Shapes: B windows, T steps, D dimensions, H heads, K dimensions a head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, sigmoid, silu

from nextact.events.moments import SECOND
from nextact.models.dropout import Dropout

TIME_BUCKETS = 40  # twofold each, from a second to longer than any log


class RelativeBias(nn.Module):
    """What each head adds to its attention for a distance in steps and in time.

    Distances in time fall into buckets that double, from one second on; all else counts as the last.

    Source:
        Raffel et al., 2020 (T5), for the position; Zhai et al., 2024 (HSTU), for the time.
    """

    def __init__(self, heads: int, max_steps: int) -> None:
        super().__init__()
        self.max_steps = max_steps
        self.position_PH = nn.Parameter(torch.zeros(2 * max_steps - 1, heads))
        self.time_QH = nn.Parameter(torch.zeros(2 * TIME_BUCKETS + 1, heads))

    def forward(self, time_BT: Tensor) -> Tensor:
        """Bias of each pair of steps, [B, H, T, T]; the first T reads, the second is read."""
        places = torch.arange(time_BT.shape[1], device=time_BT.device)
        distance_TT = (places[:, None] - places[None, :]).clamp(1 - self.max_steps, self.max_steps - 1)
        position_TTH = self.position_PH[distance_TT + self.max_steps - 1]
        # differences are taken between integers: as float32 a time since 1970 is only known to two minutes
        seconds_BTT = (time_BT[:, :, None] - time_BT[:, None, :]).double() / SECOND
        bucket_BTT = torch.log2(1 + seconds_BTT.abs()).long().clamp(max=TIME_BUCKETS) * seconds_BTT.sign().long()
        return (position_TTH[None] + self.time_QH[bucket_BTT + TIME_BUCKETS]).permute(0, 3, 1, 2)


class GatedAttention(nn.Module):
    """Attention with a relative bias, whose output passes a gate."""

    def __init__(self, dimensions: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.project_in = nn.Linear(dimensions, 4 * dimensions, bias=False)
        self.project_out = nn.Linear(dimensions, dimensions, bias=False)

    def forward(self, steps_BTD: Tensor, bias_BHTT: Tensor) -> Tensor:
        """What each step gathers from the others, [B, T, D]."""
        query, key, value, gate = self.project_in(steps_BTD).chunk(4, dim=-1)
        query_BHTK, key_BHTK, value_BHTK = (self._split(part) for part in (query, key, value))
        dropout = self.dropout if self.training else 0.0
        read_BHTK = scaled_dot_product_attention(query_BHTK, key_BHTK, value_BHTK, bias_BHTT.to(query.dtype), dropout)
        projected: Tensor = self.project_out(read_BHTK.transpose(1, 2).flatten(2) * sigmoid(gate))
        return projected

    def _split(self, part_BTD: Tensor) -> Tensor:
        n_windows, n_steps, _ = part_BTD.shape
        return part_BTD.view(n_windows, n_steps, self.heads, -1).transpose(1, 2)


class SwiGLU(nn.Module):
    """Two linear maps with a gate between them.

    Source:
        Shazeer, 2020, "GLU variants improve transformer".
    """

    def __init__(self, dimensions: int, inner: int | None = None) -> None:
        super().__init__()
        # as many weights as a plain one of four times the width
        inner = inner or 8 * math.ceil(8 * dimensions / 3 / 8)
        self.project_in = nn.Linear(dimensions, 2 * inner, bias=False)
        self.project_out = nn.Linear(inner, dimensions, bias=False)

    def forward(self, steps_BTD: Tensor) -> Tensor:
        """Each step on its own, [B, T, D]."""
        gate, value = self.project_in(steps_BTD).chunk(2, dim=-1)
        projected: Tensor = self.project_out(silu(gate) * value)
        return projected


class Block(nn.Module):
    """Attention, then SwiGLU, each on normalised input and added to what came in."""

    def __init__(self, dimensions: int, heads: int, dropout: float, feed_forward: int | None = None) -> None:
        super().__init__()
        self.attention_norm, self.mixing_norm = nn.RMSNorm(dimensions), nn.RMSNorm(dimensions)
        self.attention, self.mixing = GatedAttention(dimensions, heads, dropout), SwiGLU(dimensions, feed_forward)
        self.dropout = Dropout(dropout)

    def forward(self, steps_BTD: Tensor, bias_BHTT: Tensor) -> Tensor:
        """Steps after the block, [B, T, D]."""
        steps_BTD = steps_BTD + self.dropout(self.attention(self.attention_norm(steps_BTD), bias_BHTT))
        mixed: Tensor = steps_BTD + self.dropout(self.mixing(self.mixing_norm(steps_BTD)))
        return mixed


class NextactBackbone(nn.Module):
    """Pre-norm gated blocks with a relative bias for position and time.

    Args:
        dimensions: D.
        layers: Blocks.
        heads: H.
        dropout: Share of activations dropped in training.
        max_steps: Farthest distance in steps that has a bias of its own.
        causal: Whether a step reads itself and earlier ones only.
        feed_forward: Width inside SwiGLU; None has as many weights as a plain one of four times the width.
    """

    def __init__(
        self,
        dimensions: int,
        layers: int,
        heads: int,
        dropout: float,
        max_steps: int,
        causal: bool,
        feed_forward: int | None = None,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.bias = RelativeBias(heads, max_steps)
        self.blocks = nn.ModuleList(Block(dimensions, heads, dropout, feed_forward) for _ in range(layers))
        self.norm = nn.RMSNorm(dimensions)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, steps_BTD: Tensor, is_real_BT: Tensor, time_BT: Tensor) -> Tensor:
        """State of each step, [B, T, D]; those of padding mean nothing.

        Args:
            steps_BTD: Step vectors.
            is_real_BT: Whether each is a step at all.
            time_BT: int64, microseconds.
        """
        n_steps = steps_BTD.shape[1]
        unseen = ~is_real_BT[:, None, None, :]
        if self.causal:
            later = torch.ones(n_steps, n_steps, dtype=torch.bool, device=steps_BTD.device).triu(1)
            unseen = later[None, None]  # padding stands on the right, where no real step looks
        bias_BHTT = self.bias(time_BT).masked_fill(unseen, -torch.inf)
        for block in self.blocks:
            steps_BTD = block(steps_BTD, bias_BHTT)
        states: Tensor = self.norm(steps_BTD)
        return states
