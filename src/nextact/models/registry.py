"""The models that a run may fit, by family and name; static, so that Kedro-Viz shows what runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextact.models.baselines import options as o
from nextact.models.baselines.als import ALS
from nextact.models.baselines.content import ContentKNN
from nextact.models.baselines.demand import Demand
from nextact.models.baselines.item2vec import Item2Vec
from nextact.models.baselines.item_knn import ItemKNN
from nextact.models.baselines.item_to_item import EASE, TransitionTable
from nextact.models.baselines.popularity import OwnMostBought, Popularity, RecentPopularity
from nextact.models.baselines.slim import SLIM
from nextact.models.baselines.tifu import TIFUKNN
from nextact.models.hybrid.blend import Blend
from nextact.models.hybrid.options import BlendOptions, StackedOptions
from nextact.models.hybrid.stacked import StackedRanker
from nextact.models.recommender import Recommender
from nextact.models.sequence.options import SequenceOptions
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.stored import StoredError, read_json, reading, write_json


@dataclass(frozen=True)
class ModelEntry:
    """A recommender and what a pipeline needs to know of it.

    Attributes:
        options: Class of its options.
        recommender: Built from the options (a hybrid also from its members).
        blocks: From the options to the blocks of item vectors that the model reads.
        tags: Tags of its fit node; ``gpu`` lets a deployer send it to a GPU.
        by_default: Whether ``kedro run`` fits it; ``kedro run --pipelines model_training_full`` fits them all.
    """

    options: type[Any]
    recommender: type[Any]
    blocks: Callable[[Any], tuple[str, ...]] = lambda options: ()
    tags: tuple[str, ...] = ()
    by_default: bool = True


FITTED_FILE, LEFT_OUT_FILE = "fitted.json", "left_out.json"
HYBRID = "hybrid"  # the family whose members are models of the other families


MODELS: dict[str, dict[str, ModelEntry]] = {
    "baselines": {
        "popularity": ModelEntry(o.PopularityOptions, Popularity),
        "recent_popularity": ModelEntry(o.RecentPopularityOptions, RecentPopularity),
        "demand": ModelEntry(o.DemandOptions, Demand),
        "own_most_bought": ModelEntry(o.OwnMostBoughtOptions, OwnMostBought),
        "transition": ModelEntry(o.TransitionOptions, TransitionTable),
        "item_knn": ModelEntry(o.ItemKNNOptions, ItemKNN),
        "ease": ModelEntry(o.EASEOptions, EASE),
        "tifu_knn": ModelEntry(o.TIFUKNNOptions, TIFUKNN),
        "content_knn": ModelEntry(o.ContentKNNOptions, ContentKNN, blocks=lambda options: (options.block,)),
        "words_knn": ModelEntry(o.ContentKNNOptions, ContentKNN, blocks=lambda options: (options.block,)),
        "slim": ModelEntry(o.SLIMOptions, SLIM, by_default=False),
        "als": ModelEntry(o.ALSOptions, ALS, by_default=False),
        "item2vec": ModelEntry(o.Item2VecOptions, Item2Vec, by_default=False),
    },
    "sequence": {
        "gpt2": ModelEntry(
            SequenceOptions, SequenceRecommender, blocks=lambda options: options.text_blocks, tags=("gpu",)
        ),
        "nextact": ModelEntry(
            SequenceOptions,
            SequenceRecommender,
            blocks=lambda options: options.text_blocks,
            tags=("gpu",),
            by_default=False,
        ),
        "bert": ModelEntry(
            SequenceOptions,
            SequenceRecommender,
            blocks=lambda options: options.text_blocks,
            tags=("gpu",),
            by_default=False,
        ),
    },
    HYBRID: {
        "blend": ModelEntry(BlendOptions, Blend),
        "stacked": ModelEntry(StackedOptions, StackedRanker, blocks=lambda options: options.newest_blocks),
    },
}


def place(family: str, name: str) -> tuple[int, int]:
    """Place of a model in :data:`MODELS`: the order of equal ones, cheaper kinds first, which no clock decides.

    Example:
        >>> place("baselines", "item2vec") < place("sequence", "gpt2") < place("hybrid", "blend")
        True
    """
    return list(MODELS).index(family), list(MODELS[family]).index(name)


@dataclass(frozen=True)
class FittedModel:
    """A recommender with its place in :data:`MODELS`, and what names its run."""

    family: str
    name: str
    recommender: Recommender
    described: dict[str, Any]


@dataclass(frozen=True)
class LeftOut:
    """A model that could not be fitted on this data, in the place of a fitted one.

    Attributes:
        family: As in :data:`MODELS`.
        name: As in :data:`MODELS`.
        why: In one line.
        described: What names its run, as of a fitted model.
    """

    family: str
    name: str
    why: str
    described: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """What is saved: family, name, run, options hash, and under ``left_out`` why."""
        return {"family": self.family, "name": self.name, **self.described, "left_out": self.why}


@dataclass(frozen=True)
class ModelFolder:
    """Handle to a saved model, or to what says why there is none: small, and safe to pass between processes."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether a model was saved there."""
        return (self.path / FITTED_FILE).exists()

    @property
    def is_left_out(self) -> bool:
        """Whether it was saved there that the model could not be fitted."""
        return (self.path / LEFT_OUT_FILE).exists()

    def describe(self) -> dict[str, Any]:
        """What was saved beside the weights: family, name, run, options hash, fit report; or why there are none."""
        file = self.path / (LEFT_OUT_FILE if self.is_left_out else FITTED_FILE)
        described: dict[str, Any] = read_json(file, ("family", "name"))
        return described

    def open(self) -> Recommender:
        """Load the recommender.

        Raises:
            StoredError: If a file of the folder is missing or damaged, or this version does not know the model.
        """
        described = self.describe()
        family, name = described["family"], described["name"]
        if name not in MODELS.get(family, {}):
            raise StoredError(self.path, f"holds model {family}.{name}, which this version does not know")
        with reading(self.path):
            recommender: Recommender = MODELS[family][name].recommender.load(self.path)
        return recommender


def save_fitted(fitted: FittedModel | LeftOut, folder: Path) -> None:
    """Write weights and description, or why there are none, into an empty folder."""
    folder.mkdir(parents=True)
    if isinstance(fitted, LeftOut):
        write_json(folder / LEFT_OUT_FILE, fitted.describe())
        return
    fitted.recommender.save(folder)
    write_json(folder / FITTED_FILE, {"family": fitted.family, "name": fitted.name, **fitted.described})
