"""A table as both a page and a model card show it: cells are text already, and templates only lay them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Attributes:
        title: What the rows are.
        names: Of the columns.
        rows: Cells; as many as there are names.
        n_texts: The first so many columns hold text, the others numbers, which are aligned to the right.
        stamp: What the rows belong to, such as a protocol.
        of_users: Whether each row tells of the user whose id is its first cell; an erasure finds such rows by it.
    """

    title: str
    names: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_texts: int = 1
    stamp: str = ""
    of_users: bool = False

    @property
    def caption(self) -> str:
        """The title with the stamp.

        Example:
            >>> Table("Models", ["name"], [], stamp="protocol abc").caption
            'Models · protocol abc'
        """
        return " · ".join(part for part in (self.title, self.stamp) if part)
