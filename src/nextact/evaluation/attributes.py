"""What is known of users and items beside their events, in the order of their indices."""

from __future__ import annotations

import re
from collections.abc import Sequence

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError, TableError
from nextact.events import columns as c
from nextact.events.reading import read_id
from nextact.events.tables import as_table, require_columns

RAW_USERS = "raw_users"
_ID = "__id"
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")  # a leading zero is of a code


def item_attributes(items: ibis.Table, vocabulary: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Columns of the item table.

    Args:
        items: One row an item, with ``item_id``.
        vocabulary: The catalogue.
        names: Columns wanted.

    Returns:
        ``item_index`` 1 .. n_items and the columns; missing where the item table lacks the item.

    Raises:
        NextactError: If a column is missing, with the close match.
    """
    names = list(dict.fromkeys(names))
    catalogue = vocabulary[[c.ITEM_INDEX, c.ITEM_ID]].sort_values(c.ITEM_INDEX, ignore_index=True)
    if not names:
        return catalogue[[c.ITEM_INDEX]]
    require_columns(items, {name: name for name in names}, "items")
    table: pd.DataFrame = items.select(**{_ID: items[c.ITEM_ID]}, **{name: items[name] for name in names}).execute()
    rows = table.set_index(_ID).reindex(catalogue[c.ITEM_ID])[names].reset_index(drop=True)
    return pd.concat([catalogue[[c.ITEM_INDEX]], rows], axis=1)


def comparable_columns(items: ibis.Table) -> list[str]:
    """Columns of the item table that hold numbers, texts, times or truths; neither the id nor lists or bytes."""
    kinds = ("is_numeric", "is_string", "is_boolean", "is_timestamp", "is_date")
    types = items.schema().items()
    return [name for name, kind in types if name != c.ITEM_ID and any(getattr(kind, one)() for one in kinds)]


def user_attributes(table: object | None, users: pd.DataFrame, user_id: str, names: Sequence[str]) -> pd.DataFrame:
    """Columns of a table of users.

    Args:
        table: One row a user, as any kind of table that a catalog loads; None where there is none.
        users: ``user_index`` and ``user_id`` of the log.
        user_id: Column of the user in the table.
        names: Columns wanted.

    Returns:
        ``user_index`` 0 .. n_users - 1 and the columns; missing for users whom the table lacks. Columns of text that
        holds nothing but numbers are numbers: tables are often read as text for the sake of their ids.

    Raises:
        NextactError: If columns are wanted of no table, a column is missing, or the table has no user of the log.
        TableError: If a user has several rows.
    """
    known = users[[c.USER_INDEX, c.USER_ID]].sort_values(c.USER_INDEX, ignore_index=True)
    names = list(dict.fromkeys(names))
    if not names:
        return known[[c.USER_INDEX]]
    if table is None:
        raise NextactError(
            f"evaluation.user_columns names {', '.join(names)}, but there is no table of users: name one as "
            f"{RAW_USERS} in the data catalog"
        )
    frame, wanted = _by_id(as_table(table, RAW_USERS), user_id, names), known[c.USER_ID].astype(str)
    if len(wanted) and not wanted.isin(frame.index).any():
        raise NextactError(
            f"{RAW_USERS}[{user_id!r}] names none of the {len(wanted):,} users of the log, e.g. {wanted.iloc[0]!r}: is "
            "it the table of other data?"
        )
    rows = frame.reindex(wanted)[names].reset_index(drop=True).apply(_numbers)
    return pd.concat([known[[c.USER_INDEX]], rows], axis=1)


def item_codes(values: pd.Series) -> NDArray[np.int64]:
    """A code for each distinct value by item index, -1 where it is missing and for padding.

    Example:
        >>> item_codes(pd.Series(["wine", None, "wine", "soap"])).tolist()
        [-1, 0, -1, 0, 1]
    """
    return np.concatenate([[-1], pd.factorize(values)[0]]).astype(np.int64)


def _numbers(values: pd.Series) -> pd.Series:
    given = values.dropna()
    if len(given) and all(isinstance(one, str) and _NUMBER.fullmatch(one) for one in given):
        return pd.to_numeric(values).convert_dtypes()  # whole numbers stay whole beside missing ones
    return values


def _by_id(table: ibis.Table, user_id: str, names: list[str]) -> pd.DataFrame:
    """The columns by the user's id, read as those of events are, so that the two meet."""
    place = f"{RAW_USERS}[{user_id!r}]"
    require_columns(table, {"user_id": user_id, **{name: name for name in names}}, RAW_USERS)
    ids = read_id(table[user_id], c.USER_ID, place)
    frame = table.select(**{name: table[name] for name in names}, **{_ID: ids.values}).execute()
    repeated = frame[_ID][frame[_ID].duplicated()]
    if len(repeated):
        raise TableError(place, "ids must be distinct; repeats", len(repeated), repeated.iloc[0])
    found: pd.DataFrame = frame.set_index(_ID)
    return found
