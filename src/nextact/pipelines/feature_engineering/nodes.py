"""Thin nodes over :mod:`nextact.text`."""

from pathlib import Path

import ibis
import numpy as np
import pandas as pd

from nextact.errors import NextactError, suggest
from nextact.events import columns as c
from nextact.events.contract import require_columns
from nextact.options import options
from nextact.text.blocks import ItemVectors
from nextact.text.cleaning import CleaningOptions, clean_texts
from nextact.text.encoder import EncoderOptions, encode
from nextact.text.item_text import join_item_text
from nextact.text.pooling import sif_item_vectors
from nextact.text.word2vec import Word2VecOptions, train_word2vec

BLOCKS = ("encoder", "word2vec")


@options
class ItemTextOptions:
    """Which columns make an item's text, and which vectors are made of it.

    Attributes:
        text_columns: In the order in which they are joined; none for a catalogue without text.
        template: For example ``"{title} ({brand})"``; parts that are missing leave no trace.
        blocks: Blocks of item vectors to make, of ``encoder`` and ``word2vec``.
    """

    text_columns: tuple[str, ...] = ()
    template: str | None = None
    blocks: tuple[str, ...] = BLOCKS

    def __post_init__(self) -> None:
        for name in self.blocks:
            if name not in BLOCKS:
                raise NextactError(f"item_text.blocks: no block {name!r}; {suggest(name, BLOCKS)}")


def join_texts(items: ibis.Table, vocabulary: pd.DataFrame, options: ItemTextOptions) -> pd.DataFrame:
    """One text per catalogue item, in the order of ``item_index``; empty where an item has none."""
    require_columns(items, {name: name for name in options.text_columns}, "items")
    table = items.select(c.ITEM_ID, *options.text_columns).execute()
    rows = vocabulary[[c.ITEM_INDEX, c.ITEM_ID]].merge(table, on=c.ITEM_ID, how="left")
    text = join_item_text(rows, list(options.text_columns), options.template)
    return rows[[c.ITEM_INDEX, c.ITEM_ID]].assign(**{c.ITEM_TEXT: text})


def clean_item_texts(item_texts: pd.DataFrame, options: CleaningOptions) -> pd.DataFrame:
    """The clean tokens of each item, joined by blanks (a token holds none)."""
    tokens = clean_texts(item_texts[c.ITEM_TEXT].tolist(), options)
    return item_texts[[c.ITEM_INDEX, c.ITEM_ID]].assign(tokens=[" ".join(words) for words in tokens])


def encode_items(
    item_texts: pd.DataFrame, texts: ItemTextOptions, options: EncoderOptions, cache_folder: str
) -> np.ndarray:
    """float32 [n_items + 1, dimensions] of the sentence encoder; no dimensions where the block is left out."""
    if "encoder" not in texts.blocks or not item_texts[c.ITEM_TEXT].any():
        return _left_out(item_texts)
    return _with_padding(encode(item_texts[c.ITEM_TEXT].tolist(), options, Path(cache_folder)))


def embed_words(item_tokens: pd.DataFrame, texts: ItemTextOptions, options: Word2VecOptions) -> np.ndarray:
    """float32 [n_items + 1, dimensions]: Word2Vec trained on the item tokens, pooled by inverse frequency."""
    tokens = [words.split() for words in item_tokens["tokens"]]
    if "word2vec" not in texts.blocks or not any(tokens):
        return _left_out(item_tokens)
    return _with_padding(sif_item_vectors(tokens, train_word2vec(tokens, options)))


def join_blocks(encoder: np.ndarray, word2vec: np.ndarray) -> ItemVectors:
    """The blocks that this run made."""
    return ItemVectors.of({"encoder": encoder, "word2vec": word2vec})


def _with_padding(vectors: np.ndarray) -> np.ndarray:
    return np.vstack([np.zeros((1, vectors.shape[1]), np.float32), vectors])


def _left_out(items: pd.DataFrame) -> np.ndarray:
    return np.zeros((len(items) + 1, 0), np.float32)
