"""``kedro run`` and ``kedro erase-user``, which end a user's mistake with one message instead of a traceback."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines, settings
from kedro.utils import find_kedro_project

from nextact.errors import NextactError, suggest
from nextact.printing import printable
from nextact.processes.stopping import end_on_sigterm

KEDRO_SAYS = re.compile(r"- Parameter '([^']*)': Failed to instantiate \w+ for parameter '[^']*': ")


@click.group(name="nextact")
def cli() -> None:
    """Commands of the project."""


@cli.command(name="run", params=kedro_run.params, help=kedro_run.help)
@click.pass_context
def run(context: click.Context, /, **options: Any) -> None:
    """Kedro's own run; set NEXTACT_TRACEBACK=1 to see where an error came from."""
    end_on_sigterm()
    with _one_message(context):
        _check_names(options)
        context.invoke(kedro_run, **options)


@cli.command(name="erase-user")
@click.option("--user-id", required=True, help="The user, as the events write it.")
@click.option("--env", "-e", help="Kedro environment whose data are changed.")
@click.pass_context
def erase_user(context: click.Context, user_id: str, env: str | None) -> None:
    """Remove a user from all stored tables and arrays, and leave their raw rows out of later runs.

    Prints a receipt and stores it: rows removed, models to fit again, and what must be erased elsewhere. Not to be
    called while a run is under way.
    """
    with _one_message(context):
        _check_environment(env)
        from nextact.erasing_command import erase

        click.echo(printable(erase(user_id, _project(), env), keep="\n"))


@contextmanager
def _one_message(context: click.Context) -> Iterator[None]:
    """End with the message of an error that is the user's to put right; others are raised."""
    try:
        yield
    except Exception as error:
        told = _told(error)
        if told is None or os.environ.get("NEXTACT_TRACEBACK") == "1":
            raise
        click.echo(printable(f"error: {told}", keep="\n"), err=True)
        context.exit(1)


def _check_names(options: dict[str, Any]) -> None:
    """Refuse an environment, a pipeline, a namespace or a node that does not exist, before anything is loaded."""
    _check_environment(options.get("env"))
    wanted = options.get("pipelines") or [options.get("pipeline")]
    _require("pipeline", wanted, pipelines)
    nodes = [node for name in wanted for node in pipelines[name or "__default__"].nodes]
    spaces = {space for node in nodes for space in _prefixes(node.namespace)}
    _require("namespace", options.get("namespaces") or [], spaces)
    names = {name for node in nodes for name in (node.name, node.short_name)}
    for option in ("node_names", "from_nodes", "to_nodes"):
        _require("node", options.get(option) or [], names)


def _check_environment(env: str | None) -> None:
    environments = [folder.name for folder in (_project() / settings.CONF_SOURCE).glob("*") if folder.is_dir()]
    if environments:
        _require("environment", [env], environments)


def _project() -> Path:
    """Root of the project that the working directory lies in; a packaged project is where its ``conf`` is."""
    here = Path.cwd()
    return find_kedro_project(here) or here


def _require(kind: str, wanted: Iterable[str | None], known: Iterable[str]) -> None:
    for name in wanted:
        if name and name not in set(known):
            raise NextactError(f"no {kind} {name!r}; {suggest(name, known)}")


def _prefixes(namespace: str | None) -> list[str]:
    """Every namespace that a node is in, the outer ones too."""
    parts = (namespace or "").split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts)) if namespace]


def _told(error: BaseException | None) -> str | None:
    """The message of the first error in the chain that is the user's to put right."""
    while error is not None:
        if isinstance(error, NextactError):
            return str(error)
        if type(error).__name__ == "ParameterValidationError":
            lines = [KEDRO_SAYS.sub(r"parameters: \1: ", line) for line in str(error).splitlines()]
            return "\n".join(line for line in lines if line != "Parameter validation failed:")
        error = error.__cause__ or error.__context__
    return None
