"""Blocks of item vectors that come from the text alone: float32 [n_items + 1, dimensions], row 0 is padding.

A block that was not asked for, or for which no item has a text, has no dimensions and costs nothing.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from nextact.events import columns as c
from nextact.pipelines.feature_engineering.nodes import ItemTextOptions, stated_languages
from nextact.text.cleaning import CleaningOptions
from nextact.text.encoder import EncoderOptions, encode
from nextact.text.glove import GloVeOptions, glove_vectors
from nextact.text.languages import item_languages
from nextact.text.pooling import PoolingOptions, pooled_item_vectors
from nextact.text.syntax_block import SyntaxOptions, item_syntax
from nextact.text.tfidf import TfidfOptions, tfidf_block
from nextact.text.word2vec import Word2VecOptions, word2vec_vectors

HEAD_NOUN, NOUN_CHUNKS = "head_noun", "noun_chunks"


def encode_items(
    item_texts: pd.DataFrame, texts: ItemTextOptions, options: EncoderOptions, cache_folder: str
) -> np.ndarray:
    """Vectors of the sentence encoder, for ``encoder`` and for ``encoder_tuned``."""
    wanted = {"encoder", "encoder_tuned"} & set(texts.blocks)
    if not wanted or not item_texts[c.ITEM_TEXT].any():
        return left_out(len(item_texts))
    return with_padding(encode(item_texts[c.ITEM_TEXT].tolist(), options, Path(cache_folder)))


def embed_words(
    item_tokens: pd.DataFrame, texts: ItemTextOptions, options: Word2VecOptions, pooling: PoolingOptions
) -> np.ndarray:
    """Word2Vec, trained on the item tokens or read from a file, pooled to item vectors."""
    if "word2vec" not in texts.blocks or not item_tokens[c.TOKENS].any():
        return left_out(len(item_tokens))
    tokens = split_tokens(item_tokens)
    return with_padding(pooled_item_vectors(tokens, word2vec_vectors(tokens, options), pooling))


def embed_words_by_glove(
    item_tokens: pd.DataFrame, texts: ItemTextOptions, options: GloVeOptions, pooling: PoolingOptions
) -> np.ndarray:
    """GloVe, trained on the item tokens or read from a file, pooled to item vectors."""
    if "glove" not in texts.blocks or not item_tokens[c.TOKENS].any():
        return left_out(len(item_tokens))
    tokens = split_tokens(item_tokens)
    return with_padding(pooled_item_vectors(tokens, glove_vectors(tokens, options), pooling))


def weigh_words(item_tokens: pd.DataFrame, texts: ItemTextOptions, options: TfidfOptions) -> np.ndarray:
    """Tf-idf of the item tokens, reduced by singular value decomposition."""
    if "tfidf" not in texts.blocks or not item_tokens[c.TOKENS].any():
        return left_out(len(item_tokens))
    return with_padding(tfidf_block(split_tokens(item_tokens), options))


def parse_items(
    item_texts: pd.DataFrame, texts: ItemTextOptions, options: SyntaxOptions, cleaning: CleaningOptions
) -> tuple[np.ndarray, pd.DataFrame]:
    """Vectors of the syntax, and head noun and noun phrases (separated by ``"; "``) of each parsed item."""
    ids = item_texts[[c.ITEM_INDEX, c.ITEM_ID]]
    if "syntax" not in texts.blocks or not item_texts[c.ITEM_TEXT].any():
        return left_out(len(item_texts)), ids.iloc[:0].assign(**{HEAD_NOUN: "", NOUN_CHUNKS: ""})
    found = item_texts[c.ITEM_TEXT].tolist()
    languages = item_languages(found, cleaning.language, cleaning.fallback_language, stated_languages(item_texts))
    syntax = item_syntax(found, languages, options)
    chunks = ["; ".join(phrases) for phrases in syntax.noun_chunks]
    return with_padding(syntax.vectors), ids.assign(**{HEAD_NOUN: syntax.head_nouns, NOUN_CHUNKS: chunks})


def split_tokens(item_tokens: pd.DataFrame) -> list[list[str]]:
    """The tokens of each item as lists."""
    return [words.split() for words in item_tokens[c.TOKENS]]


def with_padding(vectors: np.ndarray) -> np.ndarray:
    """A zero row before the items."""
    return np.vstack([np.zeros((1, vectors.shape[1]), np.float32), vectors])


def left_out(n_items: int) -> np.ndarray:
    """A block without dimensions."""
    return np.zeros((n_items + 1, 0), np.float32)
