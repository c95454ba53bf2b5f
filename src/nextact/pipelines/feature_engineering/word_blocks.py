"""Sparse tf-idf of the item text: one block of the whole text, and one of each column that is named."""

import dataclasses

import ibis
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from nextact.events import columns as c
from nextact.options import Count, options
from nextact.pipelines.feature_engineering.nodes import ItemTextOptions, clean_item_texts, join_texts
from nextact.text.blocks import WORDS, ItemVectors
from nextact.text.cleaning.cleaning import CleaningOptions
from nextact.text.cleaning.table import TextTable
from nextact.text.words.tfidf import tfidf_vectors


@options
class ItemWordsOptions:
    """Which sparse blocks are made.

    Attributes:
        columns: Columns of the item table that get a block of their own, ``words_<column>``, beside ``words``, which
            holds the whole item text. A title alone often says more than a title among categories.
        min_count: Words in fewer items than this are left out.
        sublinear: Let a repeated word count less than twice.
    """

    columns: tuple[str, ...] = ()
    min_count: Count = 1
    sublinear: bool = True


def weigh_item_words(
    item_tokens: TextTable,
    items: ibis.Table,
    vocabulary: pd.DataFrame,
    texts: ItemTextOptions,
    options: ItemWordsOptions,
    cleaning: CleaningOptions,
) -> ItemVectors:
    """Sparse blocks of the item text and of the columns that are named; one without a word is left out."""
    tokens = {WORDS: item_tokens}
    for column in options.columns:
        alone = dataclasses.replace(texts, text_columns=(column,), template=None)
        tokens[f"{WORDS}_{column}"] = clean_item_texts(join_texts(items, vocabulary, alone), cleaning)
    found = {name: _sparse(table, options) for name, table in tokens.items() if any(table.texts(c.TOKENS))}
    return ItemVectors.of({}, found)


def _sparse(item_tokens: TextTable, options: ItemWordsOptions) -> csr_matrix:
    """Tf-idf with an empty row before the items, for padding."""
    matrix, _ = tfidf_vectors(item_tokens.tokens(c.TOKENS), options.min_count, options.sublinear)
    row_starts = np.concatenate([[0], matrix.indptr])
    return csr_matrix((matrix.data, matrix.indices, row_starts), shape=(matrix.shape[0] + 1, matrix.shape[1]))
