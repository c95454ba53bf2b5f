"""Split texts of one language into words with spaCy, deciding about each distinct word once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nextact.errors import NextactError
from nextact.text.cleaning.spacy_pipeline import blank_pipeline, load_pipeline
from nextact.text.cleaning.workers import Workers

# A process takes seconds to start; below this many texts each, one process alone is faster.
_TEXTS_PER_PROCESS = 100_000
_LEMMA_TEXTS_PER_PROCESS = 3_000
_NOT_FOR_LEMMAS = ("parser", "ner", "senter")


@dataclass(frozen=True)
class WordRules:
    """Which words of a language are kept, and how they are written.

    Attributes:
        language: Language code of spaCy.
        lower_case: Write words in lower case.
        drop_punctuation: Drop words without a letter or digit.
        drop_numbers: Drop numbers in digits.
        drop_stop_words: Drop spaCy's stop words of the language.
        lemma_pipeline: Trained pipeline that finds the dictionary form; ``None`` writes words as they are.
    """

    language: str
    lower_case: bool = True
    drop_punctuation: bool = True
    drop_numbers: bool = False
    drop_stop_words: bool = True
    lemma_pipeline: str | None = None


def worthwhile_processes(n_texts: int, lemmas: bool) -> int:
    """How many processes a catalogue of so many texts keeps busy."""
    return max(1, n_texts // (_LEMMA_TEXTS_PER_PROCESS if lemmas else _TEXTS_PER_PROCESS))


def tokenise(texts: list[str], rules: WordRules, workers: Workers | None = None) -> list[list[str]]:
    """Split the texts of one language into words.

    Args:
        texts: Texts of the language; splitting takes time for repeats too.
        rules: What to keep.
        workers: Who does it; this process, if left out.

    Returns:
        The words of each text, in order; the same for any number of processes.

    Raises:
        NextactError: If the language or the pipeline is missing.

    Example:
        >>> tokenise(["The cats sat.", " "], WordRules("en"))
        [['cats', 'sat'], []]
    """
    return (workers or Workers(1)).deal(partial(_tokenise, rules=rules), texts)


def _tokenise(texts: Sequence[str], rules: WordRules) -> list[list[str]]:
    if rules.lemma_pipeline is not None:
        return list(_lemmas(texts, rules, rules.lemma_pipeline))
    nlp = blank_pipeline(rules.language)
    return list(_words(texts, rules, nlp))


def _words(texts: Sequence[str], rules: WordRules, nlp: Any) -> Iterator[list[str]]:
    """Read each text as an array of word ids, which spares a Python object for every token."""
    words = WordTable(nlp.vocab, rules)
    for doc in nlp.tokenizer.pipe(texts):
        found = [words[orth] for orth in doc.to_array("ORTH").tolist()]
        yield [word for word in found if word is not None]


def _lemmas(texts: Sequence[str], rules: WordRules, pipeline: str) -> Iterator[list[str]]:
    nlp = load_pipeline(pipeline, without=_NOT_FOR_LEMMAS)
    _check_lemma_pipeline(nlp, rules.language, pipeline)
    nlp.max_length = max([nlp.max_length, *map(len, texts)])
    words = WordTable(nlp.vocab, rules)
    for doc in nlp.pipe(texts, batch_size=256):
        pairs = doc.to_array(["ORTH", "LEMMA"]).reshape(-1, 2).tolist()
        lemmas = [nlp.vocab.strings[lemma] for orth, lemma in pairs if words[orth] is not None]
        yield [lemma.lower() if rules.lower_case else lemma for lemma in lemmas]


def _check_lemma_pipeline(nlp: Any, language: str, pipeline: str) -> None:
    if nlp.lang != language:
        raise NextactError(f"spaCy pipeline {pipeline!r}: reads {nlp.lang!r}, but the texts are {language!r}")
    if not any("lemmatizer" in component for component in nlp.pipe_names):
        raise NextactError(f"spaCy pipeline {pipeline!r}: has no lemmatiser, only {', '.join(nlp.pipe_names)}")


class WordTable(dict[int, str | None]):
    """Id of a word in spaCy's vocabulary to its clean form, ``None`` where it is dropped.

    Filled as words turn up, so that the rules are applied once a distinct word.
    """

    def __init__(self, vocab: Any, rules: WordRules) -> None:
        super().__init__()
        self._vocab, self._rules = vocab, rules

    def __missing__(self, orth: int) -> str | None:
        lexeme = self._vocab[orth]
        word = None if _is_dropped(lexeme, self._rules) else str(lexeme.text)
        if word is not None and self._rules.lower_case:
            word = word.lower()
        self[orth] = word
        return word


def _is_dropped(lexeme: Any, rules: WordRules) -> bool:
    text = lexeme.text
    return bool(
        not text.strip()
        or (rules.drop_punctuation and not any(character.isalnum() for character in text))
        or (rules.drop_numbers and lexeme.like_num and any(character.isdigit() for character in text))
        or (rules.drop_stop_words and lexeme.is_stop)
    )
