"""Blocks of item vectors that come from the text alone: float32 [n_items + 1, dimensions], row 0 is padding.

A block that was not asked for, or for which no item has a text, has no dimensions and costs nothing.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from nextact.events import columns as c
from nextact.pipelines.feature_engineering.nodes import IDS, ItemTextOptions, stated_languages
from nextact.text.cleaning.cleaning import CleaningOptions
from nextact.text.cleaning.corpus import ROWS_AT_ONCE
from nextact.text.cleaning.languages import item_languages
from nextact.text.cleaning.table import TextTable
from nextact.text.encoder.encoder import EncoderOptions, encode
from nextact.text.encoder.pooling import PoolingOptions, pooled_item_vectors
from nextact.text.syntax.syntax_block import HEAD_NOUN, NOUN_CHUNKS, SyntaxOptions, item_syntax
from nextact.text.words.glove import GloVeOptions, glove_vectors
from nextact.text.words.tfidf import TfidfOptions, tfidf_block
from nextact.text.words.word2vec import Word2VecOptions, word2vec_vectors

NOUNS = pa.schema([*IDS, *((name, pa.string()) for name in (HEAD_NOUN, NOUN_CHUNKS))])


def encode_items(
    item_texts: TextTable, texts: ItemTextOptions, options: EncoderOptions, cache_folder: str
) -> np.ndarray:
    """Vectors of the sentence encoder, for ``encoder`` and for ``encoder_tuned``."""
    wanted = {"encoder", "encoder_tuned"} & set(texts.blocks)
    if not wanted or not any(item_texts.texts(c.ITEM_TEXT)):
        return left_out(len(item_texts))
    return with_padding(encode(item_texts.texts(c.ITEM_TEXT), options, Path(cache_folder)))


def embed_words(
    item_tokens: TextTable, texts: ItemTextOptions, options: Word2VecOptions, pooling: PoolingOptions
) -> np.ndarray:
    """Word2Vec, trained on the item tokens or read from a file, pooled to item vectors."""
    if "word2vec" not in texts.blocks or not any(item_tokens.texts(c.TOKENS)):
        return left_out(len(item_tokens))
    tokens = item_tokens.tokens(c.TOKENS)
    return with_padding(pooled_item_vectors(tokens, word2vec_vectors(tokens, options), pooling))


def embed_words_by_glove(
    item_tokens: TextTable, texts: ItemTextOptions, options: GloVeOptions, pooling: PoolingOptions
) -> np.ndarray:
    """GloVe, trained on the item tokens or read from a file, pooled to item vectors."""
    if "glove" not in texts.blocks or not any(item_tokens.texts(c.TOKENS)):
        return left_out(len(item_tokens))
    tokens = item_tokens.tokens(c.TOKENS)
    return with_padding(pooled_item_vectors(tokens, glove_vectors(tokens, options), pooling))


def weigh_words(item_tokens: TextTable, texts: ItemTextOptions, options: TfidfOptions) -> np.ndarray:
    """Tf-idf of the item tokens, reduced by singular value decomposition."""
    if "tfidf" not in texts.blocks or not any(item_tokens.texts(c.TOKENS)):
        return left_out(len(item_tokens))
    return with_padding(tfidf_block(item_tokens.tokens(c.TOKENS), options))


def parse_items(
    item_texts: TextTable, texts: ItemTextOptions, options: SyntaxOptions, cleaning: CleaningOptions
) -> tuple[np.ndarray, TextTable]:
    """Vectors of the syntax, and head noun and noun phrases (separated by ``"; "``) of each parsed item."""
    found = item_texts.texts(c.ITEM_TEXT)
    if "syntax" not in texts.blocks or not any(found):
        return left_out(len(item_texts)), TextTable.write((), NOUNS)
    pairs = zip(found, stated_languages(item_texts), strict=False)
    languages = (_language(text, stated, cleaning) for text, stated in pairs)
    syntax = item_syntax(found, languages, options)
    rows = zip(item_texts.rows(c.ITEM_INDEX, c.ITEM_ID), syntax.nouns.rows(HEAD_NOUN, NOUN_CHUNKS), strict=True)
    return with_padding(syntax.vectors), TextTable.write(((*ids, *nouns) for ids, nouns in rows), NOUNS)


def _language(text: str, stated: str | None, options: CleaningOptions) -> str:
    return item_languages([text], options.language, options.fallback_language, [stated])[0]


def with_padding(vectors: np.ndarray) -> np.ndarray:
    """A zero row before the items; in the memory of the vectors, which are used up, where they own it."""
    padded = vectors if vectors.flags.owndata and vectors.flags.c_contiguous else vectors.copy()
    padded.resize((len(vectors) + 1, vectors.shape[1]), refcheck=False)
    for end in range(len(padded), 1, -ROWS_AT_ONCE):  # the last ones first, which overwrites nothing that is to come
        start = max(1, end - ROWS_AT_ONCE)
        padded[start:end] = padded[start - 1 : end - 1]
    padded[0] = 0
    return padded


def left_out(n_items: int) -> np.ndarray:
    """A block without dimensions."""
    return np.zeros((n_items + 1, 0), np.float32)
