"""Gradient-boosted ranking trees by LightGBM, kept in its text format."""

from __future__ import annotations

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


def grow(
    features: Features,
    labels: Labels,
    real: NDArray[np.bool_],
    users: NDArray[np.int64],
    names: list[str],
    options: StackedOptions,
    seed: int,
) -> tuple[Any, float]:
    """A booster by lambdarank, with as many trees as serve users it has not seen best.

    The number is chosen by cross-validation over the users; one held-out part of a few hundred would be too noisy to
    stop by. Then all users are learnt from.

    Args:
        features: float32 [U, C, F], a row a list of candidates with a target among them.
        labels: 1 for targets, [U, C].
        real: Places that hold a candidate, [U, C].
        users: int64 [U], whose list it is. All lists of a user are left out together, and together weigh as much as
            those of any other, as users do in the metric.
        names: Of the features.
        options: Size and speed of the trees.
        seed: Of LightGBM.

    Returns:
        The booster, and its mean NDCG over the users left out in turn (users without a target among their
        candidates are not in it, so it is above the NDCG of all users).

    Source:
        Burges, 2010, "From RankNet to LambdaRank to LambdaMART".
    """
    import lightgbm

    n_candidates = real.sum(axis=1)
    part, weight = (np.repeat(of_list, n_candidates) for of_list in parts_and_weights(users, seed))
    data = lightgbm.Dataset(
        features[real], labels[real], weight=weight, group=n_candidates, feature_name=names, free_raw_data=False
    )
    folds = [(np.flatnonzero(part != fold), np.flatnonzero(part == fold)) for fold in range(FOLDS)]
    settings = _settings(options, seed) | {"num_threads": 0 if len(part) > FEW_ROWS else 1}
    stop = lightgbm.early_stopping(options.patience, verbose=False)
    curves = lightgbm.cv(settings, data, options.max_trees, folds=folds, callbacks=[stop])
    ndcg = np.array(curves[f"valid ndcg@{options.metric_k}-mean"])
    booster = lightgbm.train(settings, data, int(ndcg.argmax()) + 1)
    return booster, float(ndcg.max())


def parts_and_weights(users: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which part of the cross-validation each list belongs to, one for all lists of a user, and how much it weighs.

    Example:
        >>> parts_and_weights(np.array([7, 7, 3]), seed=0)[1].tolist()
        [0.75, 0.75, 1.5]
    """
    distinct, place, n_lists = np.unique(users, return_inverse=True, return_counts=True)
    part_of_user = np.random.default_rng(seed).permutation(len(distinct)) % FOLDS
    return part_of_user[place], len(users) / len(distinct) / n_lists[place]


def _settings(options: StackedOptions, seed: int) -> dict[str, Any]:
    return {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [options.metric_k],
        "lambdarank_truncation_level": 2 * options.metric_k,
        "learning_rate": options.learning_rate,
        "num_leaves": options.leaves,
        "min_data_in_leaf": options.min_leaf,
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


def predict(booster: Any, features: Features, real: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Score of each candidate, float32 [U, C]; -inf at empty places."""
    scores = np.full(real.shape, -np.inf, np.float32)
    if real.any():
        scores[real] = booster.predict(features[real])
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
