"""A fitted network on disk: weights and text vectors as safetensors, the rest as JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from safetensors.torch import load_file, save_file

from nextact.models.device import best_device, seeded
from nextact.models.sequence.network import NetworkSize, SequenceNetwork
from nextact.models.sequence.sequence_options import SequenceOptions
from nextact.stored import read_json, reading, write_json

WEIGHTS, DESCRIPTION = "network.safetensors", "sequence.json"


def save_network(
    network: SequenceNetwork, options: SequenceOptions, event_types: tuple[str, ...], folder: Path
) -> None:
    """Write the two files into an existing folder."""
    description = {
        "options": dataclasses.asdict(options),
        "n_items": network.size.n_items,
        "event_types": list(event_types),
        "text_blocks": [[name, width] for name, width in network.size.text_widths.items()],
        "backbone": config.to_dict() if (config := getattr(network.backbone, "config", None)) else None,
    }
    write_json(folder / DESCRIPTION, description)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, folder / WEIGHTS)


def load_network(folder: Path) -> tuple[SequenceNetwork, SequenceOptions, tuple[str, ...]]:
    """Read what :func:`save_network` wrote, onto the fastest device, in evaluation mode.

    Raises:
        StoredError: If a file cannot be read or the two do not fit together.
    """
    description = read_json(folder / DESCRIPTION)
    with reading(folder / DESCRIPTION):
        options = SequenceOptions(**description["options"])
        event_types = tuple(description["event_types"])
        widths = dict(description["text_blocks"])
        with seeded(0):  # fresh weights are drawn before the saved ones replace them
            size = NetworkSize(description["n_items"], len(event_types), widths)
            network = SequenceNetwork(options, size, description["backbone"])
    with reading(folder / WEIGHTS):
        network.load_state_dict(load_file(folder / WEIGHTS))
    return network.to(best_device()).eval(), options, event_types
