"""``kedro start-env``: its options, and the questions that it asks on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from nextact.errors import NextactError, suggest
from nextact.events.clock_text import require_formats
from nextact.events.timezones import require_timezone
from nextact.start.environment import start_environment
from nextact.start.proposal import NO_COLUMN, Given
from nextact.start.understood import Wanted

ROLES = ("user_id", "item_id", "timestamp", "event_type", "value", "session_id")


def start(options: Mapping[str, Any], project: Path, conf: str) -> str:
    """Make the environment; what was understood, in words.

    Args:
        options: Of the command line.
        project: Root of the project.
        conf: Name of its folder of environments.

    Raises:
        NextactError: See :func:`~nextact.start.environment.start_environment`; or if an option cannot be read.
    """
    wanted = Wanted(
        name=options["name"],
        events=(*options["events"], *options["more_events"]),
        items=options["items"],
        users=options["users"],
        items_id=options["items_id"],
        users_id=options["users_id"],
        header=options["header"],
        columns=_listed(options["columns"]),
        given=_given(options),
    )
    return start_environment(wanted, project, project / conf, _ask if sys.stdin.isatty() else None)


def _given(options: Mapping[str, Any]) -> Given:
    try:
        if options["timezone"]:
            require_timezone(options["timezone"])
        if options["timestamp_format"]:
            require_formats(options["timestamp_format"])
    except ValueError as error:
        raise NextactError(f"--{str(error).replace('timestamp_format', 'timestamp-format', 1)}") from None
    said = {role: options[role] for role in ROLES if options[role] is not None}
    return Given(
        roles={role: None if name == NO_COLUMN else name for role, name in said.items()},
        timezone=options["timezone"],
        timestamp_format=tuple(options["timestamp_format"]),
        event_type_map=dict(map(_pair, _listed(options["event_type_map"]))),
        targets=_listed(options["targets"]),
    )


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(one.strip() for one in (text or "").split(",") if one.strip())


def _pair(text: str) -> tuple[str, str]:
    code, equals, meaning = text.partition("=")
    if not (equals and code.strip() and meaning.strip()):
        raise NextactError(f"--event-type-map: {text!r} is no pair, as in 1=view,2=purchase")
    return code.strip(), meaning.strip()


def _ask(question: str, choices: Sequence[str], default: str | None) -> str:
    """One question on the terminal, asked again until the answer is one that can be."""
    while True:
        said = str(click.prompt(question, default=default, err=True)).strip()
        if not choices or said in choices:
            return said
        click.echo(f"no {said!r}; {suggest(said, choices)}", err=True)
