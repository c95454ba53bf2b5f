"""Ids of text files are text, whatever their cells look like; a warning where a reader made numbers of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ibis
from kedro.io import CatalogProtocol

from nextact.errors import NextactError
from nextact.events.contract import EventOptions
from nextact.events.tables import as_table

logger = logging.getLogger(__name__)

RAW_EVENTS = "raw_events"
IDS_OF = {"raw_items": "params:items", "raw_users": "params:evaluation", "feedback": "params:feedback.table"}
RAW_TABLES = (RAW_EVENTS, *IDS_OF)
ID_OPTIONS = ("item_id", "user_id", "session_id", "request_id")
TYPES_STATED = {"dtype", "dtypes", "types", "columns", "all_varchar", "schema_overrides", "schema", "converters"}
UNTYPED = ("csv", "excel", "json")  # in names of data sets whose files know no types


def read_ids_as_text(catalog: CatalogProtocol, parameters: Mapping[str, Any]) -> None:
    """Have readers of CSV and Excel files leave the mapped ids as text, unless the data catalog states types.

    Such a reader guesses: it makes the number 7 of ``0000007``, which is another id. The other columns are left to it.

    Args:
        catalog: Where the tables are.
        parameters: Blocks by their name in the catalog, ``params:events``.
    """
    for name, dataset, ids in _raw_tables(catalog, parameters):
        load_args = getattr(dataset, "_load_args", None)
        if not isinstance(load_args, dict) or TYPES_STATED & set(load_args):
            continue
        kind = type(dataset)
        if kind.__module__.startswith("kedro_datasets.pandas") and kind.__name__ in ("CSVDataset", "ExcelDataset"):
            load_args["dtype"] = dict.fromkeys(ids, str)
        elif kind.__module__.startswith("kedro_datasets.ibis") and getattr(dataset, "_file_format", "") == "csv":
            if there := sorted(set(ids) & _columns(dataset)):
                load_args["types"] = dict.fromkeys(there, "VARCHAR")
        else:
            continue
        logger.debug("%s: %s are read as text", name, ", ".join(ids))


def warn_of_numbers(dataset_name: str, loaded: Any, catalog: CatalogProtocol, parameters: Mapping[str, Any]) -> None:
    """Say where ids of a file without types arrived as numbers, and how many may have lost leading zeros."""
    for name, dataset, ids in _raw_tables(catalog, parameters):
        entry, _, source = name.partition(".")
        if entry != dataset_name or not _is_untyped(dataset):
            continue
        table = loaded[source] if source else loaded
        for column in ids:
            if found := _shorter(table, name, column):
                n, n_ids, example = found
                logger.warning(
                    "%s[%r]: ids arrived as numbers; %s of %s have fewer digits than the longest, e.g. %s, and may "
                    "have lost leading zeros: have the data catalog read the column as text (load_args: {dtype: str})",
                    name,
                    column,
                    f"{n:,}",
                    f"{n_ids:,}",
                    example,
                )


def _raw_tables(catalog: CatalogProtocol, parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any, list[str]]]:
    """Raw tables that stand in the catalog, each with the columns of its ids; sources as ``raw_events.NAME``."""
    if RAW_EVENTS in catalog and (events := parameters.get("params:events")) is not None:
        yield from _event_tables(catalog.get(RAW_EVENTS), events)
    for name, parameter in IDS_OF.items():
        block = parameters.get(parameter)
        if name in catalog and block is not None:
            yield name, catalog.get(name), _named(block)


def _event_tables(dataset: Any, events: Any) -> Iterator[tuple[str, Any, list[str]]]:
    try:
        maps = (events if isinstance(events, EventOptions) else EventOptions(**events)).column_maps()
    except (NextactError, TypeError):  # said elsewhere, with its place
        return
    datasets = getattr(dataset, "datasets", {RAW_EVENTS: dataset})
    for source, columns in maps.items():
        if source in datasets:
            place = RAW_EVENTS if source == RAW_EVENTS else f"{RAW_EVENTS}.{source}"
            yield place, datasets[source], _named(columns)


def _named(block: Any) -> list[str]:
    """The columns that the options of a block name as ids; where nothing states one, it has the option's own name."""
    of = block.get if isinstance(block, Mapping) else lambda option, default=None: getattr(block, option, default)
    named = [of(option, option if option in ("item_id", "user_id") else None) for option in ID_OPTIONS]
    return [one for one in dict.fromkeys(named) if isinstance(one, str)]


def _columns(dataset: Any) -> set[str]:
    """The columns that a file has; none where it cannot be read, which is said when it is needed."""
    try:
        return set(dataset.load().columns)
    except Exception:
        return set()


def _is_untyped(dataset: Any) -> bool:
    told = f"{type(dataset).__name__} {getattr(dataset, '_file_format', '')}".lower()
    return any(kind in told for kind in UNTYPED)


def _shorter(table: Any, place: str, column: str) -> tuple[int, int, str] | None:
    """How many different numbers of a column have fewer digits than the longest, of how many, and one of them."""
    rows = as_table(table, place)
    if column not in rows.columns or not rows[column].type().is_numeric():
        return None
    whole = rows.select(id=rows[column].try_cast("int64").cast("string")).filter(lambda t: t.id.notnull()).distinct()
    longest = whole["id"].length().max().execute()
    short = whole.filter(whole["id"].length() < longest)
    n, n_ids = (int(one.count().execute()) for one in (short, whole))
    return (n, n_ids, _example(short)) if n else None


def _example(short: ibis.Table) -> str:
    first: Iterable[str] = short.order_by("id").limit(1).to_pyarrow()["id"].to_pylist()
    return next(iter(first))
