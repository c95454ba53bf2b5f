"""What is understood of two frames: the parameters that an environment of them would have, and the raw tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from nextact.datasets.distinct import DistinctDataset
from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.events.tables import as_arrow
from nextact.start.environment import understand_all
from nextact.start.file_texts import written
from nextact.start.proposal import Given
from nextact.start.understood import Understood, Wanted

EVENTS, ITEMS = "events", "items"
OPTION = re.compile(r"(as in )?--([a-z][a-z-]*[a-z])( )?")  # of the command that guesses, in its messages


@dataclass(frozen=True)
class RawTables:
    """Two frames as the pipelines read them.

    Attributes:
        events: All rows.
        items: A row an item.
        parameters: Blocks of options that suit them, as an environment would state them.
    """

    events: pa.Table
    items: Any
    parameters: dict[str, Any]


def read_tables(
    events: pd.DataFrame, items: pd.DataFrame | None, given: Given, items_id: str | None, folder: Path
) -> RawTables:
    """Look at the frames as ``kedro start-env`` looks at files.

    Args:
        events: A row an event.
        items: A row an item, if there is such a table.
        given: What is known of the columns of the events; what is left out is guessed.
        items_id: Column of the id in ``items``; guessed, if left out.
        folder: An empty one, to write into.

    Raises:
        NextactError: If a frame cannot be read, or its columns cannot be told, with what was seen and what to say.
    """
    arrow = _written(events, EVENTS, folder)
    of_items = None if items is None else _written(items, ITEMS, folder)
    wanted = Wanted(
        name="frames",
        events=(str(folder / f"{EVENTS}.parquet"),),
        items=None if of_items is None else str(folder / f"{ITEMS}.parquet"),
        items_id=items_id,
        given=given,
    )
    try:
        found = understand_all(wanted, folder, None)
    except NextactError as error:
        named = [str(name) for name in events.index.names if name is not None]
        hint = f"; the index ({', '.join(named)}) is not read: reset_index() makes columns of it" if named else ""
        raise NextactError(f"{in_arguments(str(error))}{hint}") from None
    return RawTables(arrow, _raw_items(found, of_items, folder), yaml.safe_load(written(found)["parameters.yml"]))


def in_arguments(message: str) -> str:
    """A message on options of the command line in arguments of Python.

    Example:
        >>> in_arguments("say which, as in --user-id kunde, or leave --items out")
        'say which, as in user_id=kunde, or leave items out'
    """

    def argument(found: re.Match[str]) -> str:
        example, name, space = found.groups(default="")
        return f"{example}{name.replace('-', '_')}{'=' if example and space else space}"

    return OPTION.sub(argument, message)


@contextmanager
def own_engine() -> Iterator[None]:
    """Let what Ibis does inside the block be done by a DuckDB of its own, in memory."""
    before = ibis.options.default_backend
    ibis.set_backend(ibis.duckdb.connect())
    try:
        yield
    finally:
        ibis.options.default_backend = before


def _written(frame: object, name: str, folder: Path) -> pa.Table:
    if not isinstance(frame, pd.DataFrame):
        raise NextactError(f"{name}: a pandas data frame is needed, got {type(frame).__name__}")
    if frame.empty:
        raise NextactError(f"{name}: the frame has no row")
    arrow = as_arrow(frame, name)
    pq.write_table(arrow, folder / f"{name}.parquet")
    return arrow


def _raw_items(found: Understood, items: pa.Table | None, folder: Path) -> Any:
    """The item table; one row an item where ids repeat, or where the events alone name the items."""
    if items is not None and found.items is not None and not found.items.repeats:
        return items
    name = EVENTS if found.items is None else ITEMS
    guessed = found.proposal.sources[0].guesses.column(c.ITEM_ID)
    id_column = guessed if found.items is None else found.items.id
    others = list(found.describing) if items is None else [one for one in items.column_names if one != id_column]
    table = {"type": "pandas.ParquetDataset", "filepath": str(folder / f"{name}.parquet")}
    distinct = c.ITEM_ID if found.items is None else str(id_column)
    return DistinctDataset(tables=[{"table": table, "id": id_column}], id=distinct, columns=others).load()
