"""Items whose text is near what the user chose lately."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, issparse

from nextact.errors import CannotFit, NextactError, suggest
from nextact.models.baselines.baseline_options import ContentKNNOptions
from nextact.models.baselines.history_weights import type_weights
from nextact.models.baselines.vector_knn import VectorKNN
from nextact.models.grounds import Ground, Grounds
from nextact.models.recommender import FitReport, Training
from nextact.text.blocks import BLOCKS, OF_HISTORIES, WORDS, is_block
from nextact.text.encoder.pooling import unit_rows, whiten

Dense = NDArray[np.float32]


class ContentKNN(VectorKNN):
    """Cosine between an item's text vector and those of the recent history, summed; cold items score like others.

    A block of item vectors may be dense, or sparse [n_items + 1, words] as tf-idf makes it.
    """

    options_class = ContentKNNOptions

    @property
    def grounds(self) -> Grounds:  # type: ignore[override]
        """Likeness of what the block is made of: whole texts, one column of them, or the histories of items."""
        block = self.options.block
        column = block.startswith(f"{WORDS}_")
        named = Ground.TOGETHER if block in OF_HISTORIES else Ground.TEXT_COLUMN if column else Ground.TEXT
        return Grounds(named, Ground.NOTHING)

    def fit(self, training: Training) -> FitReport:
        """Centre and whiten dense vectors as asked, and scale all to length 1.

        Raises:
            CannotFit: If this run could not make the block, or was not asked to.
            NextactError: If no run makes a block of that name.
        """
        self.of_types = type_weights(self.options, training.event_types)
        blocks: dict[str, Any] = {**training.item_vectors, **training.sparse_vectors}
        if self.options.block not in blocks:
            _refuse(self.options.block, list(blocks))
        block = blocks[self.options.block]
        self.vectors = self._sparse(block) if issparse(block) else self._dense(block)
        self.targets = self.vectors
        has_text = np.asarray(abs(block).sum(axis=1)).ravel() > 0
        return {"dimensions": block.shape[1], "items_without_text": int((~has_text[1:]).sum())}

    def _dense(self, vectors: Dense) -> Dense:
        if self.options.whitening:
            return unit_rows(whiten(vectors).apply(vectors))
        has_text = vectors.any(axis=1)
        centred = vectors.copy()
        if self.options.centre and has_text.any():
            centred[has_text] -= vectors[has_text].mean(axis=0)
        return unit_rows(centred)

    def _sparse(self, vectors: Any) -> csr_matrix:
        if self.options.whitening:
            raise NextactError(
                f"content_knn: block {self.options.block!r} is sparse and cannot be whitened; reduce it to dense "
                "vectors first or set whitening to false"
            )
        norms = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
        scale = np.divide(1.0, norms, out=np.zeros(len(norms)), where=norms > 0)
        return csr_matrix(diags(scale) @ vectors, dtype=np.float32)


def _refuse(block: str, made: list[str]) -> None:
    if not is_block(block):
        raise NextactError(f"ContentKNNOptions.block: no item vectors {block!r}; {suggest(block, [*BLOCKS, *made])}")
    if not made:
        raise CannotFit("this run has no item vectors: no item has a text, or item_text.text_columns names no column")
    raise CannotFit(
        f"this run has no item vectors {block!r}, only {', '.join(sorted(made))}: after cleaning no item has a word of "
        "which to make them, or item_text.blocks and item_words.columns do not ask for them"
    )
