"""What is asked for, and all that is understood of one's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nextact.start.preview import Preview
from nextact.start.proposal import Given, Proposal
from nextact.start.side_tables import Side


@dataclass(frozen=True)
class Wanted:
    """What the user asks for.

    Attributes:
        name: Of the environment.
        events: Files or ``URL#TABLE``, one table or several.
        items: The same, one; ``None`` where there is none.
        users: The same.
        items_id: Column of the id in ``items``.
        users_id: The same in ``users``.
        header: Whether text files begin with the names of their columns; ``None`` looks.
        columns: Names of the columns of text files of events without them.
        given: What the user said of the columns.
    """

    name: str
    events: Sequence[str]
    items: str | None = None
    users: str | None = None
    items_id: str | None = None
    users_id: str | None = None
    header: bool | None = None
    columns: tuple[str, ...] = ()
    given: Given = field(default_factory=Given)


@dataclass(frozen=True)
class Understood:
    """All that is written down.

    Attributes:
        wanted: What was asked for.
        proposal: Of the events.
        tried: What became of the rows.
        items: The table of items, if any.
        users: The table of users, if any.
        describing: Where there is no item table: columns of the events that describe an item.
        events: The block ``events`` of the parameters.
    """

    wanted: Wanted
    proposal: Proposal
    tried: Preview
    items: Side | None
    users: Side | None
    describing: tuple[str, ...]
    events: Mapping[str, Any]
