"""Which language an item text is read in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nextact.errors import NextactError

AUTO = "auto"
# Han characters: the two unified blocks, the compatibility block and the planes beyond.
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def item_language(text: str, language: str, fallback_language: str) -> str:
    """The language code to split a text with.

    One Han character is enough for Chinese: its segmenter keeps Latin words whole, while a splitter
    by spaces would keep a run of Han characters as one word.

    Args:
        text: The text of one item; ``""`` has the fallback language.
        language: A language code, which is returned as it is, or ``"auto"``.
        fallback_language: The code where ``"auto"`` finds no Han character.

    Returns:
        A language code of spaCy.

    Example:
        >>> item_language("红色 iPhone 手机壳", "auto", "en"), item_language("red case", "auto", "en")
        ('zh', 'en')
    """
    if language != AUTO:
        return language
    return "zh" if not text.isascii() and _HAN.search(text) else fallback_language


def item_languages(
    texts: Sequence[str], language: str, fallback_language: str, stated: Sequence[object] | None = None
) -> list[str]:
    """The language code of each item's text.

    Args:
        texts: One text an item.
        language: As in :func:`item_language`.
        fallback_language: As in :func:`item_language`.
        stated: What the catalogue itself says of each item's language; a missing or blank value says nothing, and
            ``language`` decides.

    Returns:
        One code an item.

    Raises:
        NextactError: If ``stated`` has another length.

    Example:
        >>> item_languages(["kaas", "cheese", "奶酪"], "auto", "en", ["nl", None, ""])
        ['nl', 'en', 'zh']
    """
    if stated is None:
        return [item_language(text, language, fallback_language) for text in texts]
    if len(stated) != len(texts):
        raise NextactError(f"languages: {len(stated):,} for {len(texts):,} texts")
    said = [code.strip() if isinstance(code, str) else "" for code in stated]
    return [code or item_language(text, language, fallback_language) for text, code in zip(texts, said, strict=True)]
