"""Backbones by name: our own, and those of ``transformers``, from scratch or pretrained."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AutoConfig, AutoModel
from transformers.activations import NewGELUActivation
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP

from nextact.errors import NextactError
from nextact.models.dropout import replace_dropout
from nextact.models.sequence.kernels.attention import NAME, causal_attention
from nextact.models.sequence.own_backbone import NextactBackbone
from nextact.models.sequence.sequence_options import SequenceOptions


def make_backbone(options: SequenceOptions, saved_config: dict[str, Any] | None = None) -> nn.Module:
    """A fresh backbone, or a pretrained one of ``transformers``; without a vocabulary of its own.

    Args:
        options: Name, sizes and where pretrained weights are.
        saved_config: Configuration of a backbone whose weights will be put in place, instead of all these.

    Raises:
        NextactError: If the name is unknown, the model takes no ``inputs_embeds``, or a state sees later steps where
            these are to be predicted.
    """
    if options.backbone.name == "nextact":
        causal = options.loss.objective == "next"
        sizes = (
            options.backbone.dimensions,
            options.backbone.layers,
            options.backbone.heads,
            options.backbone.dropout,
            options.backbone.max_steps,
        )
        return NextactBackbone(*sizes, causal=causal, feed_forward=options.backbone.feed_forward)
    try:
        backbone = _of_transformers(options, saved_config)
        _speed_up(backbone, options)
        fits = options.loss.objective == "masked" or _is_causal(backbone, options)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        why = str(error)[:200]  # transformers lists every model it knows
        raise NextactError(f"SequenceOptions.backbone {options.backbone.name!r} cannot be used: {why}") from error
    if not fits:
        raise NextactError(
            f"SequenceOptions.backbone.name {options.backbone.name!r} lets a state see later steps; "
            "set loss.objective to 'masked'"
        )
    return backbone


def _of_transformers(options: SequenceOptions, saved_config: dict[str, Any] | None) -> nn.Module:
    if saved_config is not None:
        kept = {name: value for name, value in saved_config.items() if name != "model_type"}
        saved: nn.Module = AutoModel.from_config(AutoConfig.for_model(options.backbone.name, **kept))
        return saved
    if options.backbone.pretrained is not None:
        return _pretrained(options)
    known = AutoConfig.for_model(options.backbone.name)
    fresh: nn.Module = AutoModel.from_config(
        AutoConfig.for_model(options.backbone.name, **_backbone_settings(options, known))
    )
    return fresh


def _pretrained(options: SequenceOptions) -> nn.Module:
    """The weights of a language model without its word vectors, which item vectors stand in for."""
    try:
        backbone = AutoModel.from_pretrained(options.backbone.pretrained, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise NextactError(
            f"SequenceOptions.pretrained {options.backbone.pretrained!r} cannot be read: {str(error)[:200]}"
        ) from error
    config = backbone.config
    kind = config.model_type, config.hidden_size
    if kind != (options.backbone.name, options.backbone.dimensions):
        raise NextactError(
            f"SequenceOptions.backbone.pretrained {options.backbone.pretrained!r} is a {kind[0]} of {kind[1]} "
            f"dimensions; options say {options.backbone.name!r} of {options.backbone.dimensions}"
        )
    backbone.set_input_embeddings(nn.Embedding(1, config.hidden_size))
    config.vocab_size, config.use_cache = 1, False
    pretrained: nn.Module = backbone
    return pretrained


def _backbone_settings(options: SequenceOptions, known: Any) -> dict[str, Any]:
    """The sizes under the names that this configuration has."""
    feed_forward = options.backbone.feed_forward or 4 * options.backbone.dimensions
    wanted: dict[str, Any] = {
        "hidden_size": options.backbone.dimensions,
        "num_hidden_layers": options.backbone.layers,
        "num_attention_heads": options.backbone.heads,
        "num_key_value_heads": options.backbone.heads,
        "head_dim": options.backbone.dimensions // options.backbone.heads,
        "max_position_embeddings": options.backbone.max_steps,
        "intermediate_size": feed_forward,
        "n_inner": feed_forward,
        "ffn_dim": feed_forward,
        "word_embed_proj_dim": options.backbone.dimensions,
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
    wanted |= dict.fromkeys(dropouts, options.backbone.dropout)
    wanted |= {"embd_pdrop": 0.0}  # step vectors have a dropout of their own
    if options.loss.objective == "masked":
        # A masked step says nothing itself: what it knows has come through the attention, and through weights of .02,
        # which is meant for 768 dimensions, next to nothing comes at first.
        wanted["initializer_range"] = options.backbone.dimensions**-0.5
    return {"vocab_size": 1} | {name: value for name, value in wanted.items() if hasattr(known, name)}


def _speed_up(backbone: nn.Module, options: SequenceOptions) -> None:
    """Dropout, GPT-2's attention and its activation by kernels that are fast on a CPU; what they compute stays."""
    replace_dropout(backbone)
    if options.backbone.name != "gpt2" or options.loss.objective != "next":
        return
    AttentionInterface.register(NAME, causal_attention)
    backbone.set_attn_implementation(NAME)  # type: ignore[operator]
    for module in backbone.modules():
        if isinstance(module, GPT2MLP) and isinstance(module.act, NewGELUActivation):
            module.act = nn.GELU(approximate="tanh")  # the same formula


def _is_causal(backbone: nn.Module, options: SequenceOptions) -> bool:
    """Whether the first state stays the same when a later step changes."""
    if options.backbone.max_steps < 2:
        return True
    inputs = torch.randn(2, 2, options.backbone.dimensions)
    inputs[1, 0] = inputs[0, 0]
    backbone.eval()
    with torch.no_grad():
        states_BTD = backbone(inputs_embeds=inputs, attention_mask=torch.ones(2, 2, dtype=torch.long)).last_hidden_state
    backbone.train()
    return bool(torch.allclose(states_BTD[0, 0], states_BTD[1, 0], atol=1e-5))
