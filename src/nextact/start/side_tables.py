"""Tables of items and of users beside the events: which column is their id, and what the others are good for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis

from nextact.errors import NextactError, shorten
from nextact.events.reading import read_id
from nextact.start.guess import words_of
from nextact.start.profile import Column, profile
from nextact.start.tables import RawTable

MEETS = 0.01  # share of the ids of the events that a column must hold to be the id
GROUPS = (
    "category",
    "department",
    "group",
    "genre",
    "class",
    "brand",
    "type",
    "kategorie",
    "gruppe",
    "warengruppe",
    "section",
)
MOST_GROUPS = 200
MOST_TEXTS = 6
MOST_LIKE_IDS = 0.5  # a column of which more of the cells differ makes no groups


@dataclass(frozen=True)
class Side:
    """A table of items or users.

    Attributes:
        table: The table.
        id: Its column of the id.
        share: Of the ids of the events that it holds.
        repeats: Rows whose id an earlier one has, or that have none.
        texts: Columns of words, for the item's text.
        groups: Columns of few values, for slices; the best first.
    """

    table: RawTable
    id: str
    share: float
    repeats: int
    texts: tuple[str, ...]
    groups: tuple[str, ...]


def understand_side(table: RawTable, ids: ibis.Table, name: str, said: str | None, what: str) -> Side:
    """Find the id of a table beside the events by what meets theirs, and what its columns are good for.

    Args:
        table: The table.
        ids: One column ``id``: the different ids of the events.
        name: The column of the events that holds them; it breaks ties.
        said: What the user said.
        what: ``items`` or ``users``.

    Raises:
        NextactError: If no column holds the ids.
    """
    columns = profile(table.rows)
    if said is not None and said not in columns:
        raise NextactError(f"{table.name}: no column {said!r}; columns: {', '.join(columns)}")
    wanted = [said] if said is not None else [one for one, column in columns.items() if column.is_plain]
    shares = {one: _share(table.rows, one, ids) for one in wanted}
    best = max(shares, key=lambda one: (shares[one], one == name, columns[one].n_distinct), default=None)
    if best is None or (shares[best] < MEETS and said is None):
        example = ids.limit(1).to_pyarrow()["id"].to_pylist()
        raise NextactError(
            f"{table.name}: none of its columns ({', '.join(columns)}) holds the {what} of the events, "
            f"e.g. {example[0]!r}; say which is their id, as in --{what}-id COLUMN, or leave --{what} out"
        )
    column = columns[best]
    repeats = column.n - column.n_distinct
    others = {one: column for one, column in columns.items() if one != best}
    return Side(table, best, shares[best], repeats, texts_of(others), groups_of(others))


def _share(rows: ibis.Table, name: str, ids: ibis.Table) -> float:
    read = rows.select(id=read_id(rows[name], "id", name).values).distinct()
    n, there = int(ids.count().execute()), int(ids.semi_join(read, "id").count().execute())
    return there / max(n, 1)


def texts_of(columns: Mapping[str, Column]) -> tuple[str, ...]:
    """Columns of words, the one with most different cells first: a text that is cut still holds the item's name."""
    worded = [one for one, column in columns.items() if column.time is None and column.n_given and column.is_words]
    return tuple(sorted(worded, key=lambda one: -columns[one].n_distinct)[:MOST_TEXTS])


def groups_of(columns: Mapping[str, Column]) -> tuple[str, ...]:
    """Columns of few values; those that are named like groups first."""
    few = [
        one
        for one, column in columns.items()
        if 2 <= column.n_distinct <= min(MOST_GROUPS, MOST_LIKE_IDS * column.n) and column.time is None
        and column.n_given > column.n / 2
    ]  # fmt: skip
    return tuple(sorted(few, key=lambda one: (not set(words_of(one)) & set(GROUPS), columns[one].n_distinct)))


def in_words(side: Side, what: str) -> str:
    """What was understood."""
    told = f"{what}: {side.table.n_rows:,} rows, id {side.id!r} holds {side.share:.0%} of those in the events"
    if side.repeats:
        told += f"; {side.repeats:,} rows repeat an id or have none: the first row of each id is taken"
    return told


def require_ids(side: Side, what: str) -> str | None:
    """A remark where many ids are missing."""
    if side.share < 0.9:
        return f"{side.table.name}: {1 - side.share:.0%} of the {what} of the events are not in {shorten(side.id)}"
    return None
