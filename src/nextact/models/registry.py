"""The models that a run may fit, by family and name; static, so that Kedro-Viz shows what runs."""

from __future__ import annotations

from nextact.models.hybrid.blend import Blend
from nextact.models.hybrid.hybrid_options import BlendOptions, StackedOptions
from nextact.models.hybrid.stacked import StackedRanker
from nextact.models.recommender import Recommender
from nextact.models.single import SINGLE_MODELS
from nextact.models.storage import ModelEntry, ModelFolder, open_one_of

HYBRID = "hybrid"  # the family whose members are models of the other families

MODELS: dict[str, dict[str, ModelEntry]] = {
    **SINGLE_MODELS,
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


def open_model(folder: ModelFolder) -> Recommender:
    """Load any model; see :func:`~nextact.models.storage.open_one_of`."""
    return open_one_of(MODELS, folder)
