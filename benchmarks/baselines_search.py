"""What ``benchmarks/baselines.py`` tries for each model: a start, and values an option, in the order they are tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nextact.models.baselines import baseline_options as o
from nextact.models.baselines.als import ALS
from nextact.models.baselines.content import ContentKNN
from nextact.models.baselines.item2vec import Item2Vec
from nextact.models.baselines.item_knn import ItemKNN
from nextact.models.baselines.item_to_item import EASE, TransitionTable
from nextact.models.baselines.popularity import Popularity, RecentPopularity
from nextact.models.baselines.popularity_forecast import PopularityForecast
from nextact.models.baselines.slim import SLIM
from nextact.models.baselines.tifu import TIFUKNN

READ_WHEN_SCORING = frozenset({"history_steps", "history_decay", "half_life_days"})  # a fitted model takes them as is


@dataclass(frozen=True)
class Search:
    """A model, where its search starts, and the values that are tried for each option in turn."""

    model: type[Any]
    options: type[Any]
    start: dict[str, Any] = field(default_factory=dict)
    values: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    blocks: tuple[str, ...] = ()
    read_when_scoring: frozenset[str] = READ_WHEN_SCORING


FADING = {"history_decay": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)}

SEARCHES = {
    "popularity": Search(Popularity, o.PopularityOptions),
    "recent_popularity": Search(
        RecentPopularity,
        o.RecentPopularityOptions,
        values={"half_life_days": (7.0, 30.0, 90.0, 365.0)},
        read_when_scoring=frozenset(),
    ),
    "popularity_forecast": Search(
        PopularityForecast,
        o.PopularityForecastOptions,
        values={"days": (15.0, 30.0, 60.0, 90.0), "landmarks": (4, 8, 12), "leaves": (4, 8)},
        read_when_scoring=frozenset(),
    ),
    "transition": Search(
        TransitionTable,
        o.TransitionOptions,
        values={
            "source_discount": (0.0, 0.25, 0.5, 0.75, 1.0),
            "lags": (1, 3, 5, 10, 20),
            "lag_decay": (0.5, 0.7, 0.8, 0.9, 1.0),
            "history_decay": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
            "history_steps": (3, 10, 20),
            "reverse_weight": (0.0, 0.1, 0.3, 1.0),
            "popularity_discount": (0.0, 0.1, 0.25),
        },
    ),
    "item_knn": Search(
        ItemKNN,
        o.ItemKNNOptions,
        values={
            "weighting": ("cosine", "tfidf", "bm25"),
            **FADING,
            "shrinkage": (0.0, 3.0, 10.0, 30.0),
            "neighbours": (50, 200, 500),
        },
    ),
    "ease": Search(
        EASE,
        o.EASEOptions,
        start={"half_life_days": None, "history_decay": 0.7},
        values={
            "regularisation": (30.0, 100.0, 300.0, 1_000.0),
            "training_decay": (0.95, 1.0),
            **FADING,
            "half_life_days": (60.0, 365.0, None),
        },
    ),
    "slim": Search(
        SLIM,
        o.SLIMOptions,
        start={"history_decay": 0.7},
        values={"l1": (0.3, 1.0, 2.0), "l2": (10.0, 30.0, 100.0), "neighbours": (100, 200), **FADING},
    ),
    "als": Search(
        ALS,
        o.ALSOptions,
        start={"factors": 128, "history_decay": 0.8},
        values={
            "confidence": (3.0, 10.0, 30.0, 100.0),
            "factors": (64, 128, 256),
            "regularisation": (1.0, 10.0),
            "history_decay": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        },
    ),
    "item2vec": Search(
        Item2Vec,
        o.Item2VecOptions,
        start={"compare": "contexts"},
        values={"window": (5, 10), "history_decay": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)},
    ),
    "tifu_knn": Search(
        TIFUKNN,
        o.TIFUKNNOptions,
        start={"between_decay": 0.9, "similarity": "cosine", "own_share": 0.0},
        values={
            "neighbours": (30, 100, 300),
            "between_decay": (0.3, 0.5, 0.7, 0.9, 1.0),
            "within_decay": (0.6, 0.7, 0.8, 0.9, 1.0),
            "similarity": ("cosine", "euclidean"),
        },
        read_when_scoring=frozenset({"neighbours", "similarity"}),
    ),
    "content_knn": Search(
        ContentKNN,
        o.ContentKNNOptions,
        start={"block": "title"},
        values={
            "block": ("title", "title_and_categories"),
            "history_decay": (0.5, 0.6, 0.7, 0.8),
            "history_steps": (5, 10),
        },
        blocks=("title", "title_and_categories"),
    ),
}
