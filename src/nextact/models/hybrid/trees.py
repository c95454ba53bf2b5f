"""Gradient-boosted ranking trees by LightGBM, kept in its text format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError
from nextact.models.hybrid.features import Features
from nextact.models.hybrid.options import StackedOptions

TREES_FILE = "trees.txt"
FOLDS = 4
FEW_ROWS = 20_000  # below that threads wait for each other longer than they work
Labels = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Lists:
    """What trees are grown from: L lists of up to C candidates, F features each.

    Attributes:
        features: float32 [L, C, F].
        labels: 1 for targets, [L, C]; every list has one.
        real: Places that hold a candidate, [L, C].
        users: int64 [L], whose list it is. All lists of a user together weigh as much as those of any other, as users
            do in the metric.
        names: Of the features.
    """

    features: Features
    labels: Labels
    real: NDArray[np.bool_]
    users: NDArray[np.int64]
    names: list[str]

    def per_candidate(self, of_lists: NDArray[Any]) -> NDArray[Any]:
        """One value a list, repeated for each of its candidates."""
        return np.repeat(of_lists, self.real.sum(axis=1))

    def dataset(self, weights: NDArray[np.float64]) -> Any:
        """As LightGBM reads them."""
        import lightgbm

        return lightgbm.Dataset(
            self.features[self.real],
            self.labels[self.real],
            weight=self.per_candidate(weights),
            group=self.real.sum(axis=1),
            feature_name=self.names,
            free_raw_data=False,
        )


def grow(lists: Lists, options: StackedOptions, seed: int) -> tuple[Any, float]:
    """A booster, by lambdarank unless told otherwise, with as many trees as serve users it has not seen best.

    The number is chosen by cross-validation over the users, all lists of a user left out together; one held-out part of
    a few hundred would be too noisy to stop by. Then all users are learnt from.

    Args:
        lists: Of the users.
        options: Size and speed of the trees.
        seed: Of LightGBM.

    Returns:
        The booster, and its mean NDCG over the users left out in turn (users without a target among their
        candidates are not in it, so it is above the NDCG of all users).

    Source:
        Burges, 2010, "From RankNet to LambdaRank to LambdaMART".
    """
    import lightgbm

    parts, weights = parts_and_weights(lists.users, seed)
    part, data = lists.per_candidate(parts), lists.dataset(weights)
    folds = [(np.flatnonzero(part != fold), np.flatnonzero(part == fold)) for fold in range(FOLDS)]
    stop = lightgbm.early_stopping(options.patience, verbose=False)
    curves = lightgbm.cv(_settings(options, seed, len(part)), data, options.max_trees, folds=folds, callbacks=[stop])
    ndcg = np.array(curves[f"valid ndcg@{options.metric_k}-mean"])
    booster = lightgbm.train(_settings(options, seed, len(part)), data, int(ndcg.argmax()) + 1)
    return booster, float(ndcg.max())


def grow_so_many(lists: Lists, n_trees: int, options: StackedOptions, seed: int) -> Any:
    """A booster of a number of trees that was found before."""
    import lightgbm

    _, weights = parts_and_weights(lists.users, seed)
    return lightgbm.train(_settings(options, seed, int(lists.real.sum())), lists.dataset(weights), n_trees)


def parts_and_weights(users: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which part of the cross-validation each list belongs to, one for all lists of a user, and how much it weighs.

    Example:
        >>> parts_and_weights(np.array([7, 7, 3]), seed=0)[1].tolist()
        [0.75, 0.75, 1.5]
    """
    distinct, place, n_lists = np.unique(users, return_inverse=True, return_counts=True)
    part_of_user = np.random.default_rng(seed).permutation(len(distinct)) % FOLDS
    return part_of_user[place], len(users) / len(distinct) / n_lists[place]


def _settings(options: StackedOptions, seed: int, n_rows: int) -> dict[str, Any]:
    return {
        "num_threads": 0 if n_rows > FEW_ROWS else 1,
        **_objective(options),
        "metric": "ndcg",
        "eval_at": [options.metric_k],
        "learning_rate": options.learning_rate,
        "num_leaves": options.leaves,
        "min_data_in_leaf": max(min(options.min_leaf, n_rows // 100), 1),
        "max_bin": 63,  # as good on validation as 255, and trees grow faster
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 1.0,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }


def _objective(options: StackedOptions) -> dict[str, Any]:
    if options.objective == "binary":
        return {"objective": "binary"}
    return {"objective": "lambdarank", "lambdarank_truncation_level": 2 * options.metric_k}


def predict(booster: Any, features: Features, real: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Score of each candidate, float32 [U, C]; -inf at empty places."""
    scores = np.full(real.shape, -np.inf, np.float32)
    if real.any():
        scores[real] = booster.predict(features[real], raw_score=True)
    return scores


def save_trees(booster: Any, folder: Path) -> None:
    """Write LightGBM's text format."""
    (folder / TREES_FILE).write_text(booster.model_to_string(), encoding="utf-8")


def load_trees(folder: Path) -> Any:
    """Read LightGBM's text format.

    Raises:
        NextactError: If the file is missing or broken.
    """
    import lightgbm

    try:
        return lightgbm.Booster(model_str=(folder / TREES_FILE).read_text(encoding="utf-8"))
    except (OSError, lightgbm.basic.LightGBMError) as error:
        raise NextactError(f"cannot read {folder / TREES_FILE}: {error}") from error
