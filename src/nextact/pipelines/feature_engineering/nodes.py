"""Item texts, their tokens, and the gathering of the blocks of vectors that are made of them."""

import logging
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from nextact.errors import TableError, suggest
from nextact.events import columns as c
from nextact.events.tables import require_columns
from nextact.options import options
from nextact.text.blocks import BLOCKS, ItemVectors
from nextact.text.cleaning.cleaning import CleaningOptions, clean_one_by_one
from nextact.text.cleaning.corpus import ROWS_AT_ONCE
from nextact.text.cleaning.item_text import join_item_text, template_parts
from nextact.text.cleaning.table import TextTable
from nextact.text.encoder.ordering import in_catalogue_order

logger = logging.getLogger(__name__)

DEFAULT_BLOCKS = ("encoder", "tfidf")  # what docs/text.md found to say most
LANGUAGE = "language"
IDS = pa.schema([(c.ITEM_INDEX, pa.int32()), (c.ITEM_ID, pa.string())])


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
                raise ValueError(f"blocks: no block {name!r}; {suggest(name, BLOCKS)}")
        if self.template is not None and self.text_columns:
            template_parts(self.template, self.text_columns)


def join_texts(items: ibis.Table, vocabulary: pd.DataFrame, options: ItemTextOptions) -> TextTable:
    """One text per catalogue item, in the order of ``item_index``; empty where an item has none."""
    names = list(options.text_columns) + ([options.language_column] if options.language_column else [])
    require_columns(items, {name: name for name in names}, "items")
    if not options.text_columns:
        logger.info("No item text: item_text.text_columns names no column, so blocks of text are left out")
    _refuse_other_than_text(items, options.text_columns)
    fields = [pa.field(c.ITEM_TEXT, pa.string())]
    fields += [pa.field(LANGUAGE, pa.string())] if options.language_column else []
    table = items.select(*dict.fromkeys([c.ITEM_ID, *names]))
    rows = _item_rows(table, vocabulary, options)
    return TextTable.write(rows, pa.schema([*IDS, *fields]))


def _refuse_other_than_text(items: ibis.Table, text_columns: tuple[str, ...]) -> None:
    for name in text_columns:
        values = items[name]
        if values.type().is_string() or values.type().is_null():
            continue
        given = values.notnull() & ~values.isnan() if values.type().is_floating() else values.notnull()
        found = items.filter(given).select(name)
        if example := found.limit(1).to_pyarrow()[name].to_pylist():
            raise TableError(f"items[{name!r}]", "not a text", int(found.count().execute()), example[0])


def _item_rows(table: ibis.Table, vocabulary: pd.DataFrame, options: ItemTextOptions) -> Iterator[tuple[Any, ...]]:
    """Index, id, text and, where a column states it, language of each item."""
    read = table.to_pyarrow_batches(chunk_size=ROWS_AT_ONCE)
    start = 0
    for part in in_catalogue_order(read, read.schema, vocabulary[c.ITEM_ID], c.ITEM_ID):
        ids = vocabulary.iloc[start : start + len(part)]
        columns = [ids[c.ITEM_INDEX].tolist(), ids[c.ITEM_ID].tolist(), _texts(part, options)]
        if options.language_column:
            stated = part.column(options.language_column).to_pylist()
            columns.append([code if isinstance(code, str) else None for code in stated])
        yield from zip(*columns, strict=True)
        start += len(part)


def _texts(part: pa.Table, options: ItemTextOptions) -> list[str]:
    if not options.text_columns:
        return [""] * len(part)
    columns = {name: part.column(name).to_pylist() for name in options.text_columns}
    return join_item_text(columns, options.text_columns, options.template)


def clean_item_texts(item_texts: TextTable, options: CleaningOptions) -> TextTable:
    """The clean tokens of each item, joined by blanks (a token holds none)."""
    pairs = zip(item_texts.texts(c.ITEM_TEXT), stated_languages(item_texts), strict=False)
    found = clean_one_by_one(pairs, len(item_texts), options)
    rows = zip(item_texts.rows(c.ITEM_INDEX, c.ITEM_ID), found, strict=True)
    return TextTable.write(
        ((*ids, " ".join(words)) for ids, words in rows), IDS.append(pa.field(c.TOKENS, pa.string()))
    )


def stated_languages(item_texts: TextTable) -> Iterable[str | None]:
    """What the catalogue says of each item's language; None without end where it says nothing."""
    return item_texts.texts(LANGUAGE) if LANGUAGE in item_texts.columns else repeat(None)


def join_blocks(options: ItemTextOptions, item_words: ItemVectors, **blocks: np.ndarray) -> ItemVectors:
    """The blocks that were asked for, of all blocks in the order of :data:`BLOCKS`; and the sparse ones."""
    found = {name: blocks[name] for name in BLOCKS if name in options.blocks}
    vectors = ItemVectors.of(found, item_words.sparse)
    if absent := [name for name in options.blocks if name not in vectors.blocks]:
        logger.info("Item vectors without %s: nothing to make them of", ", ".join(absent))
    return vectors
