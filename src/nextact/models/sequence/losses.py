"""Full-softmax loss over several next items a step, without the logits of all steps in memory.

Shapes: N steps, D dimensions, V items with padding, P targets.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextact.sequences.histories import PADDING

ALIGNED_ROWS = 16


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
        states, weight_P = states_ND.to(wide), weight_P.to(wide) / len(states_ND)
        weight_N = states.new_zeros(len(states)).index_add_(0, row_P, weight_P)
        catalogue = _aligned(item_matrix_VD.to(wide), bias_V.to(wide))
        gradients = None
        if wants_gradient:
            gradients = (torch.empty_like(states), *(torch.zeros_like(part) for part in catalogue))
        starts = range(0, len(states), chunk_steps)
        bounds = torch.searchsorted(row_P, torch.tensor([*starts, len(states)], device=row_P.device)).tolist()
        # One buffer for all chunks: fresh memory of that size costs as much as the products that fill it.
        logits_NV = states.new_empty(min(chunk_steps, len(states)), len(catalogue[0]))
        loss = states.new_zeros(())
        with torch.autocast(states.device.type, enabled=False):
            for start, low, high in zip(starts, bounds[:-1], bounds[1:], strict=True):
                rows = slice(start, min(start + chunk_steps, len(states)))
                targets = row_P[low:high] - start, item_P[low:high], weight_P[low:high]
                loss += _chunk(states, weight_N, catalogue, targets, rows, logits_NV, gradients)
        if gradients is not None:
            n_rows = len(item_matrix_VD)
            ctx.save_for_backward(gradients[0], gradients[1][:n_rows], gradients[2][:n_rows])
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        gradients = zip(ctx.saved_tensors, ctx.dtypes, ctx.needs_input_grad, strict=False)
        return (*((grad * g).to(dtype) if wanted else None for g, dtype, wanted in gradients), None, None, None, None)


def _aligned(matrix_VD: Tensor, bias_V: Tensor) -> tuple[Tensor, Tensor]:
    """Vectors and biases with rows to a multiple of 16, so that rows of logits are; padding takes no part."""
    n_rows = -(-len(matrix_VD) // ALIGNED_ROWS) * ALIGNED_ROWS
    matrix = matrix_VD.new_zeros(n_rows, matrix_VD.shape[1])
    matrix[: len(matrix_VD)] = matrix_VD
    bias = bias_V.new_full((n_rows,), -torch.inf)
    bias[: len(bias_V)] = bias_V
    bias[PADDING] = -torch.inf
    return matrix, bias


def _chunk(
    states_ND: Tensor,
    weight_N: Tensor,
    catalogue: tuple[Tensor, Tensor],
    targets: tuple[Tensor, Tensor, Tensor],
    rows: slice,
    buffer_NV: Tensor,
    gradients: tuple[Tensor, ...] | None,
) -> Tensor:
    """Loss of some steps; adds to the gradients in place."""
    (matrix_VD, bias_V), (row_P, item_P, weight_P) = catalogue, targets
    states, weight = states_ND[rows], weight_N[rows]
    logits_NV = buffer_NV[: len(states)]
    torch.addmm(bias_V, states, matrix_VD.T, out=logits_NV)
    target_P, largest_N = logits_NV[row_P, item_P], logits_NV.amax(dim=1)
    share_NV = torch.softmax(logits_NV, dim=1, out=logits_NV)
    # The largest share is no less than 1 / V, whatever the others are: the total of the exponentials follows from it.
    log_total_N = largest_N - share_NV.amax(dim=1).log()
    loss = (weight_P * (log_total_N[row_P] - target_P)).sum()
    if gradients is not None:
        # d loss / d logits is the row's weight times (shares - each target's part of that weight)
        part_P = torch.where(weight_P > 0, weight_P / weight[row_P], 0.0)
        error_NV = share_NV.index_put_((row_P, item_P), -part_P, accumulate=True)
        torch.mm(error_NV, matrix_VD, out=gradients[0][rows]).mul_(weight[:, None])
        gradients[1].addmm_(error_NV.T, states * weight[:, None])
        gradients[2].addmv_(error_NV.T, weight)
    return loss
