"""What names the data of a run: equal for equal catalogues and histories."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from nextact.sequences.histories import Histories


def data_fingerprint(histories: Histories, item_ids: Iterable[str]) -> str:
    """SHA-256, as hexadecimal text, of the catalogue's ids in their order and of what the histories hold."""
    found = hashlib.sha256("\n".join(item_ids).encode())
    for array in (histories.offsets, histories.item_index, histories.event_type, histories.timestamp):
        found.update(np.ascontiguousarray(array).data)  # the buffer itself: a copy could be larger than memory
    return found.hexdigest()
