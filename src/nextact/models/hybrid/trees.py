"""Gradient-boosted ranking trees by LightGBM, kept in its text format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError
from nextact.models.hybrid.features import Features
from nextact.models.hybrid.hybrid_options import StackedOptions
from nextact.stored import reading

TREES_FILE = "trees_{}.txt"
FIRST_WORDS, LAST_WORDS = "tree\n", "pandas_categorical:"  # of LightGBM's text
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

    def dataset(self, weights: NDArray[np.float64], once: bool = False) -> Any:
        """As LightGBM reads them.

        Args:
            weights: Of the lists, float64 [L].
            once: Whether all that reads them has the same settings: then LightGBM's copy of the features is freed when
                it has made bins of them.
        """
        import lightgbm

        return lightgbm.Dataset(
            self.features[self.real],
            self.labels[self.real],
            weight=self.per_candidate(weights),
            group=self.real.sum(axis=1),
            feature_name=self.names,
            free_raw_data=once,
        )


@dataclass(frozen=True, eq=False)
class Boosters:
    """Boosters of one size over the same lists, whose scores are averaged.

    They differ in what each was shown, so that chance in one has less to say.

    Attributes:
        each: LightGBM's, at least one.
    """

    each: list[Any]

    @property
    def n_trees(self) -> int:
        """Of one booster."""
        return int(self.each[0].num_trees())

    @property
    def features(self) -> list[str]:
        """Names of what is read."""
        names: list[str] = self.each[0].feature_name()
        return names

    def gain_share(self) -> dict[str, float]:
        """Share of each feature in what the trees gained, by name; sums to 1 where they gained anything."""
        gains = np.sum([booster.feature_importance("gain") for booster in self.each], axis=0)
        shares = gains / max(gains.sum(), 1e-9)
        return dict(zip(self.features, shares.round(4).tolist(), strict=True))

    def predict(self, features: Features, real: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Mean score of each candidate, float32 [U, C]; -inf at empty places."""
        scores = np.full(real.shape, -np.inf, np.float32)
        if real.any():
            rows = features[real]
            scores[real] = np.mean([booster.predict(rows, raw_score=True) for booster in self.each], axis=0)
        return scores

    def save(self, folder: Path) -> None:
        """Write LightGBM's text format, a file a booster."""
        for place, booster in enumerate(self.each):
            (folder / TREES_FILE.format(place)).write_text(booster.model_to_string(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, n_boosters: int) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            NextactError: If a file is missing or damaged, or an earlier version wrote the folder, which counted none.
        """
        if not n_boosters:
            raise NextactError(f"{folder}: an earlier version wrote these trees; fit the stacked ranker again")
        return cls([_load(folder / TREES_FILE.format(place)) for place in range(n_boosters)])


def _load(file: Path) -> Any:
    import lightgbm

    with reading(file):
        text = file.read_text(encoding="utf-8")
        if not text.startswith(FIRST_WORDS) or LAST_WORDS not in text[-200:]:
            raise ValueError("it is no whole text of trees")  # LightGBM itself may crash on half a text
        return lightgbm.Booster(model_str=text)


def grow(lists: Lists, options: StackedOptions, seed: int) -> tuple[Boosters, float]:
    """Boosters, by lambdarank unless told otherwise, with as many trees as serve users they have not seen best.

    These are the boosters of a cross-validation: each learns from all users but one part of them, all lists of a user
    left out together, and the parts left out say together how many trees are kept; one part of a few hundred users
    would be too noisy to stop by.

    Args:
        lists: Of the users.
        options: Number and size of the boosters.
        seed: Of LightGBM, and of the parts.

    Returns:
        The boosters, and their mean NDCG over the users each left out (users without a target among their candidates
        are not in it, so it is above the NDCG of all users).

    Source:
        Burges, 2010, "From RankNet to LambdaRank to LambdaMART".
    """
    import lightgbm

    parts, weights = parts_and_weights(lists.users, options.boosters, seed)
    part, data = lists.per_candidate(parts), lists.dataset(weights, once=True)
    folds = [(np.flatnonzero(part != left_out), np.flatnonzero(part == left_out)) for left_out in np.unique(parts)]
    curves = lightgbm.cv(
        _settings(options, seed, len(part)),
        data,
        options.max_trees,
        folds=folds,
        callbacks=[lightgbm.early_stopping(options.patience, verbose=False)],
        return_cvbooster=True,
    )
    ndcg = np.array(curves[f"valid ndcg@{options.metric_k}-mean"])
    texts = [one.model_to_string(num_iteration=int(ndcg.argmax()) + 1) for one in curves["cvbooster"].boosters]
    return Boosters([lightgbm.Booster(model_str=text) for text in texts]), float(ndcg.max())


def grow_so_many(lists: Lists, n_trees: int, options: StackedOptions, seed: int) -> Boosters:
    """Boosters of a number of trees that was found before, all from all users; each has a seed of its own."""
    import lightgbm

    _, weights = parts_and_weights(lists.users, options.boosters, seed)
    data, n_rows = lists.dataset(weights), int(lists.real.sum())
    seeds = range(seed, seed + options.boosters)
    return Boosters([lightgbm.train(_settings(options, one, n_rows), data, n_trees) for one in seeds])


def parts_and_weights(
    users: NDArray[np.int64], n_parts: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which part of the cross-validation each list belongs to, one for all lists of a user, and how much it weighs.

    Example:
        >>> parts_and_weights(np.array([7, 7, 3]), n_parts=2, seed=0)[1].tolist()
        [0.75, 0.75, 1.5]
    """
    distinct, place, n_lists = np.unique(users, return_inverse=True, return_counts=True)
    part_of_user = np.random.default_rng(seed).permutation(len(distinct)) % n_parts
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
