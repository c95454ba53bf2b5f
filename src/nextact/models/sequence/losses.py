"""Full-softmax loss over several next items a step, without the logits of all steps in memory.

Shapes: N steps, D dimensions, V items with padding, P targets.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextact.sequences.histories import PADDING


def next_items_loss(
    states_ND: Tensor,
    item_matrix_VD: Tensor,
    bias_V: Tensor,
    row_P: Tensor,
    item_P: Tensor,
    weight_P: Tensor,
    chunk_steps: int,
) -> Tensor:
    """Mean cross-entropy over steps between the softmax of all items and the items that came next, in nats.

    Args:
        states_ND: State after each step.
        item_matrix_VD: Vector of each item; row 0 is padding and takes no part in the softmax.
        bias_V: Bias of each item.
        row_P: Step of each target, ascending.
        item_P: Item of each target.
        weight_P: Weight of each target; those of a step sum to 1 (or to less, if it should count less).
        chunk_steps: Steps whose logits stand in memory at once.

    Returns:
        A scalar, the weighted sum divided by N. Its gradient is computed here, with the loss, chunk by chunk.

    Raises:
        ValueError: If there is no step.
    """
    if not len(states_ND):
        raise ValueError("next_items_loss needs at least one step, got none")
    loss: Tensor = _ChunkedCrossEntropy.apply(  # type: ignore[no-untyped-call]
        states_ND, item_matrix_VD, bias_V, row_P, item_P, weight_P, chunk_steps
    )
    return loss


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states_ND: Tensor,
        item_matrix_VD: Tensor,
        bias_V: Tensor,
        row_P: Tensor,
        item_P: Tensor,
        weight_P: Tensor,
        chunk_steps: int,
    ) -> Tensor:
        wants_gradient = any(ctx.needs_input_grad[:3])
        ctx.dtypes = states_ND.dtype, item_matrix_VD.dtype, bias_V.dtype
        wide = torch.float64 if item_matrix_VD.dtype == torch.float64 else torch.float32
        states, matrix, bias, weight = (t.to(wide) for t in (states_ND, item_matrix_VD, bias_V, weight_P))
        gradients = tuple(torch.zeros_like(t) for t in (states, matrix, bias)) if wants_gradient else None
        starts = range(0, len(states), chunk_steps)
        bounds = torch.searchsorted(row_P, torch.tensor([*starts, len(states)], device=row_P.device)).tolist()
        loss = states.new_zeros(())
        with torch.autocast(states.device.type, enabled=False):
            for start, low, high in zip(starts, bounds[:-1], bounds[1:], strict=True):
                rows = slice(start, start + chunk_steps)
                targets = row_P[low:high] - start, item_P[low:high], weight[low:high] / len(states)
                loss += _chunk(states[rows], matrix, bias, targets, rows, gradients)
        if gradients is not None:
            ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        gradients = zip(ctx.saved_tensors, ctx.dtypes, ctx.needs_input_grad, strict=False)
        return (*((grad * g).to(dtype) if wanted else None for g, dtype, wanted in gradients), None, None, None, None)


def _chunk(
    states_ND: Tensor,
    matrix_VD: Tensor,
    bias_V: Tensor,
    targets: tuple[Tensor, Tensor, Tensor],
    rows: slice,
    gradients: tuple[Tensor, ...] | None,
) -> Tensor:
    """Loss of some steps; adds to the gradients in place."""
    row_P, item_P, weight_P = targets
    logits_NV = torch.addmm(bias_V, states_ND, matrix_VD.T)
    logits_NV[:, PADDING] = -torch.inf
    log_total_N = torch.logsumexp(logits_NV, dim=1)
    loss = (weight_P * (log_total_N[row_P] - logits_NV[row_P, item_P])).sum()
    if gradients is not None:
        row_weight_N = torch.zeros_like(log_total_N).index_add_(0, row_P, weight_P)
        # d loss / d logits = (weight of the row) * softmax - weight of the target, written over the logits
        error_NV = logits_NV.sub_((log_total_N - row_weight_N.log())[:, None]).exp_()
        error_NV.index_put_((row_P, item_P), -weight_P, accumulate=True)
        gradients[0][rows] = error_NV @ matrix_VD
        gradients[1].addmm_(error_NV.T, states_ND)
        gradients[2].add_(error_NV.sum(dim=0))
    return loss
