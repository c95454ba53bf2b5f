"""Full-softmax loss over several next items a step, without the logits of all steps in memory.

Shapes: N steps, D dimensions, V items with padding, P targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from nextact.models.device import all_threads
from nextact.sequences.histories import PADDING

ALIGNED_ITEMS = 16
# oneDNN compiles a product of bf16 for each shape it meets, which takes a millisecond and more than half a MiB
ALIGNED_STEPS = 64


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

    Under an autocast to bf16 the three products read bf16 and round what they give to it; the softmax of the rounded
    logits, the loss and the sums over chunks are float32.

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


@dataclass(frozen=True)
class _Catalogue:
    """What all chunks share.

    Attributes:
        matrix_VD: Item vectors as the products read them.
        bias_V: -inf for padding.
        logits_NV: One buffer for all chunks: fresh memory of that size costs as much as the products that fill it.
        factor_NV: Logits and errors as the products write and read them, where their format is another; else None.
        biased_VE: Vectors and biases side by side, E = D + 1: a bias that is added by the product itself costs no pass
            over the logits. None where the products have another format, which would round it.
    """

    matrix_VD: Tensor
    bias_V: Tensor
    logits_NV: Tensor
    factor_NV: Tensor | None
    biased_VE: Tensor | None

    def logits(self, states_ND: Tensor) -> Tensor:
        """Logits of some steps, in the buffer."""
        logits_NV = self.logits_NV[: len(states_ND)]
        if self.biased_VE is not None:
            return torch.mm(_with_ones(states_ND), self.biased_VE.T, out=logits_NV)
        assert self.factor_NV is not None
        product_NV = torch.mm(
            states_ND.to(self.matrix_VD.dtype), self.matrix_VD.T, out=self.factor_NV[: len(states_ND)]
        )
        return torch.add(product_NV, self.bias_V, out=logits_NV)

    def add_gradients(self, error_NV: Tensor, states_ND: Tensor, weight_N: Tensor, gradients: _Gradients) -> None:
        """Write the gradient of some states and add those of items and biases; errors are of steps that weigh 1."""
        weight_N1 = weight_N[:, None]
        if self.factor_NV is None:
            torch.mm(error_NV, self.matrix_VD, out=gradients.states_ND).mul_(weight_N1)
            gradients.biased_VE.addmm_(error_NV.T, _with_ones(states_ND).mul_(weight_N1))
            return
        factor_NV = self.factor_NV[: len(states_ND)].copy_(error_NV)
        torch.mul(factor_NV @ self.matrix_VD, weight_N1, out=gradients.states_ND)
        gradients.matrix_VD.add_(factor_NV.T @ (states_ND * weight_N1).to(factor_NV.dtype))
        gradients.bias_V.addmv_(error_NV.T, weight_N)


@dataclass(frozen=True)
class _Gradients:
    states_ND: Tensor
    biased_VE: Tensor

    @classmethod
    def zeros(cls, states_ND: Tensor, n_rows: int) -> _Gradients:
        return cls(torch.zeros_like(states_ND), states_ND.new_zeros(n_rows, states_ND.shape[1] + 1))

    @property
    def matrix_VD(self) -> Tensor:
        return self.biased_VE[:, :-1]

    @property
    def bias_V(self) -> Tensor:
        return self.biased_VE[:, -1]

    def of(self, rows: slice) -> _Gradients:
        """Of some steps, a view."""
        return _Gradients(self.states_ND[rows], self.biased_VE)


def _with_ones(states_ND: Tensor) -> Tensor:
    return torch.cat([states_ND, states_ND.new_ones(len(states_ND), 1)], dim=1)


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
        n_steps, narrow = len(states_ND), _format_of_products(states_ND.device.type)
        states, weight_P = states_ND.to(wide), weight_P.to(wide) / n_steps
        if narrow is not None:  # steps that weigh nothing, for the sake of shapes that come again
            states = pad(states, (0, 0, 0, -n_steps % ALIGNED_STEPS))
        weight_N = states.new_zeros(len(states)).index_add_(0, row_P, weight_P)
        matrix_VD, bias_V = _aligned(item_matrix_VD.to(wide), bias_V.to(wide))
        catalogue = _catalogue(matrix_VD, bias_V, min(chunk_steps, len(states)), narrow)
        gradients = None
        if wants_gradient:
            gradients = _Gradients.zeros(states, len(matrix_VD))
        starts = range(0, len(states), chunk_steps)
        bounds = torch.searchsorted(row_P, torch.tensor([*starts, len(states)], device=row_P.device)).tolist()
        loss = states.new_zeros(())
        with torch.autocast(states.device.type, enabled=False), all_threads():
            for start, low, high in zip(starts, bounds[:-1], bounds[1:], strict=True):
                rows = slice(start, min(start + chunk_steps, len(states)))
                targets = row_P[low:high] - start, item_P[low:high], weight_P[low:high]
                of_rows = None if gradients is None else gradients.of(rows)
                loss += _chunk(states[rows], weight_N[rows], catalogue, targets, of_rows)
        if gradients is not None:
            n_rows = len(item_matrix_VD)
            ctx.save_for_backward(
                gradients.states_ND[:n_steps], gradients.matrix_VD[:n_rows], gradients.bias_V[:n_rows]
            )
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        gradients = zip(ctx.saved_tensors, ctx.dtypes, ctx.needs_input_grad, strict=False)
        return (*((grad * g).to(dtype) if wanted else None for g, dtype, wanted in gradients), None, None, None, None)


def _aligned(matrix_VD: Tensor, bias_V: Tensor) -> tuple[Tensor, Tensor]:
    """Vectors and biases with rows to a multiple of 16, so that rows of logits are; padding takes no part."""
    n_rows = -(-len(matrix_VD) // ALIGNED_ITEMS) * ALIGNED_ITEMS
    matrix = matrix_VD.new_zeros(n_rows, matrix_VD.shape[1])
    matrix[: len(matrix_VD)] = matrix_VD
    bias = bias_V.new_full((n_rows,), -torch.inf)
    bias[: len(bias_V)] = bias_V
    bias[PADDING] = -torch.inf
    return matrix, bias


def _format_of_products(device: str) -> torch.dtype | None:
    """bf16 where autocast asks for it, else None: factors stay as they are."""
    if torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.bfloat16:
        return torch.bfloat16
    return None


def _catalogue(matrix_VD: Tensor, bias_V: Tensor, chunk_steps: int, narrow: torch.dtype | None) -> _Catalogue:
    """What the chunks share, with factors of a format of their own or none."""
    logits_NV = matrix_VD.new_empty(chunk_steps, len(matrix_VD))
    if narrow is None:
        biased_VE = torch.cat([matrix_VD, bias_V[:, None]], dim=1)
        return _Catalogue(biased_VE[:, :-1], bias_V, logits_NV, None, biased_VE)
    return _Catalogue(matrix_VD.to(narrow), bias_V, logits_NV, torch.empty_like(logits_NV, dtype=narrow), None)


def _chunk(
    states_ND: Tensor,
    weight_N: Tensor,
    catalogue: _Catalogue,
    targets: tuple[Tensor, Tensor, Tensor],
    gradients: _Gradients | None,
) -> Tensor:
    """Loss of some steps; adds to the gradients in place."""
    row_P, item_P, weight_P = targets
    logits_NV = catalogue.logits(states_ND)
    target_P, largest_N = logits_NV[row_P, item_P], logits_NV.amax(dim=1)
    share_NV = torch.softmax(logits_NV, dim=1, out=logits_NV)
    # The largest share is no less than 1 / V, whatever the others are: the total of the exponentials follows from it.
    log_total_N = largest_N - share_NV.amax(dim=1).log()
    loss = (weight_P * (log_total_N[row_P] - target_P)).sum()
    if gradients is not None:
        # d loss / d logits is the row's weight times (shares - each target's part of that weight)
        part_P = torch.where(weight_P > 0, weight_P / weight_N[row_P], 0.0)
        error_NV = share_NV.index_put_((row_P, item_P), -part_P, accumulate=True)
        catalogue.add_gradients(error_NV, states_ND, weight_N, gradients)
    return loss
