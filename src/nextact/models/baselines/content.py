"""Items whose text is near what the user chose lately."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError, suggest
from nextact.models.baselines.history_weights import history_matrix, step_decay_weights
from nextact.models.baselines.options import ContentKNNOptions
from nextact.models.baselines.storage import load_model, save_model
from nextact.models.recommender import FitReport, Scores, Training
from nextact.sequences.histories import Histories


class ContentKNN:
    """Cosine between an item's text vector and those of the recent history, summed; cold items score like others."""

    def __init__(self, options: ContentKNNOptions) -> None:
        self.options = options

    def fit(self, training: Training) -> FitReport:
        """Centre the text vectors (encoders share a common direction) and scale them to length 1."""
        if self.options.block not in training.item_vectors:
            raise NextactError(
                f"content_knn: no item vectors {self.options.block!r}; "
                f"{suggest(self.options.block, training.item_vectors)}"
            )
        vectors = training.item_vectors[self.options.block]
        self.vectors = _centred_unit_rows(vectors)
        return {"dimensions": vectors.shape[1], "items_without_text": int((~vectors[1:].any(axis=1)).sum())}

    def score(self, histories: Histories) -> Scores:
        """Similarity to the newest steps, fading by ``history_decay`` a step."""
        recent = histories.last_steps(self.options.history_steps)
        weights = step_decay_weights(recent, self.options.history_decay)
        profile = history_matrix(recent, len(self.vectors) - 1, weights) @ self.vectors
        scores: Scores = (profile @ self.vectors.T).astype(np.float32, copy=False)
        return scores

    def evidence(self, histories: Histories, item_index: NDArray[np.int32]) -> NDArray[np.int32]:
        """Item of the newest steps nearest to each recommended item."""
        recent = histories.last_steps(self.options.history_steps)
        found = np.zeros(item_index.shape, np.int32)
        for user in range(recent.n_users):
            own = recent.item_index[recent.offsets[user] : recent.offsets[user + 1]]
            if len(own):
                similarity = self.vectors[item_index[user]] @ self.vectors[own].T
                found[user] = np.where(similarity.max(axis=1) > 0, own[similarity.argmax(axis=1)], 0)
        return found

    def save(self, folder: Path) -> None:
        """Write the vectors."""
        save_model(folder, self.options, len(self.vectors) - 1, {"vectors": self.vectors})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the vectors."""
        options, _, arrays = load_model(folder)
        model = cls(ContentKNNOptions(**options))
        model.vectors = arrays["vectors"]
        return model


def _centred_unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    has_text = vectors.any(axis=1)
    centred = np.zeros_like(vectors)
    if has_text.any():
        centred[has_text] = vectors[has_text] - vectors[has_text].mean(axis=0)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(centred, norms, out=centred, where=norms > 0)
    return unit
