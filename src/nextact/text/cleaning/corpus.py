"""What every step of this room reads: something of known length that can be gone through as often as is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)

ROWS_AT_ONCE = 20_000
CHARACTERS_AT_ONCE = 20_000_000


class Corpus(Protocol[Value_co]):
    """A list, or a column on disk that is read a part at a time; each pass starts at the first item."""

    def __len__(self) -> int:
        """How many items there are."""
        ...

    def __iter__(self) -> Iterator[Value_co]:
        """The items in order."""
        ...


def in_batches(
    values: Iterable[Value], length_of: Callable[[Value], int], rows: int, characters: int = CHARACTERS_AT_ONCE
) -> Iterator[list[Value]]:
    """The values in lists that bound memory: few enough rows, and few enough characters.

    Args:
        values: In order.
        length_of: Characters of one value.
        rows: Most values of a list.
        characters: A list ends with the value that reaches so many, so that only a longer text stands beside others.

    Example:
        >>> list(in_batches(["a", "b", "c", "long", "d"], len, rows=2, characters=4))
        [['a', 'b'], ['c', 'long'], ['d']]
    """
    batch: list[Value] = []
    held = 0
    for value in values:
        batch.append(value)
        held += length_of(value)
        if len(batch) == rows or held >= characters:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
