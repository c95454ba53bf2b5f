"""The models that a run may fit, by family and name; static, so that Kedro-Viz shows what runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextact.errors import NextactError
from nextact.models.baselines import options as o
from nextact.models.baselines.content import ContentKNN
from nextact.models.baselines.item_to_item import EASE, TransitionTable
from nextact.models.baselines.popularity import OwnMostBought, Popularity, RecentPopularity
from nextact.models.recommender import Recommender, read_json, write_json


@dataclass(frozen=True)
class ModelEntry:
    """A recommender and the class of its options."""

    options: type[Any]
    recommender: type[Any]


MODELS: dict[str, dict[str, ModelEntry]] = {
    "baselines": {
        "popularity": ModelEntry(o.PopularityOptions, Popularity),
        "recent_popularity": ModelEntry(o.RecentPopularityOptions, RecentPopularity),
        "own_most_bought": ModelEntry(o.OwnMostBoughtOptions, OwnMostBought),
        "transition": ModelEntry(o.TransitionOptions, TransitionTable),
        "ease": ModelEntry(o.EASEOptions, EASE),
        "content_knn": ModelEntry(o.ContentKNNOptions, ContentKNN),
    },
}


@dataclass(frozen=True)
class FittedModel:
    """A recommender with its place in :data:`MODELS`, and what names its run."""

    family: str
    name: str
    recommender: Recommender
    described: dict[str, Any]


@dataclass(frozen=True)
class ModelFolder:
    """Handle to a saved model: small, and safe to pass between processes."""

    path: Path

    def describe(self) -> dict[str, Any]:
        """What was saved beside the weights: family, name, run, options hash, fit report."""
        described: dict[str, Any] = read_json(self.path / "fitted.json")
        return described

    def open(self) -> Recommender:
        """Load the recommender."""
        described = self.describe()
        family, name = described["family"], described["name"]
        if name not in MODELS.get(family, {}):
            raise NextactError(f"{self.path}: holds model {family}.{name}, which this version does not know")
        recommender: Recommender = MODELS[family][name].recommender.load(self.path)
        return recommender


def save_fitted(fitted: FittedModel, folder: Path) -> None:
    """Write weights and description into an empty folder."""
    folder.mkdir(parents=True)
    fitted.recommender.save(folder)
    write_json(folder / "fitted.json", {"family": fitted.family, "name": fitted.name, **fitted.described})
