"""A transformer over steps: events -> step vectors -> states -> item and event-type logits.

Shapes: B windows, T steps, N real steps, E events, V items with padding, D dimensions, C event types, X text width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from nextact.errors import NextactError
from nextact.models.sequence.options import SequenceOptions
from nextact.models.sequence.text_start import START_SPREAD
from nextact.sequences.histories import PADDING
from nextact.training.batches import StepInputs


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
    """Frozen text vectors of all items and the learnt map to the network's width; without a bias, so 0 stays 0."""

    def __init__(self, n_rows: int, width: int, dimensions: int) -> None:
        super().__init__()
        self.vectors_VX: Tensor
        self.register_buffer("vectors_VX", torch.zeros(n_rows, width))
        self.projection = nn.Linear(width, dimensions, bias=False)

    def fill(self, vectors_VX: Tensor) -> None:
        """Put the text vectors in place."""
        self.vectors_VX.copy_(vectors_VX)

    def forward(self) -> Tensor:
        """Projected vectors, [V, D]."""
        projected: Tensor = self.projection(self.vectors_VX)
        return projected


class SequenceNetwork(nn.Module):
    """Reads steps, and after each (or at each hidden one) says which items and which event types are there."""

    def __init__(self, options: SequenceOptions, size: NetworkSize) -> None:
        super().__init__()
        dimensions = options.dimensions
        self.size, self.id_dropout, self.objective = size, options.id_dropout, options.objective
        self.item_table_VD = nn.Parameter(torch.randn(size.n_items + 1, dimensions) * START_SPREAD)
        self.type_table_CD = nn.Parameter(torch.randn(size.n_event_types, dimensions) * START_SPREAD)
        self.item_bias_V = nn.Parameter(torch.zeros(size.n_items + 1))
        self.text = nn.ModuleList(
            TextProjection(size.n_items + 1, width, dimensions) for width in size.text_widths.values()
        )
        self.has_text_V: Tensor
        self.register_buffer("has_text_V", torch.zeros(size.n_items + 1, dtype=torch.bool))
        if options.objective == "hidden":
            self.hidden_step_D = nn.Parameter(torch.randn(dimensions) * START_SPREAD)
        self.step_norm = nn.LayerNorm(dimensions)
        self.step_dropout = nn.Dropout(options.dropout)
        self.backbone = make_backbone(options)
        self.type_head = nn.Linear(dimensions, size.n_event_types)
        with torch.no_grad():
            self.item_table_VD[PADDING] = 0

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
        """Mean of the event vectors of each step, or the vector of a hidden one, normalised, [B, T, D]; 0 at pads."""
        events_ED = item_matrix_VD.index_select(0, inputs.item_index_E)
        events_ED = events_ED + self.type_table_CD.index_select(0, inputs.event_type_E)
        sums_ND = events_ED.new_zeros(len(inputs.places_N), events_ED.shape[1]).index_add(0, inputs.step_E, events_ED)
        means_ND = sums_ND / inputs.n_events_N[:, None].clamp(min=1)
        if self.objective == "hidden":
            means_ND = torch.where(inputs.n_events_N[:, None] > 0, means_ND, self.hidden_step_D)
        steps_ND = self.step_dropout(self.step_norm(means_ND))
        flat = steps_ND.new_zeros(inputs.n_windows * inputs.n_columns, steps_ND.shape[1])
        padded: Tensor = flat.index_copy(0, inputs.places_N, steps_ND)
        return padded.view(inputs.n_windows, inputs.n_columns, -1)

    def states(self, inputs: StepInputs, item_matrix_VD: Tensor) -> Tensor:
        """State after each real step, [N, D], window by window, oldest first."""
        mask = torch.zeros(inputs.n_windows * inputs.n_columns, dtype=torch.long, device=inputs.places_N.device)
        mask[inputs.places_N] = 1
        states_BTD: Tensor = self.backbone(
            inputs_embeds=self.step_vectors(inputs, item_matrix_VD),
            attention_mask=mask.view(inputs.n_windows, inputs.n_columns),
        ).last_hidden_state
        return states_BTD.flatten(0, 1).index_select(0, inputs.places_N)

    def type_logits(self, states_ND: Tensor) -> Tensor:
        """Event-type logits of the next step, [N, C]."""
        logits: Tensor = self.type_head(states_ND)
        return logits


def make_backbone(options: SequenceOptions) -> nn.Module:
    """A fresh model of ``transformers``, small, without a vocabulary of its own.

    Raises:
        NextactError: If the name is unknown, the model takes no ``inputs_embeds``, or a state sees later steps where
            these are to be predicted.
    """
    try:
        known = AutoConfig.for_model(options.backbone)
        backbone: nn.Module = AutoModel.from_config(
            AutoConfig.for_model(options.backbone, **_backbone_settings(options, known))
        )
        fits = options.objective == "hidden" or _is_causal(backbone, options)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        why = str(error)[:200]  # transformers lists every model it knows
        raise NextactError(f"SequenceOptions.backbone {options.backbone!r} cannot be used: {why}") from error
    if not fits:
        raise NextactError(
            f"SequenceOptions.backbone {options.backbone!r} lets a state see later steps; give it objective 'hidden'"
        )
    return backbone


def _backbone_settings(options: SequenceOptions, known: Any) -> dict[str, Any]:
    """The sizes under the names that this configuration has."""
    wanted: dict[str, Any] = {
        "hidden_size": options.dimensions,
        "num_hidden_layers": options.layers,
        "num_attention_heads": options.heads,
        "num_key_value_heads": options.heads,
        "head_dim": options.dimensions // options.heads,
        "max_position_embeddings": options.max_steps,
        "intermediate_size": 4 * options.dimensions,
        "ffn_dim": 4 * options.dimensions,
        "word_embed_proj_dim": options.dimensions,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": None,
        "use_cache": False,
    }
    dropouts = (
        "resid_pdrop",
        "attn_pdrop",
        "dropout",
        "hidden_dropout",
        "attention_dropout",
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
    )
    wanted |= dict.fromkeys(dropouts, options.dropout)
    wanted |= {"embd_pdrop": 0.0}  # step vectors have a dropout of their own
    return {"vocab_size": 1} | {name: value for name, value in wanted.items() if hasattr(known, name)}


def _is_causal(backbone: nn.Module, options: SequenceOptions) -> bool:
    """Whether the first state stays the same when a later step changes."""
    if options.max_steps < 2:
        return True
    inputs = torch.randn(2, 2, options.dimensions)
    inputs[1, 0] = inputs[0, 0]
    backbone.eval()
    with torch.no_grad():
        states_BTD = backbone(inputs_embeds=inputs, attention_mask=torch.ones(2, 2, dtype=torch.long)).last_hidden_state
    backbone.train()
    return bool(torch.allclose(states_BTD[0, 0], states_BTD[1, 0], atol=1e-5))
