"""Logistic regressions on recency and frequency alone: what heads have to beat.

Shapes: N rows, U users, C event types, H horizons, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.models.behaviour.heads.fit_heads import user_folds
from nextact.models.behaviour.horizons.landmarks import LandmarkRows

GRID = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)  # of C, the inverse of the penalty
ITERATIONS = 300
FLOOR = 1e-9

Rows = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class TunedLogistic:
    """One logistic regression, multinomial where there are more than two classes.

    Attributes:
        mean: float64 [F], of the rows that were learnt from.
        scale: float64 [F].
        model: scikit-learn's, fitted to all rows; None where all rows had one class.
        classes: int64, the classes in the order of the probabilities.
        chosen: C, of :data:`GRID`; 0 without a model.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    model: Any
    classes: NDArray[np.int64]
    chosen: float

    def predict(self, inputs: Rows, n_classes: int) -> NDArray[np.float64]:
        """Probabilities, float64 [rows, n_classes]; 0 for a class never seen."""
        found = np.zeros((len(inputs), n_classes))
        if self.model is None:
            found[:, self.classes] = 1
        else:
            found[:, self.classes] = self.model.predict_proba((inputs - self.mean) / self.scale)
        return found


def fit_tuned(
    inputs: Rows, label: NDArray[np.int64], weight: NDArray[np.float64], kept: NDArray[np.bool_]
) -> TunedLogistic:
    """The regression whose penalty serves the kept rows best, fitted anew to all rows.

    Args:
        inputs: float [N, F].
        label: int64 [N].
        weight: float64 [N].
        kept: bool [N], rows on which C is chosen; the others fit the candidates.
    """
    mean, scale = inputs.mean(axis=0, dtype=np.float64), np.maximum(inputs.std(axis=0, dtype=np.float64), 1e-6)
    classes = np.unique(label)
    if len(classes) < 2:
        return TunedLogistic(mean, scale, None, classes, 0.0)
    scaled = (inputs - mean) / scale

    def loss(penalty: float) -> float:
        if len(np.unique(label[~kept])) < len(classes):
            return 0.0  # a class too rare to be chosen by: the strongest penalty stays
        model = _fit(penalty, scaled[~kept], label[~kept], weight[~kept])
        predicted = model.predict_proba(scaled[kept])[np.arange(kept.sum()), np.searchsorted(classes, label[kept])]
        return float(-(weight[kept] * np.log(np.maximum(predicted, FLOOR))).sum())

    chosen = min(GRID, key=loss)
    return TunedLogistic(mean, scale, _fit(chosen, scaled, label, weight), classes, chosen)


def fit_horizon_reference(rows: LandmarkRows, seed: int) -> list[list[TunedLogistic]]:
    """A regression for each event type and horizon, [C][H], on the same rows as the heads.

    C is chosen on the first fifth of the users, those whom the first head holds out.
    """
    kept = user_folds(rows.user, seed) == 0
    fitted = []
    for code in range(rows.happened.shape[1]):
        of_type = []
        for place in range(rows.happened.shape[2]):
            seen = rows.observed[:, place]
            label = rows.happened[seen, code, place].astype(np.int64)
            of_type.append(fit_tuned(rows.activity[seen], label, np.ones(len(label)), kept[seen]))
        fitted.append(of_type)
    return fitted


def predict_reference(fitted: Sequence[Sequence[TunedLogistic]], activity: Rows) -> NDArray[np.float64]:
    """Probability of an event of each type within each horizon, float64 [U, C, H]."""
    return np.stack([np.stack([one.predict(activity, 2)[:, 1] for one in row], axis=1) for row in fitted], axis=1)


def _fit(penalty: float, inputs: Rows, label: NDArray[np.int64], weight: NDArray[np.float64]) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=penalty, max_iter=ITERATIONS).fit(inputs, label, sample_weight=weight)
