"""A transformer over steps: events -> step vectors -> states -> item and event-type logits.

Shapes: B windows, T steps, N real steps, E events, V items with padding, D dimensions, C event types, X text width,
U distinct texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nextact.models.dropout import Dropout
from nextact.models.sequence.backbones import make_backbone
from nextact.models.sequence.data.step_log import StepInputs
from nextact.models.sequence.own_backbone import NextactBackbone
from nextact.models.sequence.sequence_options import SequenceOptions
from nextact.models.sequence.text_start import START_SPREAD, Standard, Vectors
from nextact.sequences.histories import PADDING

MOST_DISTINCT = 0.8  # of the items' texts, up to which gathering costs less than it saves


@dataclass(frozen=True)
class NetworkSize:
    """What a network's shape takes from the data.

    Attributes:
        n_items: Items of the catalogue, without padding.
        n_event_types: Declared event types.
        text_widths: Name and width of each text block that is read.
    """

    n_items: int
    n_event_types: int
    text_widths: dict[str, int]


class TextProjection(nn.Module):
    """Frozen text vectors of all items and the learnt map to the network's width; without a bias, so 0 stays 0.

    How the vectors were standardised is kept, so that those of another catalogue can be read in the same way. Where
    many items have the same text, training projects each text once.
    """

    def __init__(self, n_rows: int, width: int, dimensions: int) -> None:
        super().__init__()
        self.vectors_VX: Tensor
        self.centre_X: Tensor
        self.length: Tensor
        self.register_buffer("vectors_VX", torch.zeros(n_rows, width))
        self.register_buffer("centre_X", torch.zeros(width))
        self.register_buffer("length", torch.ones(()))
        self.distinct_UX: Tensor | None
        self.register_buffer("distinct_UX", None, persistent=False)
        self.distinct_V: Tensor
        self.register_buffer("distinct_V", torch.zeros(0, dtype=torch.long), persistent=False)
        self.projection = nn.Linear(width, dimensions, bias=False)

    def fill(self, vectors: Vectors, standard: Standard | None = None) -> None:
        """Put text vectors in place, standardised by themselves or as others were."""
        standard = Standard.of(vectors) if standard is None else standard
        self.vectors_VX.copy_(torch.from_numpy(standard.apply(vectors)))
        self.centre_X.copy_(torch.from_numpy(standard.centre))
        self.length.fill_(standard.length)
        self.share_repeated()

    def share_repeated(self) -> None:
        """From now on project equal vectors once, where that is less work."""
        rows = np.ascontiguousarray(self.vectors_VX.cpu().numpy())
        _, first, place = np.unique(rows.view(f"V{rows[0].nbytes}").ravel(), return_index=True, return_inverse=True)
        few = len(first) <= MOST_DISTINCT * len(rows)
        self.distinct_UX = self.vectors_VX[torch.from_numpy(first).to(self.vectors_VX.device)] if few else None
        self.distinct_V = torch.from_numpy(place).to(self.vectors_VX.device)

    def standard(self) -> Standard:
        """How the vectors in place were standardised."""
        return Standard(self.centre_X.cpu().numpy(), float(self.length))

    def forward(self) -> Tensor:
        """Projected vectors, [V, D]."""
        if self.distinct_UX is None:
            projected: Tensor = self.projection(self.vectors_VX)
            return projected
        return torch.index_select(self.projection(self.distinct_UX), 0, self.distinct_V)


class EventTypeGate(nn.Module):
    """The state as the items of one event type see it: h + MLP[h, e].

    To add the event type's vector alone would shift the scores of all users alike. The MLP starts at zero, so that a
    network starts as one without a gate, and learns where the event types differ.
    """

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        last = nn.Linear(dimensions, dimensions)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.mix = nn.Sequential(nn.Linear(2 * dimensions, dimensions), nn.SiLU(), last)

    def forward(self, states_ND: Tensor, types_ND: Tensor) -> Tensor:
        """Changed states, [N, D]."""
        changed: Tensor = states_ND + self.mix(torch.cat([states_ND, types_ND], dim=1))
        return changed


class SequenceNetwork(nn.Module):
    """Reads steps, and after each (or at each masked one) says which items and which event types are there.

    Args:
        options: Sizes and parts.
        size: What the data says of the shape.
        backbone_config: The backbone's own configuration, where it was saved with it.
    """

    def __init__(
        self, options: SequenceOptions, size: NetworkSize, backbone_config: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        dimensions = options.backbone.dimensions
        self.size, self.id_dropout, self.objective = size, options.text.id_dropout, options.loss.objective
        self.item_table_VD = nn.Parameter(
            torch.randn(size.n_items + 1, dimensions) * START_SPREAD, options.text.item_ids
        )
        self.type_table_CD = nn.Parameter(torch.randn(size.n_event_types, dimensions) * START_SPREAD)
        self.item_bias_V = nn.Parameter(torch.zeros(size.n_items + 1), options.text.item_ids)
        self.text = nn.ModuleList(
            TextProjection(size.n_items + 1, width, dimensions) for width in size.text_widths.values()
        )
        self.has_text_V: Tensor
        self.register_buffer("has_text_V", torch.zeros(size.n_items + 1, dtype=torch.bool))
        self.is_warm_V: Tensor
        self.register_buffer("is_warm_V", torch.ones(size.n_items + 1, dtype=torch.bool))
        if options.loss.objective == "masked":
            self.masked_step_D = nn.Parameter(torch.randn(dimensions) * START_SPREAD)
        self.step_norm = nn.LayerNorm(dimensions)
        self.step_dropout = Dropout(options.backbone.dropout)
        self.backbone = make_backbone(options, backbone_config)
        self.type_head = nn.Linear(dimensions, size.n_event_types)
        self.gate = EventTypeGate(dimensions) if options.backbone.gate and size.n_event_types > 1 else None
        self.is_target_C: Tensor
        self.register_buffer("is_target_C", torch.ones(size.n_event_types, dtype=torch.bool))
        with torch.no_grad():
            self.item_table_VD[PADDING] = 0
            if not options.text.item_ids:
                self.item_table_VD.zero_()

    def learnt_bias(self) -> Tensor:
        """Bias of each item in the softmax of training, [V]; -inf for one without a training event.

        Such an item is never a target. Among the negatives every update would push it down, and AdamW makes of small
        pushes of one sign steps as long as any: no text would bring it back.
        """
        bias_V: Tensor = self.item_bias_V.masked_fill(~self.is_warm_V, -torch.inf)
        return bias_V

    def text_projections(self) -> list[TextProjection]:
        """One for each text block, in the order of ``size.text_widths``."""
        return [block for block in self.text if isinstance(block, TextProjection)]

    def item_matrix(self) -> Tensor:
        """Vector of each item, [V, D]: id plus text. In training some items with text go without their id."""
        matrix_VD: Tensor = self.item_table_VD
        if self.training and self.id_dropout and len(self.text):
            dropped_V = (torch.rand(len(matrix_VD), device=matrix_VD.device) < self.id_dropout) & self.has_text_V
            matrix_VD = matrix_VD.masked_fill(dropped_V[:, None], 0.0)
        for block in self.text:
            matrix_VD = matrix_VD + block()
        return matrix_VD

    def step_vectors(self, inputs: StepInputs, item_matrix_VD: Tensor) -> Tensor:
        """Mean of the event vectors of each step, or the vector of a masked one, normalised, [B, T, D]; 0 at pads."""
        events_ED = item_matrix_VD.index_select(0, inputs.item_index_E)
        events_ED = events_ED + self.type_table_CD.index_select(0, inputs.event_type_E)
        sums_ND = events_ED.new_zeros(len(inputs.places_N), events_ED.shape[1]).index_add(0, inputs.step_E, events_ED)
        means_ND = sums_ND / inputs.n_events_N[:, None].clamp(min=1)
        if self.objective == "masked":
            means_ND = torch.where(inputs.n_events_N[:, None] > 0, means_ND, self.masked_step_D)
        steps_ND = self.step_dropout(self.step_norm(means_ND))
        flat = steps_ND.new_zeros(inputs.n_windows * inputs.n_columns, steps_ND.shape[1])
        padded: Tensor = flat.index_copy(0, inputs.places_N, steps_ND)
        return padded.view(inputs.n_windows, inputs.n_columns, -1)

    def states(self, inputs: StepInputs, item_matrix_VD: Tensor) -> Tensor:
        """State after each real step, [N, D], window by window, oldest first."""
        shape = inputs.n_windows, inputs.n_columns
        is_real = torch.zeros(shape[0] * shape[1], dtype=torch.bool, device=inputs.places_N.device)
        is_real[inputs.places_N] = True
        steps_BTD = self.step_vectors(inputs, item_matrix_VD)
        if isinstance(self.backbone, NextactBackbone):
            time = torch.zeros_like(is_real, dtype=torch.long)
            time[inputs.places_N] = inputs.time_N
            states_BTD = self.backbone(steps_BTD, is_real.view(shape), time.view(shape))
        else:
            found = self.backbone(inputs_embeds=steps_BTD, attention_mask=is_real.long().view(shape))
            states_BTD = found.last_hidden_state
        states_ND: Tensor = states_BTD.flatten(0, 1).index_select(0, inputs.places_N)
        return states_ND

    def item_states(self, states_ND: Tensor, type_shares_NC: Tensor) -> Tensor:
        """States from which items are scored, [N, D], for the event types that are asked for."""
        if self.gate is None:
            return states_ND
        gated: Tensor = self.gate(states_ND, type_shares_NC.to(states_ND.dtype) @ self.type_table_CD)
        return gated

    def likely_targets(self, states_ND: Tensor) -> Tensor:
        """Probability of each event type among those that count as targets, [N, C]; rows sum to 1."""
        return self.type_logits(states_ND).masked_fill(~self.is_target_C, -torch.inf).softmax(dim=1)

    def type_logits(self, states_ND: Tensor) -> Tensor:
        """Event-type logits of the next step, [N, C]."""
        logits: Tensor = self.type_head(states_ND)
        return logits
