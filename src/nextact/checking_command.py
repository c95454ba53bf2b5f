"""``kedro check-env``: all that is wrong with an environment, at once, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import DataCatalog

from nextact.checks.raw_files import check_raw_files
from nextact.checks.tables import RAW_EVENTS, RAW_ITEMS, RAW_USERS, missing_columns
from nextact.errors import NextactError

TABLES = (RAW_EVENTS, RAW_ITEMS, RAW_USERS)


def problems_of(project: Path, env: str, told: Callable[[BaseException], str | None]) -> list[str]:
    """What is to be put right in an environment, a line each; nothing where a run could begin.

    Args:
        project: Root of the project.
        env: Name of the environment.
        told: The message of an error that is the user's to put right, a line a problem; ``None`` for others.
    """
    with chdir(project), KedroSession.create(project, env=env) as session:
        found: list[str] = []
        try:
            context = session.load_context()
            catalog, parameters = context.catalog, context.config_loader["parameters"]
        except Exception as error:
            found += _lines(error, told)
            loader = session._get_config_loader()
            parameters = loader["parameters"]
            catalog = DataCatalog.from_config({name: one for name, one in loader["catalog"].items() if name in TABLES})
        found += _of_files(catalog, env, told)
        return list(dict.fromkeys([*found, *missing_columns(catalog, parameters, TABLES)]))


def _lines(error: Exception, told: Callable[[BaseException], str | None]) -> list[str]:
    said = told(error)
    if said is None:
        raise error
    return said.splitlines()


def _of_files(catalog: Any, env: str, told: Callable[[BaseException], str | None]) -> Iterator[str]:
    """Tables that nothing names, files that are not there, empty ones and cut archives."""
    for name in (RAW_EVENTS, RAW_ITEMS):
        if name not in catalog:
            yield f"nothing says where {name!r} is; write its entry into conf/{env}/catalog.yml"
        elif not catalog.exists(name):
            yield f"{name!r} does not exist ({getattr(catalog.get(name), '_filepath', None) or catalog.get(name)})"
    whole = pipelines["__default__"]
    there = [name for name in TABLES if name in catalog and name in whole.inputs()]
    for name in there:
        try:
            check_raw_files(whole.only_nodes_with_inputs(name), catalog)
        except NextactError as error:
            yield str(error)
        except Exception as error:
            yield from _lines(error, told)
