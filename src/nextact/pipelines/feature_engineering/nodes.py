"""Thin nodes over :mod:`nextact.text`."""

from pathlib import Path

import ibis
import numpy as np
import pandas as pd

from nextact.events import columns as c
from nextact.events.contract import require_columns
from nextact.options import options
from nextact.text.encoder import EncoderOptions, encode
from nextact.text.item_text import join_item_text


@options
class ItemTextOptions:
    """Which columns make an item's text.

    Attributes:
        text_columns: In the order in which they are joined.
        template: For example ``"{title} ({brand})"``; parts that are missing leave no trace.
    """

    text_columns: tuple[str, ...] = ()
    template: str | None = None


def join_texts(items: ibis.Table, vocabulary: pd.DataFrame, options: ItemTextOptions) -> pd.DataFrame:
    """One text per catalogue item, in the order of ``item_index``; empty where an item has none."""
    require_columns(items, {name: name for name in options.text_columns}, "items")
    table = items.select(c.ITEM_ID, *options.text_columns).execute()
    rows = vocabulary[[c.ITEM_INDEX, c.ITEM_ID]].merge(table, on=c.ITEM_ID, how="left")
    text = join_item_text(rows, list(options.text_columns), options.template)
    return rows[[c.ITEM_INDEX, c.ITEM_ID]].assign(**{c.ITEM_TEXT: text})


def encode_items(item_texts: pd.DataFrame, options: EncoderOptions, cache_folder: str) -> np.ndarray:
    """float32 [n_items + 1, dimensions]; row 0 (padding) and items without text are zero."""
    vectors = encode(item_texts[c.ITEM_TEXT].tolist(), options, Path(cache_folder))
    return np.vstack([np.zeros((1, vectors.shape[1]), np.float32), vectors])
