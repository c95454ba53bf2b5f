"""Which columns of one's tables any node will ask for, held against the tables before a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from kedro.io import CatalogProtocol

from nextact.errors import NextactError, suggest
from nextact.events import columns as c
from nextact.events.contract import EventOptions
from nextact.retrieval.rules.rule_options import RULES, RuleOptions, columns_named

RAW_EVENTS, RAW_ITEMS, RAW_USERS = "raw_events", "raw_items", "raw_users"
OF_ITEMS = (  # options that name columns of the item table as it is once its id is called item_id
    "item_text.text_columns",
    "item_text.language_column",
    "item_words.columns",
    "catalogue_map.colour_by",
    "evaluation.category_column",
    "evaluation.item_columns",
)


def missing_columns(catalog: CatalogProtocol, parameters: Mapping[str, Any], tables: Collection[str]) -> list[str]:
    """What options ask for and tables do not have, each with its close match.

    Args:
        catalog: Where the tables are.
        parameters: As the files say them.
        tables: Those of the raw tables that are looked at; what lies in a table that cannot be looked into without
            reading all of it, or cannot be read at all, is left to the run.
    """
    found = []
    for table, place, option, wanted, known in _asked(catalog, parameters):
        if table in tables and wanted not in known:
            found.append(
                f"{place}: option {option!r} asks for column {wanted!r}, which is missing; {suggest(wanted, known)}"
            )
    return list(dict.fromkeys(found))


Asked = tuple[str, str, str, str, Collection[str]]  # table, place, option, column, columns that there are


def _asked(catalog: CatalogProtocol, parameters: Mapping[str, Any]) -> Iterator[Asked]:
    if RAW_EVENTS in catalog:
        yield from _of_events(catalog.get(RAW_EVENTS), parameters.get("events") or {})
    if RAW_ITEMS in catalog and (known := columns_of(catalog.get(RAW_ITEMS))):
        yield from _of_items(known, parameters)
    evaluation = parameters.get("evaluation") or {}
    wanted = _listed(evaluation.get("user_columns"))
    if wanted and RAW_USERS in catalog and (known := columns_of(catalog.get(RAW_USERS))):
        yield RAW_USERS, RAW_USERS, "evaluation.user_id", evaluation.get("user_id", c.USER_ID), known
        for name in wanted:
            yield RAW_USERS, RAW_USERS, "evaluation.user_columns", name, known


def _of_events(dataset: Any, block: Mapping[str, Any]) -> Iterator[Asked]:
    try:
        maps = EventOptions(**block).column_maps()
    except (NextactError, TypeError):  # said with the other options
        return
    datasets = getattr(dataset, "datasets", {RAW_EVENTS: dataset})
    for source, columns in maps.items():
        if source in datasets and (known := columns_of(datasets[source])):
            for option, name in columns.columns().items():
                if name is not None:
                    yield RAW_EVENTS, source, option, name, known


def _of_items(known: Collection[str], parameters: Mapping[str, Any]) -> Iterator[Asked]:
    block = parameters.get("items") or {}
    item_id = block.get("item_id", c.ITEM_ID)
    yield RAW_ITEMS, RAW_ITEMS, "item_id", item_id, known
    for name in _listed(block.get("must_have")):
        yield RAW_ITEMS, RAW_ITEMS, name, name, known
    cleaned = {*known, c.ITEM_ID} - ({item_id} - {c.ITEM_ID})
    for option in OF_ITEMS:
        part, _, name = option.partition(".")
        for wanted in _listed((parameters.get(part) or {}).get(name)):
            yield RAW_ITEMS, RAW_ITEMS, option, wanted, cleaned
    for wanted in _of_rules(parameters.get(RULES)):
        yield RAW_ITEMS, RAW_ITEMS, RULES, wanted, cleaned


def _of_rules(block: Any) -> list[str]:
    try:
        return columns_named(RuleOptions(**(block or {})))
    except (NextactError, TypeError):  # said with the other options
        return []


def _listed(value: Any) -> list[str]:
    names = [value] if isinstance(value, str) else list(value or [])
    return [one for one in names if isinstance(one, str)]


def columns_of(dataset: Any) -> list[str]:
    """The columns of a table, without reading its rows; none where that cannot be had."""
    read = _header_reader(dataset)
    if read is None:
        return []
    try:
        return [str(name) for name in read()]
    except Exception:  # a file that cannot be read is said by the checks of files, or by the run
        return []


def _header_reader(dataset: Any) -> Callable[[], Any] | None:
    kind, path = type(dataset), getattr(dataset, "_filepath", None)
    if kind.__module__.startswith("kedro_datasets.ibis"):
        return lambda: dataset.load().columns
    if getattr(dataset, "_protocol", "") == "file" and kind.__module__.startswith("kedro_datasets.pandas"):
        if kind.__name__ == "CSVDataset":
            return lambda: pd.DataFrame(pd.read_csv(str(path), **(dataset._load_args | {"nrows": 0}))).columns
        if kind.__name__ == "ParquetDataset":
            return lambda: dataset._load_args.get("columns") or pq.read_schema(path).names
    return None
