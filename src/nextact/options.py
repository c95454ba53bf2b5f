"""Options: frozen, typed and checked once, before any node runs."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from nextact.errors import NextactError, shorten, suggest

T = TypeVar("T")


class OptionsError(NextactError):
    """A block of options that cannot be used."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def options(cls: type[T]) -> type[T]:
    """Make a class a frozen block of options.

    Its fields are keyword-only, an unknown name or a wrong type raises an :class:`OptionsError`, and Kedro builds it
    from the ``params:`` input of a node that is hinted with it.

    Example:
        >>> @options
        ... class Example:
        ...     n_rows: int = 3
        >>> Example(n_rows=2).n_rows
        2
        >>> Example(n_row=2)
        Traceback (most recent call last):
        nextact.options.OptionsError: Example has no option 'n_row'; did you mean 'n_rows'?
        >>> Example(n_rows="many")
        Traceback (most recent call last):
        nextact.options.OptionsError: Example.n_rows should be a valid integer..., got 'many'
    """
    checked: Any = checked_dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))(cls)
    build = checked.__init__

    @functools.wraps(build)
    def build_or_say_why(self: Any, *arguments: Any, **values: Any) -> None:
        try:
            build(self, *arguments, **values)
        except ValidationError as error:
            names = [field.name for field in dataclasses.fields(checked)]
            lines = [_line(cls.__name__, found, names) for found in error.errors(include_url=False)]
            raise OptionsError("; ".join(lines)) from None

    checked.__init__ = build_or_say_why
    result: type[T] = checked
    return result


def plain(value: object) -> Any:
    """A value as JSON gives it back: options as dictionaries, tuples as lists, what JSON has no word for as text.

    Example:
        >>> plain({"ks": (5, 10)})
        {'ks': [5, 10]}
    """
    return json.loads(json.dumps(_as_dictionary(value), default=_as_dictionary))


def _as_dictionary(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value if isinstance(value, (dict, list, tuple, str, int, float, bool, type(None))) else str(value)


def _line(name: str, found: Any, known: Iterable[str]) -> str:
    """One of pydantic's findings, in our words."""
    place = ".".join([name, *map(str, found["loc"])])
    if found["type"] == "unexpected_keyword_argument":
        *outer, wrong = map(str, found["loc"])
        if outer:  # inside a block of a block, whose names are not known here
            return f"{'.'.join([name, *outer])} has no option {wrong!r}"
        return f"{name} has no option {wrong!r}; {suggest(wrong, known)}"
    message: str = found["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if found["type"] == "literal_error":
        wanted = found["ctx"]["expected"]
        return f"{place} should be {wanted}, got {found['input']!r}"
    if found["type"] == "value_error":  # raised by the class itself, in its own words
        return message
    return f"{place} {message}, got {shorten(found['input'])}"
