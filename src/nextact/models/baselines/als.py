"""Matrix factorisation by alternating least squares; users are folded in from their history."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.models.baselines.baseline_options import ALSOptions
from nextact.models.baselines.history_weights import event_weights, history_matrix, read_history, type_weights
from nextact.models.baselines.storage import load_model, save_model
from nextact.models.grounds import Ground, Grounds
from nextact.models.recommender import FitReport, Scores, Training
from nextact.sequences.histories import Histories


class ALS:
    """Weighted matrix factorisation of implicit feedback (Hu, Koren & Volinsky, ICDM 2008), by ``implicit``.

    With item factors Y, confidences ``c = 1 + confidence * weight`` of a user's items H and 1 of the others, the user's
    factors are ``x = (Y'Y + Y_H' (C - 1) Y_H + regularisation)^-1 Y_H' c``, and the scores ``Y x``.
    """

    grounds = Grounds(named=Ground.TOGETHER, otherwise=Ground.NOTHING)

    factors: NDArray[np.float32]  # [n_items + 1, factors]; row 0 is zero

    def __init__(self, options: ALSOptions) -> None:
        self.options = options

    def fit(self, training: Training) -> FitReport:
        """Factorise the users x items matrix; only the item factors are kept."""
        from threadpoolctl import threadpool_limits

        self.of_types = type_weights(self.options, training.event_types)
        weights = event_weights(training.histories, self.of_types)
        confidence = self._confidence(history_matrix(training.histories, training.n_items, weights))
        solver = self._solver(training.context.seed)
        with threadpool_limits(1, "blas"):  # implicit has threads of its own
            solver.fit(confidence[:, 1:], show_progress=False)
        factors = np.asarray(solver.item_factors, np.float32)
        self.factors = np.vstack([np.zeros((1, factors.shape[1]), np.float32), factors])
        return {"factors": self.options.factors}

    def _solver(self, seed: int = 0) -> Any:
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):  # it warns of BLAS threads when made
            return AlternatingLeastSquares(
                factors=self.options.factors,
                regularization=self.options.regularisation,
                iterations=self.options.iterations,
                random_state=seed,
            )

    def _confidence(self, weights: csr_matrix) -> csr_matrix:
        confidence = weights.copy()
        confidence.eliminate_zeros()  # events that weigh nothing are no events
        confidence.data = 1 + confidence.data * np.float32(self.options.confidence)
        return confidence

    def history(self, histories: Histories) -> csr_matrix:
        """Confidence in each item of each history; items outside it are trusted 1."""
        return self._confidence(read_history(histories, len(self.factors) - 1, self.options, self.of_types))

    def score(self, histories: Histories) -> Scores:
        """Fold each user in by Cholesky; 0 throughout for an empty history."""
        from threadpoolctl import threadpool_limits

        solver = self._solver()
        solver.item_factors = self.factors[1:]
        with threadpool_limits(1, "blas"):
            users = solver.recalculate_user(np.arange(histories.n_users), self.history(histories)[:, 1:])
        scores: Scores = users @ self.factors.T
        return scores

    def evidence(self, histories: Histories, item_index: NDArray[np.int32]) -> NDArray[np.int32]:
        """Item of the history with the largest of the terms that a recommended item's score is the sum of."""
        confidence = self.history(histories)
        gram = self._regularised_gram()
        found = np.zeros(item_index.shape, np.int32)
        for user in np.flatnonzero(np.diff(confidence.indptr)).tolist():
            entries = slice(confidence.indptr[user], confidence.indptr[user + 1])
            own = confidence.indices[entries]
            terms = self.terms(gram, own, confidence.data[entries], item_index[user])
            found[user] = np.where(terms.max(axis=1) > 0, own[terms.argmax(axis=1)], 0)
        return found

    def terms(
        self,
        gram: NDArray[np.float64],
        own: NDArray[np.int32],
        confidence: NDArray[np.float32],
        items: NDArray[np.int32],
    ) -> NDArray[np.float64]:
        """What each item of a history adds to the scores of some items, float64 [items, history] (section 5 there)."""
        factors = self.factors[own].astype(np.float64)
        normal = gram + factors.T @ (factors * (confidence - 1)[:, None])
        terms: NDArray[np.float64] = self.factors[items] @ np.linalg.solve(normal, factors.T * confidence)
        return terms

    def _regularised_gram(self) -> NDArray[np.float64]:
        exact = self.factors.astype(np.float64)
        gram: NDArray[np.float64] = exact.T @ exact + self.options.regularisation * np.eye(exact.shape[1])
        return gram

    def save(self, folder: Path) -> None:
        """Write the item factors."""
        arrays = {"factors": self.factors, "of_types": self.of_types}
        save_model(folder, self.options, len(self.factors) - 1, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the item factors."""
        options, _, arrays = load_model(folder)
        model = cls(ALSOptions(**options))
        model.factors, model.of_types = arrays["factors"], arrays["of_types"]
        return model
