"""Options: frozen, typed and checked once, before any node runs."""

from __future__ import annotations

from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def options(cls: type[T]) -> type[T]:
    """Make a class a frozen block of options.

    Its fields are keyword-only, an unknown name or a wrong type raises, and Kedro builds it
    from the ``params:`` input of a node that is hinted with it.

    Example:
        >>> @options
        ... class Example:
        ...     n_rows: int = 3
        >>> Example(n_rows=2).n_rows
        2
        >>> Example(n_row=2)
        Traceback (most recent call last):
        pydantic_core._pydantic_core.ValidationError: ...
    """
    checked: Any = checked_dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
    result: type[T] = checked(cls)
    return result
