"""The commands of the project, which end a user's mistake with one message instead of a traceback."""
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import inspect
import logging
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from kedro import runner as runners
from kedro.framework.cli.hooks import get_cli_hook_manager
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines, settings
from kedro.io import DatasetError
from kedro.utils import find_kedro_project, load_obj

from nextact.checks.environment import refuse_default
from nextact.checks.remedies import chain
from nextact.console.quiet import quiet
from nextact.errors import NextactError, suggest
from nextact.printing import printable
from nextact.processes.stopping import end_on_sigterm
from nextact.stored import says_full
from nextact.viz_command import BeforeViz

RUNNERS = ("SequentialRunner", "ThreadRunner", "ParallelRunner")
KEDRO_SAYS = re.compile(r"- Parameter '(?P<name>[^']*)': (?:Failed to instantiate (?P<block>\w+) for [^:]*: )?")
NOT_A_BLOCK = re.compile(r"(?:Expected dict for dataclass \w+, got (?P<kind>\w+)|value is (?P<none>None) .*)")
NOT_LOADED = re.compile(
    r"Failed while loading data from dataset .*?(?:filepath=(?:\w+\()?'(?P<path>[^']*)'.*)?\.\n", re.S
)


@click.group(name="nextact")
def cli() -> None:
    """Commands of the project."""


VERBOSE = click.Option(["--verbose"], is_flag=True, help="Show every line of the log, not what asks for action alone.")

ONLY_CHANGED = click.Option(
    ["--only-changed"], is_flag=True, help="Skip steps whose inputs, options and code have not changed."
)


@cli.command(name="run", params=[*kedro_run.params, ONLY_CHANGED, VERBOSE], help=kedro_run.help)
@click.pass_context
def run(context: click.Context, /, verbose: bool, only_changed: bool, **options: Any) -> None:
    """Kedro's own run; set NEXTACT_TRACEBACK=1 to see where an error came from."""
    end_on_sigterm()
    if not verbose:
        quiet(_project())
    with _one_message(context):
        _check_names(options)
        _check_runner(options)
        if only_changed:
            from nextact.changed_run import run_changed

            run_changed(options)
        else:
            context.invoke(kedro_run, **options)


@cli.command(name="erase-user")
@click.option("--user-id", required=True, help="The user, as the events write it.")
@click.option("--env", "-e", help="Kedro environment whose data are changed.")
@click.pass_context
def erase_user(context: click.Context, user_id: str, env: str | None) -> None:
    """Remove a user from all that runs have stored, and leave their raw rows out of later runs.

    Prints a receipt and stores it: rows removed, models that learnt from the user, and where the id still stands. A
    second call finishes one that was interrupted. Refused while a run is under way.
    """
    with _one_message(context):
        _check_environment(env)
        from nextact.erasing_command import erase

        click.echo(printable(erase(user_id, _project(), env), keep="\n"))


@cli.command(name="check-env")
@click.argument("name")
@click.pass_context
def check_env(context: click.Context, name: str) -> None:
    """Hold an environment's options, files and columns against all that any node asks for; all problems at once."""
    with _one_message(context):
        _check_environment(name)
        from nextact.checking_command import problems_of

        found = problems_of(_project(), name, _told)
        if found:
            raise NextactError("\n".join([f"{len(found)} to put right in {name!r}:", *(f"  {one}" for one in found)]))
        click.echo(f"{name}: options, files and columns are as the pipelines need them")


@cli.command(name="start-env")
@click.argument("name")
@click.option("--events", multiple=True, help="CSV, TSV, Parquet or JSON lines, or URL#TABLE of a database.")
@click.argument("more_events", nargs=-1)
@click.option("--items", help="Table of the items, if any: names, categories.")
@click.option("--users", help="Table of the users, if any: for slices of the results.")
@click.option("--user-id", help="Column of the user.")
@click.option("--item-id", help="Column of the item.")
@click.option("--timestamp", help="Column of the time; none where the rows have only an order.")
@click.option("--event-type", help="Column of the behaviour; none where there is one only.")
@click.option("--value", help="Column of an amount or rating; none for no such column.")
@click.option("--session-id", help="Column of a basket or session; none for no such column.")
@click.option("--timezone", help="Zone of local times, as in Europe/Berlin.")
@click.option(
    "--timestamp-format", multiple=True, help="How times are written, as in '%d.%m.%Y %H:%M'; tried in order."
)
@click.option("--event-type-map", help="Names for codes: 1=view,2=purchase.")
@click.option("--targets", help="Event types worth predicting: purchase,booking.")
@click.option("--items-id", help="Column of the id in the table of items.")
@click.option("--users-id", help="Column of the id in the table of users.")
@click.option("--columns", help="Names of the columns of files of events without a header: user,item,time.")
@click.option("--header/--no-header", default=None, help="Whether text files begin with the names of their columns.")
@click.pass_context
def start_env(context: click.Context, /, **options: Any) -> None:
    """Make an environment for your own tables: guess what their columns are, try the rows, write conf/NAME.

    Several files of events: kedro start-env shop --events orders.csv clicks.csv --items products.csv. On a terminal it
    asks what it cannot tell; elsewhere it says which option to add. Nothing that exists is changed.
    """
    with _one_message(context):
        from nextact.starting_command import start

        click.echo(printable(start(options, _project(), settings.CONF_SOURCE), keep="\n"))


def _check_viz(env: str | None) -> None:
    env = env or os.environ.get("KEDRO_ENV")
    if env is None:
        refuse_default(_project() / settings.CONF_SOURCE, str(settings.CONFIG_LOADER_ARGS["default_run_env"]))
    _check_environment(env)


@contextmanager
def _one_message(context: click.Context) -> Iterator[None]:
    """End with the message of an error that is the user's to put right; others are raised."""
    logging.getLogger("kedro.validation.parameter_validator").addFilter(
        lambda record: record.levelno < logging.ERROR
    )  # said once, by us
    try:
        yield
    except Exception as error:
        told = _told(error)
        if told is None or os.environ.get("NEXTACT_TRACEBACK") == "1":
            raise
        click.echo(printable(f"error: {told}", keep="\n"), err=True)
        context.exit(1)


def _check_names(options: dict[str, Any]) -> None:
    """Refuse what does not exist of what the command line names, before anything is loaded."""
    _check_environment(options.get("env"), options.get("conf_source"))
    wanted = options.get("pipelines") or [options.get("pipeline")]
    _require("pipeline", wanted, pipelines)
    nodes = [node for name in wanted for node in pipelines[name or "__default__"].nodes]
    spaces = {space for node in nodes for space in _prefixes(node.namespace)}
    _require("namespace", options.get("namespaces") or [], spaces)
    names = {node.name for node in nodes}
    for option in ("node_names", "from_nodes", "to_nodes"):
        _require("node", options.get(option) or [], names)
    _require("tag", options.get("tags") or [], {tag for node in nodes for tag in node.tags})
    _require(
        "dataset to start from", options.get("from_inputs") or [], {name for node in nodes for name in node.inputs}
    )
    _require("dataset to end with", options.get("to_outputs") or [], {name for node in nodes for name in node.outputs})
    _require("dataset", options.get("load_versions") or [], {name for node in nodes for name in node.inputs})


def _check_environment(env: str | None, source: str | None = None) -> None:
    folder = Path(source) if source else _project() / settings.CONF_SOURCE
    environments = [one.name for one in folder.glob("*") if one.is_dir()]
    if environments:
        _require("environment", [env], environments)


def _project() -> Path:
    """Root of the project that the working directory lies in; a packaged project is where its ``conf`` is."""
    here = Path.cwd()
    return find_kedro_project(here) or here


def _check_runner(options: dict[str, Any]) -> None:
    """Refuse a runner that does not exist, or an argument that it does not take."""
    name, arguments = options.get("runner") or RUNNERS[0], options.get("runner_params") or {}
    if "." not in name:
        _require("runner", [name], RUNNERS)
    try:
        taken = inspect.signature(load_obj(name, runners.__name__)).parameters
    except (ImportError, AttributeError, ValueError) as error:
        raise NextactError(f"no runner {name!r}: {error}") from error
    _require(f"argument of {name}", arguments, taken)
    if options.get("is_async") or arguments.get("is_async"):
        raise NextactError("datasets cannot be loaded side by side: one connection to DuckDB serves one thread")


def _require(kind: str, wanted: Iterable[str | None], known: Iterable[str]) -> None:
    for name in wanted:
        if name and name not in set(known):
            raise NextactError(f"no {kind} {name!r}; {_inside(name, known) or suggest(name, known)}")


def _inside(name: str, known: Iterable[str]) -> str | None:
    """The whole name of what was named without the namespaces around it."""
    whole = sorted(one for one in known if one.endswith(f".{name}"))
    return f"its whole name is {whole[0]!r}" if len(whole) == 1 else None


def _prefixes(namespace: str | None) -> list[str]:
    """Every namespace that a node is in, the outer ones too."""
    parts = (namespace or "").split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts)) if namespace]


def _told(error: BaseException) -> str | None:
    """The message of the first error in the chain that is the user's to put right."""
    for one in chain(error):
        if isinstance(one, NextactError):
            return str(one)
        if type(one).__name__ == "ParameterValidationError":
            return "\n".join(_of_parameter(line) for line in str(one).splitlines()[1:])
    full = next((one for one in chain(error) if says_full(one)), None)
    if full is not None:
        place = getattr(full, "filename", None)
        return f"{says_full(full)}{f' at {place}' if place else ''}; make room and run again"
    return next((told for one in chain(error) if (told := _not_loaded(one)) is not None), None)


def _of_parameter(line: str) -> str:
    """One of Kedro's findings, with the option as a parameters file writes it."""
    found = KEDRO_SAYS.match(line)
    if found is None:
        return line
    said = line[found.end() :]
    if other := NOT_A_BLOCK.match(said):
        return f"parameters: {found['name']} must be a block of options, got {other['kind'] or other['none']}"
    said = re.sub(rf"\b{found['block']}\b", found["name"], said)
    return f"parameters: {said}" if said.startswith(found["name"]) else f"parameters: {found['name']}: {said}"


def _not_loaded(error: BaseException) -> str | None:
    """What Kedro says of a dataset of another kind than ours that cannot be loaded."""
    found = NOT_LOADED.match(str(error)) if isinstance(error, DatasetError) else None
    if found is None or error.__cause__ is None:
        return None
    return f"{found['path'] or 'a dataset'} cannot be read: {error.__cause__}"


get_cli_hook_manager().register(BeforeViz(_check_viz, _told, _require))
