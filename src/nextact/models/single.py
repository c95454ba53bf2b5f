"""The models that stand alone, by family and name: baselines and networks, of which hybrids take their members."""

from __future__ import annotations

from nextact.models.baselines import baseline_options as o
from nextact.models.baselines.als import ALS
from nextact.models.baselines.content import ContentKNN
from nextact.models.baselines.item2vec import Item2Vec
from nextact.models.baselines.item_knn import ItemKNN
from nextact.models.baselines.item_to_item import EASE, TransitionTable
from nextact.models.baselines.popularity import PersonalPopularity, Popularity, RecentPopularity
from nextact.models.baselines.popularity_forecast import PopularityForecast
from nextact.models.baselines.slim import SLIM
from nextact.models.baselines.tifu import TIFUKNN
from nextact.models.recommender import Recommender
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.models.sequence.sequence_options import SequenceOptions
from nextact.models.storage import ModelEntry, ModelFolder, open_one_of

SINGLE_MODELS: dict[str, dict[str, ModelEntry]] = {
    "baselines": {
        "popularity": ModelEntry(o.PopularityOptions, Popularity),
        "recent_popularity": ModelEntry(o.RecentPopularityOptions, RecentPopularity),
        "popularity_forecast": ModelEntry(o.PopularityForecastOptions, PopularityForecast),
        "personal_popularity": ModelEntry(o.PersonalPopularityOptions, PersonalPopularity),
        "transition": ModelEntry(o.TransitionOptions, TransitionTable),
        "item_knn": ModelEntry(o.ItemKNNOptions, ItemKNN),
        "ease": ModelEntry(o.EASEOptions, EASE),
        "tifu_knn": ModelEntry(o.TIFUKNNOptions, TIFUKNN, keeps_users=True),
        "content_knn": ModelEntry(o.ContentKNNOptions, ContentKNN, blocks=lambda options: (options.block,)),
        "words_knn": ModelEntry(o.WordsKNNOptions, ContentKNN, blocks=lambda options: (options.block,)),
        "slim": ModelEntry(o.SLIMOptions, SLIM, by_default=False),
        "als": ModelEntry(o.ALSOptions, ALS, by_default=False),
        "item2vec": ModelEntry(o.Item2VecOptions, Item2Vec, by_default=False),
    },
    "sequence": {
        "gpt2": ModelEntry(
            SequenceOptions, SequenceRecommender, blocks=lambda options: options.text.blocks, tags=("gpu",)
        ),
        "nextact": ModelEntry(
            SequenceOptions,
            SequenceRecommender,
            blocks=lambda options: options.text.blocks,
            tags=("gpu",),
            by_default=False,
        ),
        "bert": ModelEntry(
            SequenceOptions,
            SequenceRecommender,
            blocks=lambda options: options.text.blocks,
            tags=("gpu",),
            by_default=False,
        ),
    },
}


def open_single(folder: ModelFolder) -> Recommender:
    """Load a model that stands alone; see :func:`~nextact.models.storage.open_one_of`."""
    return open_one_of(SINGLE_MODELS, folder)
