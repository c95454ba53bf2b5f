"""``kedro run --only-changed``: of what was asked for, the steps that need not run again are skipped."""
# mypy: disallow-subclassing-any=False

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import chdir
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from kedro import runner as runners
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.utils import load_obj

from nextact.checks.changes import changes
from nextact.checks.origins import RECORDS
from nextact.checks.recording import using
from nextact.errors import NextactError
from nextact.hooks import closing

logger = logging.getLogger(__name__)

FILTERS = {  # Kedro's option -> its argument of Pipeline.filter
    "tags": "tags",
    "from_nodes": "from_nodes",
    "to_nodes": "to_nodes",
    "node_names": "node_names",
    "from_inputs": "from_inputs",
    "to_outputs": "to_outputs",
    "namespaces": "node_namespaces",
}


class ChangedRun(KedroSession):
    """A session whose run leaves out the steps that need not run again.

    One context serves the decision and the run: both see the same options and the same data catalog.
    """

    _context: KedroContext | None = None

    def load_context(self) -> KedroContext:
        """The context, made once."""
        if self._context is None:
            self._context = super().load_context()
        return self._context

    def run_changed(self, options: dict[str, Any]) -> None:
        """Run what is changed of what the options of ``kedro run`` ask for; then print what a whole run prints.

        Args:
            options: As the command line has them.

        Raises:
            NextactError: If another option decides by itself what is skipped, or the run is refused.
        """
        if options.get("only_missing_outputs"):
            raise NextactError("--only-changed and --only-missing-outputs cannot be used together: say one of them")
        if options["pipeline"] and options["pipelines"]:
            raise NextactError("--pipeline and --pipelines cannot be used together: say one of them")
        names = list(dict.fromkeys(options["pipelines"] or filter(None, [options["pipeline"]])))
        pipelines.set_requested(names or None)
        context = self.load_context()
        if names and "__default__" not in names:
            context._pipelines_to_validate = names
        with chdir(context.project_path):
            catalog = context.catalog
            whole = _asked_for(names or ["__default__"], options)
            with using(catalog):
                reasons = changes(whole, catalog)
        _say(reasons, whole, catalog)
        shown: set[str] = set()
        if reasons:
            is_whole = len(reasons) == len(whole.nodes)  # asked for as such: Kedro-Viz keeps the states of whole runs
            part = {option: options[option] for option in FILTERS} if is_whole else {"node_names": tuple(reasons)}
            versions = options["load_versions"]
            self.run(pipeline_names=names, runner=_runner(options), load_versions=versions, **part)
            shown = whole.only_nodes(*reasons).outputs()
        with chdir(context.project_path):
            for text in closing(whole.outputs() - shown, catalog, context.config_loader, context.env):
                click.echo(f"\n{text}")


def run_changed(options: dict[str, Any]) -> None:
    """Run what is changed; see :meth:`ChangedRun.run_changed`."""
    made = {"env": options["env"], "conf_source": options["conf_source"], "runtime_params": options["params"]}
    with ChangedRun.create(**made) as session:
        session.run_changed(options)


def _asked_for(names: Collection[str], options: dict[str, Any]) -> Pipeline:
    whole: Pipeline = sum((pipelines[name] for name in names), Pipeline([]))
    return whole.filter(**{argument: options[option] or None for option, argument in FILTERS.items()})


def _runner(options: dict[str, Any]) -> Any:
    kind = load_obj(options["runner"] or "SequentialRunner", runners.__name__)
    return kind(**{"is_async": False} | options["runner_params"])


def _say(reasons: dict[str, list[str]], whole: Pipeline, catalog: CatalogProtocol) -> None:
    """How many steps are skipped; why the others run goes to the log."""
    for name, found in reasons.items():
        logger.info("%s runs: %s", name, "; ".join(found))
    n_steps = len(whole.nodes)
    skipped = f"{n_steps - len(reasons)} of {n_steps} steps skipped"
    if not reasons:
        click.echo(f"nothing changed since {_newest(whole, catalog)}; {skipped}")
    elif len(reasons) < n_steps:
        click.echo(f"{skipped}: what they depend on has not changed")


def _newest(whole: Pipeline, catalog: CatalogProtocol) -> str:
    """When the newest of the results was written."""
    folder: Path = catalog.get(RECORDS).load().folder
    files = [folder / f"{name}.json" for name in whole.all_outputs()]
    newest = max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
    return f"{datetime.fromtimestamp(newest):%Y-%m-%d %H:%M}"
