"""The item table: one row per item that can be recommended."""

from __future__ import annotations

import ibis

from nextact.errors import NextactError, TableError
from nextact.events import columns as c
from nextact.events.reading import read_id
from nextact.events.tables import as_table, require_columns
from nextact.options import options

RAW_ITEMS = "raw_items"


@options
class ItemOptions:
    """Which items there are.

    Attributes:
        item_id: Column of the item.
        must_have: Columns without which a row is no item; with ``events.unknown_items: reject`` its events go too.
    """

    item_id: str = c.ITEM_ID
    must_have: tuple[str, ...] = ()


def clean_items(raw_items: object, options: ItemOptions) -> ibis.Table:
    """One row per item, its id as text under ``item_id``; the other columns as they are.

    Ids are read as those of events are (:func:`nextact.events.reading.read_id`), so that the two meet.

    Raises:
        NextactError: If a column is missing, or ``item_id`` would name two columns.
        TableError: If an id is missing, is no whole number, or repeats.
    """
    items = as_table(raw_items, RAW_ITEMS)
    wanted: dict[str, str | None] = {"item_id": options.item_id, **{name: name for name in options.must_have}}
    require_columns(items, wanted, RAW_ITEMS)
    if options.item_id != c.ITEM_ID and c.ITEM_ID in items.columns:
        raise NextactError(f"{RAW_ITEMS}: {options.item_id!r} is to be the item_id, but there is an 'item_id' too")
    for name in options.must_have:
        column = items[name]
        items = items.filter(column.strip() != "" if column.type().is_string() else column.notnull())
    place = f"{RAW_ITEMS}[{options.item_id!r}]"
    ids = read_id(items[options.item_id], c.ITEM_ID, place)
    _refuse_broken(items.select(id=ids.values, problem=ids.problems), place)
    return items.mutate(**{options.item_id: ids.values}).rename({c.ITEM_ID: options.item_id})


def _refuse_broken(ids: ibis.Table, place: str) -> None:
    broken = ids.filter(ids.problem.notnull())
    found = broken.limit(1).to_pyarrow().to_pylist()
    if found:
        raise TableError(place, found[0]["problem"], int(broken.count().execute()), found[0]["id"])
    repeats = ids.group_by("id").aggregate(n=ids.count()).filter(lambda t: t.n > 1)
    found = repeats.order_by("id").limit(1).to_pyarrow().to_pylist()
    if found:
        raise TableError(place, "ids must be distinct; repeats", int(repeats.n.sum().execute()), found[0]["id"])
