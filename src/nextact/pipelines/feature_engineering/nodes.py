"""Item texts, their tokens, and the gathering of the blocks of vectors that are made of them."""

import logging

import ibis
import numpy as np
import pandas as pd

from nextact.errors import NextactError, suggest
from nextact.events import columns as c
from nextact.events.tables import require_columns
from nextact.options import options
from nextact.text.blocks import ItemVectors
from nextact.text.cleaning import CleaningOptions, clean_texts
from nextact.text.item_text import join_item_text

logger = logging.getLogger(__name__)

BLOCKS = ("encoder", "encoder_tuned", "word2vec", "glove", "tfidf", "syntax", "item2vec")
DEFAULT_BLOCKS = ("encoder", "word2vec")
LANGUAGE = "language"
TEXTS_AT_ONCE = 100_000


@options
class ItemTextOptions:
    """Which columns make an item's text, and which vectors are made of it.

    Attributes:
        text_columns: In the order in which they are joined; none for a catalogue without text.
        template: For example ``"{title} ({brand})"``; parts that are missing leave no trace.
        language_column: Column with the language code of each item, for catalogues in several languages; where it is
            missing or blank, ``cleaning.language`` decides.
        blocks: Blocks of item vectors to make. ``encoder``, ``word2vec``, ``glove``, ``tfidf`` and ``syntax`` come from
            the text alone, ``encoder_tuned`` from text and training events, ``item2vec`` from training events alone.
    """

    text_columns: tuple[str, ...] = ()
    template: str | None = None
    language_column: str | None = None
    blocks: tuple[str, ...] = DEFAULT_BLOCKS

    def __post_init__(self) -> None:
        for name in self.blocks:
            if name not in BLOCKS:
                raise NextactError(f"item_text.blocks: no block {name!r}; {suggest(name, BLOCKS)}")


def join_texts(items: ibis.Table, vocabulary: pd.DataFrame, options: ItemTextOptions) -> pd.DataFrame:
    """One text per catalogue item, in the order of ``item_index``; empty where an item has none."""
    names = list(options.text_columns) + ([options.language_column] if options.language_column else [])
    require_columns(items, {name: name for name in names}, "items")
    table = items.select(c.ITEM_ID, *dict.fromkeys(names)).execute()
    rows = vocabulary[[c.ITEM_INDEX, c.ITEM_ID]].merge(table, on=c.ITEM_ID, how="left")
    texts = rows[[c.ITEM_INDEX, c.ITEM_ID]].assign(**{c.ITEM_TEXT: _texts(rows, options)})
    if options.language_column:
        texts[LANGUAGE] = rows[options.language_column]
    return texts


def _texts(rows: pd.DataFrame, options: ItemTextOptions) -> list[str]:
    if not options.text_columns:
        logger.info("No item text: item_text.text_columns names no column, so blocks of text are left out")
        return [""] * len(rows)
    return join_item_text(rows, list(options.text_columns), options.template)


def clean_item_texts(item_texts: pd.DataFrame, options: CleaningOptions) -> pd.DataFrame:
    """The clean tokens of each item, joined by blanks (a token holds none)."""
    tokens: list[str] = []
    step = TEXTS_AT_ONCE * options.n_processes  # lists of words take ten times the memory of their text
    for start in range(0, len(item_texts), step):
        part = item_texts.iloc[start : start + step]
        found = clean_texts(part[c.ITEM_TEXT].tolist(), options, stated_languages(part))
        tokens += [" ".join(words) for words in found]
    return item_texts[[c.ITEM_INDEX, c.ITEM_ID]].assign(**{c.TOKENS: pd.Series(tokens, item_texts.index, dtype="str")})


def stated_languages(item_texts: pd.DataFrame) -> list[object] | None:
    """What the catalogue says of each item's language; None where it says nothing."""
    return list(item_texts[LANGUAGE]) if LANGUAGE in item_texts else None


def join_blocks(options: ItemTextOptions, item_words: ItemVectors, *blocks: np.ndarray) -> ItemVectors:
    """The blocks that were asked for, of all blocks in the order of :data:`BLOCKS`; and the sparse ones."""
    found = {name: block for name, block in zip(BLOCKS, blocks, strict=True) if name in options.blocks}
    vectors = ItemVectors.of(found, item_words.sparse)
    if absent := [name for name in options.blocks if name not in vectors.blocks]:
        logger.info("Item vectors without %s: nothing to make them of", ", ".join(absent))
    return vectors
