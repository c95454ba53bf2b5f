"""Options of a network from names without their blocks, as benchmarks and their results state them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nextact.models.sequence.sequence_options import SequenceOptions
from nextact.options import RENAMED

PLACES = RENAMED["SequenceOptions"] | {"backbone": "backbone.name", "loss": "loss.kind"}


def in_blocks(flat: Mapping[str, Any], blocks: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Options by block.

    Args:
        flat: Such as ``{"dimensions": 64}``.
        blocks: What they change, by block.
    """
    found = {block: dict(options) for block, options in (blocks or {}).items()}
    for name, value in flat.items():
        block, inner = PLACES[name].split(".")
        found.setdefault(block, {})[inner] = value
    return found


def options_of(**flat: Any) -> SequenceOptions:
    """The options themselves."""
    return SequenceOptions(**in_blocks(flat))
