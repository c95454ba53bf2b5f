"""Item text vectors made fit for a network, and id vectors that start from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

START_SPREAD = 0.02  # standard deviation of a fresh weight, as in GPT-2

Vectors = NDArray[np.float32]  # [n_items + 1, dimensions]; a zero row has no text


@dataclass(frozen=True, eq=False)
class Standard:
    """Centres rows with text and scales them to length 1 on average; zero rows stay zero.

    Encoders share a common direction and count vectors any scale; neither should reach the network.

    Attributes:
        centre: float32 [dimensions], taken off.
        length: Above 0, divided by.

    Example:
        >>> rows = np.array([[0, 0], [3, 1], [1, 1]], dtype=np.float32)
        >>> Standard.of(rows).apply(rows).tolist()
        [[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]
    """

    centre: Vectors
    length: float

    @classmethod
    def of(cls, vectors: Vectors) -> Standard:
        """That of some vectors."""
        rows = vectors[vectors.any(axis=1)]
        if not len(rows):
            return cls(np.zeros(vectors.shape[1], np.float32), 1.0)
        centre = rows.mean(axis=0)
        length = float(np.sqrt(np.square(rows - centre).sum(axis=1).mean()))
        return cls(centre, length if length > 0 else 1.0)

    def apply(self, vectors: Vectors) -> Vectors:
        """Vectors of any items of the same block, float32."""
        has_text = vectors.any(axis=1)
        standard = np.zeros(vectors.shape, np.float32)
        standard[has_text] = (vectors[has_text] - self.centre) / self.length
        return standard


def whiten(vectors: Vectors, dimensions: int) -> Vectors:
    """Largest principal components of the rows with text, each of variance 1; zero rows stay zero.

    Args:
        vectors: Text vectors.
        dimensions: Components wanted.

    Returns:
        float32 [n_items + 1, at most ``dimensions``]; fewer columns where the text varies in fewer directions.
    """
    has_text = vectors.any(axis=1)
    rows = vectors[has_text].astype(np.float64)
    white = np.zeros((len(vectors), dimensions), np.float32)
    if len(rows) < 2:
        return white[:, :0]
    centred = rows - rows.mean(axis=0)
    variance, axes = np.linalg.eigh(centred.T @ centred / len(rows))
    largest = np.argsort(-variance, kind="stable")[:dimensions]
    largest = largest[variance[largest] > 1e-9 * variance.max()]
    white[has_text, : len(largest)] = centred @ (axes[:, largest] / np.sqrt(variance[largest]))
    return white[:, : len(largest)]


def start_from_text(noise: Vectors, text: Vectors) -> Vectors:
    """Id vectors at the start of training: whitened text where an item has it, the given noise elsewhere.

    Args:
        noise: Fresh id vectors, float32 [n_items + 1, dimensions]; not modified.
        text: Text vectors of the same items.
    """
    white = START_SPREAD * whiten(text, noise.shape[1])
    has_text = text.any(axis=1)
    start = noise.copy()
    start[has_text, : white.shape[1]] = white[has_text]
    return start
