"""A network that reads items by their text alone, moved to items that it was never trained on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from nextact.errors import NextactError, suggest
from nextact.models.device import seeded
from nextact.models.sequence.network import NetworkSize, SequenceNetwork
from nextact.models.sequence.sequence_options import SequenceOptions

OF_ITEMS = ("_V", "_VD", "_VX")  # how the names of tensors with a row an item end


def move_network(
    network: SequenceNetwork, options: SequenceOptions, item_vectors: Mapping[str, NDArray[np.float32]]
) -> SequenceNetwork:
    """The same weights over the items of another catalogue.

    Args:
        network: Fitted with ``options``.
        options: With ``item_ids`` off.
        item_vectors: Block name -> float32 [n_items + 1, dimensions] of the other catalogue, made in the same way;
            row 0 and items without text are zero.

    Returns:
        A network in evaluation mode; the given one stays as it is.

    Raises:
        NextactError: If the network has learnt items of its own, or a block is missing or of another width.
    """
    if options.text.item_ids:
        raise NextactError("sequence: fitted with item_ids, so it knows only the items that it was trained on")
    blocks = {name: _block(name, width, item_vectors) for name, width in network.size.text_widths.items()}
    size = NetworkSize(len(next(iter(blocks.values()))) - 1, network.size.n_event_types, network.size.text_widths)
    config = getattr(network.backbone, "config", None)
    with seeded(0):  # fresh weights are drawn before the fitted ones replace them
        moved = SequenceNetwork(options, size, config.to_dict() if config else None)
    fitted = {name: one for name, one in network.state_dict().items() if not name.endswith(OF_ITEMS)}
    moved.load_state_dict(moved.state_dict() | fitted)
    for place, known, vectors in zip(
        moved.text_projections(), network.text_projections(), blocks.values(), strict=True
    ):
        place.fill(vectors, known.standard())
        moved.has_text_V |= torch.from_numpy(vectors.any(axis=1))
    return moved.to(network.item_table_VD.device).eval()


def _block(name: str, width: int, item_vectors: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    if name not in item_vectors:
        raise NextactError(f"sequence: no item vectors {name!r} of the other catalogue; {suggest(name, item_vectors)}")
    vectors = np.asarray(item_vectors[name], np.float32)
    if vectors.shape[1] != width:
        raise NextactError(f"sequence: item vectors {name!r} have {vectors.shape[1]} dimensions, fitted with {width}")
    return vectors
