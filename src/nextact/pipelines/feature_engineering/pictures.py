"""Pictures of what the features hold."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from nextact.errors import NextactError, suggest
from nextact.events import columns as c
from nextact.reports.figures.catalogue_map import CatalogueMapOptions, catalogue_map, nearest_items, vocabulary_figure
from nextact.text.blocks import ItemVectors
from nextact.text.cleaning.table import TextTable

logger = logging.getLogger(__name__)

LONGEST_NAME = 80


def draw_catalogue(
    item_vectors: ItemVectors,
    item_texts: TextTable,
    item_tokens: TextTable,
    vocabulary: pd.DataFrame,
    items: ibis.Table,
    options: CatalogueMapOptions,
) -> tuple[Any, pd.DataFrame, Any]:
    """The map of the catalogue, nearest neighbours of chosen items in each block, and vocabulary with coverage."""

    def names(some: Sequence[int]) -> list[str]:
        found = item_texts.take([item - 1 for item in some], c.ITEM_TEXT, c.ITEM_ID)
        return [text[:LONGEST_NAME] or item_id for text, item_id in found]

    return (
        catalogue_map(item_vectors.blocks, names, _colours(items, vocabulary, options), options),
        nearest_items(item_vectors.blocks, _chosen(vocabulary, options), names, options.neighbours),
        vocabulary_figure(item_tokens.tokens(c.TOKENS), item_vectors.blocks),
    )


def _colours(
    items: ibis.Table, vocabulary: pd.DataFrame, options: CatalogueMapOptions
) -> Callable[[Sequence[int]], list[object]] | None:
    column = options.colour_by
    if column is None:
        return None
    if column not in items.columns:  # a picture is no reason to stop a run
        hint = suggest(column, items.columns)
        logger.warning("catalogue_map.colour_by: no column %r in items, so all are alike; %s", column, hint)
        return None

    def colours(some: Sequence[int]) -> list[object]:
        ids = vocabulary[c.ITEM_ID].iloc[[item - 1 for item in some]]
        found = items.filter(items[c.ITEM_ID].isin(ids.tolist())).select(c.ITEM_ID, column).execute()
        return list(found.set_index(c.ITEM_ID)[column].reindex(ids))

    return colours


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
