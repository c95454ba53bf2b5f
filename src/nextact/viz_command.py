"""``kedro viz`` ends where its server cannot begin, with one message; by itself it waits ten minutes for an answer.

Kedro-Viz starts its server as a child process and asks it every second whether it is there. A child that ended at a
wrong option or a misspelt name never answers.
"""
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.hooks import cli_hook_impl
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession

ITS_OWN = "Kedro-Viz ended before it could answer; why stands above"


class BeforeViz:
    """Looks after the commands of Kedro-Viz.

    Args:
        check: Refuses an environment that there is not, or, of none, a default that would pass by the user's tables.
        told: The message of an error that is the user's to put right; None for others.
        require: Refuses a name that is not known, by its kind.
    """

    def __init__(
        self,
        check: Callable[[str | None], None],
        told: Callable[[BaseException], str | None],
        require: Callable[..., None],
    ) -> None:
        self.check, self.told, self.require = check, told, require

    @cli_hook_impl
    def before_command_run(self, project_metadata: Any, command_args: list[str]) -> None:
        """Refuse what a run refuses before it begins, and have the wait for the server end with the server."""
        if project_metadata is None or command_args[:1] != ["viz"]:
            return
        self._or_end(lambda: self.check(_environment(command_args)))
        from kedro_viz.launchers import utils

        answers = utils._check_viz_up

        def check_viz_up(host: str, port: int) -> bool:
            if not multiprocessing.active_children():
                self._say_why(project_metadata.project_path)
            return bool(answers(host, port))

        utils._check_viz_up = check_viz_up

    def _say_why(self, project: Path) -> None:
        """End with what keeps the server from its start: read here what it read."""
        asked = click.get_current_context().params

        def read() -> None:
            self.require("pipeline", [asked.get("pipeline")], pipelines)
            with KedroSession.create(project, env=asked.get("env"), runtime_params=asked.get("params")) as session:
                _ = session.load_context().catalog

        self._or_end(read)
        click.echo(f"error: {ITS_OWN}", err=True)
        raise SystemExit(1)

    def _or_end(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            told = self.told(error)
            if told is None:
                raise
            click.echo(f"error: {told}", err=True)
            raise SystemExit(1) from None


def _environment(arguments: list[str]) -> str | None:
    """The environment that a command line names, however it is written.

    Example:
        >>> _environment(["viz", "run", "--env=test"]), _environment(["viz", "-e", "test"]), _environment(["viz"])
        ('test', 'test', None)
    """
    for at, one in enumerate(arguments):
        if one in ("--env", "-e"):
            return arguments[at + 1] if at + 1 < len(arguments) else None
        if one.startswith(("--env=", "-e")):
            return one.removeprefix("--env=").removeprefix("-e")
    return None
