"""``kedro run`` that ends a user's mistake with one message instead of a traceback."""

from __future__ import annotations

import os
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run

from nextact.errors import NextactError


@click.group(name="nextact")
def cli() -> None:
    """Commands of the project."""


@cli.command(name="run", params=kedro_run.params, help=kedro_run.help)
@click.pass_context
def run(context: click.Context, /, **options: Any) -> None:
    """Kedro's own run; set NEXTACT_TRACEBACK=1 to see where an error came from."""
    try:
        context.invoke(kedro_run, **options)
    except Exception as error:
        told = _told(error)
        if told is None or os.environ.get("NEXTACT_TRACEBACK") == "1":
            raise
        click.echo(f"error: {told}", err=True)
        context.exit(1)


def _told(error: BaseException | None) -> str | None:
    """The message of the first error in the chain that is the user's to put right."""
    while error is not None:
        if isinstance(error, NextactError) or type(error).__name__ == "ParameterValidationError":
            return str(error)
        error = error.__cause__ or error.__context__
    return None
