"""What every step of this room asks of the texts it is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nextact.errors import NextactError, TableError


def checked_texts(texts: Iterable[object], place: str = "texts") -> list[str]:
    """The texts as a list, after checking that each one is a ``str``.

    Args:
        texts: One text an item; may be empty, may be a generator.
        place: What to call the texts in the error.

    Returns:
        The same texts in the same order, every one safe to write as UTF-8: half a surrogate
        pair, as truncated JSON leaves behind, becomes ``?``.

    Raises:
        TableError: If a value is not a ``str``, ``None`` among them.

    Example:
        >>> checked_texts(["milk", None, 3])
        Traceback (most recent call last):
        nextact.errors.TableError: texts: not a text in 2 row(s), e.g. None
    """
    return list(each_checked(texts, place))


def each_checked(texts: Iterable[object], place: str = "texts") -> Iterator[str]:
    """The texts as :func:`checked_texts` gives them, one by one; what is no text is ``""``, and raises at the end."""
    if isinstance(texts, str):
        raise NextactError(f"{place}: expected a list of texts, got one text; put it in a list")
    n_wrong, example = 0, None
    for text in texts:
        if not isinstance(text, str):
            n_wrong, example = n_wrong + 1, text if n_wrong == 0 else example
        yield _without_surrogates(text) if isinstance(text, str) else ""
    if n_wrong:
        raise TableError(place, "not a text", n_wrong, example)


def _without_surrogates(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-8", errors="replace").decode("utf-8")
