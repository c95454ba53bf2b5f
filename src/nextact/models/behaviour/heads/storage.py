"""Fitted heads on disk: weights as safetensors, the rest as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import load_file, save_file
from torch import Tensor

from nextact.models.behaviour.heads.head import Heads
from nextact.models.device import best_device
from nextact.stored import read_json, reading, write_json

H = TypeVar("H", bound=Heads)
M = TypeVar("M")


def save_heads(heads: Heads, description: dict[str, Any], folder: Path, name: str) -> None:
    """Write ``name.json`` and ``name.safetensors`` into an existing folder."""
    write_json(folder / f"{name}.json", description)
    weights = {key: tensor.detach().cpu().contiguous() for key, tensor in heads.state_dict().items()}
    save_file(weights, folder / f"{name}.safetensors")


def load_heads(
    folder: Path,
    name: str,
    build: Callable[[dict[str, Any], dict[str, Tensor]], H],
    model_of: Callable[[H, dict[str, Any]], M],
) -> M | None:
    """A model of heads on the fastest device, in evaluation mode; None where the folder holds none.

    Args:
        folder: Where they were saved.
        name: As they were saved.
        build: From description and weights to heads of that shape.
        model_of: From these, with their weights in place, and the description to the model.

    Raises:
        StoredError: If a file cannot be read or the two do not fit together.
    """
    if not (folder / f"{name}.json").exists():
        return None
    description = read_json(folder / f"{name}.json")
    with reading(folder / f"{name}.safetensors"):
        weights = load_file(folder / f"{name}.safetensors")
        heads = build(description, weights)
        heads.load_state_dict(weights)
    return model_of(heads.to(best_device()).eval(), description)
