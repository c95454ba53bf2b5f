"""Pictures of what the features hold."""

import logging
from typing import Any

import ibis
import numpy as np
import pandas as pd

from nextact.errors import NextactError, suggest
from nextact.events import columns as c
from nextact.pipelines.feature_engineering.text_blocks import split_tokens
from nextact.reports.catalogue_map import CatalogueMapOptions, catalogue_map, nearest_items, vocabulary_figure
from nextact.text.blocks import ItemVectors

logger = logging.getLogger(__name__)

LONGEST_NAME = 80


def draw_catalogue(
    item_vectors: ItemVectors,
    item_texts: pd.DataFrame,
    item_tokens: pd.DataFrame,
    vocabulary: pd.DataFrame,
    items: ibis.Table,
    options: CatalogueMapOptions,
) -> tuple[Any, pd.DataFrame, Any]:
    """The map of the catalogue, nearest neighbours of chosen items in each block, and vocabulary with coverage."""
    names = [
        text[:LONGEST_NAME] or name for text, name in zip(item_texts[c.ITEM_TEXT], item_texts[c.ITEM_ID], strict=True)
    ]
    chosen = _chosen(vocabulary, options)
    return (
        catalogue_map(item_vectors.blocks, names, _colours(items, vocabulary, options), options),
        nearest_items(item_vectors.blocks, chosen, names, options.neighbours),
        vocabulary_figure(split_tokens(item_tokens), item_vectors.blocks),
    )


def _colours(items: ibis.Table, vocabulary: pd.DataFrame, options: CatalogueMapOptions) -> list[object] | None:
    if options.colour_by is None:
        return None
    if options.colour_by not in items.columns:  # a picture is no reason to stop a run
        hint = suggest(options.colour_by, items.columns)
        logger.warning("catalogue_map.colour_by: no column %r in items, so all are alike; %s", options.colour_by, hint)
        return None
    table = items.select(c.ITEM_ID, options.colour_by).execute().set_index(c.ITEM_ID)[options.colour_by]
    return list(table.reindex(vocabulary[c.ITEM_ID]))


def _chosen(vocabulary: pd.DataFrame, options: CatalogueMapOptions) -> list[int]:
    """Item indices of the items named, or of those with most training events."""
    if not options.neighbours_of:
        frequent = np.argsort(-vocabulary[c.N_TRAINING_EVENTS].to_numpy(), kind="stable")[: options.n_items]
        return vocabulary[c.ITEM_INDEX].iloc[frequent].tolist()
    index = dict(zip(vocabulary[c.ITEM_ID], vocabulary[c.ITEM_INDEX], strict=True))
    for name in options.neighbours_of:
        if name not in index:
            raise NextactError(f"catalogue_map.neighbours_of: no item {name!r} in the catalogue; {_close(name, index)}")
    return [int(index[name]) for name in options.neighbours_of]


def _close(name: str, index: dict[str, int]) -> str:
    return suggest(name, list(index)[:1000]) if len(index) <= 1000 else f"it has {len(index):,}"
