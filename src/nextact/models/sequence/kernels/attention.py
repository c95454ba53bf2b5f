"""Causal attention with dropout on a CPU, block by block; its own backward pass.

torch has no fused kernel for attention with dropout on a CPU. This one works on blocks that stay in the caches, leaves
out most of what lies in the future, and draws dropout from cheap random bits.

Shapes: B windows, H heads, T steps, K dimensions a head; G windows times heads of a group, Q steps of a block that
read, R steps up to its end that are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from nextact.models.dropout import Kept

NAME = "nextact_causal"
BLOCK_STEPS = 64  # that read at once
GROUP_WEIGHTS = 2**18  # attention weights of a block, 1 MiB


def causal_attention(
    module: nn.Module,
    query_BHTK: Tensor,
    key_BHTK: Tensor,
    value_BHTK: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **unread: Any,
) -> tuple[Tensor, None]:
    """Attention of ``transformers`` in which each step reads itself and earlier ones; padding is on the right.

    Returns:
        What each step gathers, [B, T, H, K], and no weights.
    """
    if dropout and query_BHTK.device.type == "cpu" and query_BHTK.dtype != torch.float16:
        scale = query_BHTK.shape[-1] ** -0.5 if scaling is None else scaling
        wide = torch.promote_types(query_BHTK.dtype, torch.float32)
        parts = (part.to(wide) for part in (query_BHTK, key_BHTK, value_BHTK))
        with torch.autocast("cpu", enabled=False):
            read_BHTK = _BlockedAttention.apply(*parts, scale, dropout)  # type: ignore[no-untyped-call]
        read_BHTK = read_BHTK.to(query_BHTK.dtype)
    else:
        read_BHTK = scaled_dot_product_attention(
            query_BHTK, key_BHTK, value_BHTK, dropout_p=dropout, scale=scaling, is_causal=True
        )
    return read_BHTK.transpose(1, 2).contiguous(), None


class _BlockedAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float) -> Tensor:
        query, key, value = (part.contiguous() for part in (query, key, value))
        kept = Kept(dropout)
        ctx.scale, ctx.kept_scale = scale, kept.scale
        blocks: list[Tensor] = []
        read_BHTK = torch.empty_like(query)
        for group, block in _blocks(query):
            query_GQK, key_GRK, value_GRK = _parts(query, key, value, group, block)
            weights_GQR = torch.baddbmm(_future(block, query), query_GQK, key_GRK.transpose(1, 2), alpha=scale)
            torch.softmax(weights_GQR, dim=2, out=weights_GQR)
            kept_GQR = kept.draw(weights_GQR.shape)
            blocks += [weights_GQR, kept_GQR]
            used_GQR = kept_GQR.to(query.dtype).mul_(weights_GQR)
            _rows(read_BHTK, group, block).copy_(torch.bmm(used_GQR, value_GRK).mul_(kept.scale))
        ctx.save_for_backward(query, key, value, read_BHTK, *blocks)
        return read_BHTK

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, read, *blocks = ctx.saved_tensors
        grad = grad.contiguous()
        # The weights' gradients of a row, weighted by them, sum to this (Dao et al., 2022, "FlashAttention", B.2).
        # All of it is over the scale of dropout, which comes back with that of the products.
        total_BHT1 = (grad * read).sum(dim=3, keepdim=True).div_(ctx.kept_scale)
        of_query, scale = torch.empty_like(query), ctx.scale * ctx.kept_scale
        of_key, of_value = torch.zeros_like(key), torch.zeros_like(value)
        for (group, block), weights_GQR, kept_GQR in zip(_blocks(query), blocks[::2], blocks[1::2], strict=True):
            query_GQK, key_GRK, value_GRK = _parts(query, key, value, group, block)
            grad_GQK, until = _rows(grad, group, block), slice(0, block.stop)
            used_GQR = kept_GQR.to(query.dtype).mul_(weights_GQR)
            error_GQR = torch.bmm(grad_GQK, value_GRK.transpose(1, 2)).mul_(used_GQR)
            error_GQR.addcmul_(weights_GQR, _rows(total_BHT1, group, block), value=-1)
            _rows(of_value, group, until).add_(torch.bmm(used_GQR.transpose(1, 2), grad_GQK), alpha=ctx.kept_scale)
            _rows(of_query, group, block).copy_(torch.bmm(error_GQR, key_GRK).mul_(scale))
            _rows(of_key, group, until).add_(torch.bmm(error_GQR.transpose(1, 2), query_GQK), alpha=scale)
        return of_query, of_key, of_value, None, None


def _blocks(query_BHTK: Tensor) -> Iterator[tuple[slice, slice]]:
    """Windows of a group, steps of a block."""
    n_windows, heads, n_steps, _ = query_BHTK.shape
    size = max(GROUP_WEIGHTS // (heads * BLOCK_STEPS * n_steps), 1)
    for first in range(0, n_windows, size):
        for start in range(0, n_steps, BLOCK_STEPS):
            yield slice(first, first + size), slice(start, min(start + BLOCK_STEPS, n_steps))


def _rows(part_BHTK: Tensor, group: slice, steps: slice) -> Tensor:
    """Some steps of some windows, [G, steps, K], a view."""
    return part_BHTK[group].flatten(0, 1)[:, steps]


def _parts(query: Tensor, key: Tensor, value: Tensor, group: slice, block: slice) -> tuple[Tensor, Tensor, Tensor]:
    until = slice(0, block.stop)
    return _rows(query, group, block), _rows(key, group, until), _rows(value, group, until)


def _future(block: slice, like: Tensor) -> Tensor:
    """Minus infinity where a step of the block would read a later one, [1, Q, R]."""
    n_read = block.stop - block.start
    unseen = torch.full((n_read, block.stop), -torch.inf, dtype=like.dtype, device=like.device)
    return unseen.triu(block.start + 1)[None]
