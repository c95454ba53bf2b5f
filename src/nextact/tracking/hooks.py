"""Kedro hooks that track runs in MLflow; nodes know nothing of it, and only runs import it."""
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings
from kedro.framework.startup import bootstrap_project
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.utils import find_kedro_project

from nextact.checks.remedies import naming_the_pipeline
from nextact.errors import NextactError
from nextact.processes import stopping

if TYPE_CHECKING:
    from nextact.tracking.tracked_run import TrackedRun
    from nextact.tracking.tracking_options import TrackingOptions


class TrackingHooks:
    """Opens the store before a run, logs what its nodes save, and ends it.

    A store that cannot be written to stops the run before any node: readings of test that nobody counts are worse than
    a run that did not start. Once nodes run, a result that cannot be logged is only warned of: it is on disk already.
    """

    def __init__(self) -> None:
        self._context: KedroContext | None = None
        self._run: TrackedRun | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Keep what the options are read from; they are read where a pipeline runs."""
        self._context = context

    @hook_impl(trylast=True)
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Open the store, unless the run saves nothing that is tracked."""
        from nextact.tracking.tracked_run import TrackedRun, is_tracked

        self._run = None
        if self._context is None or not any(map(is_tracked, pipeline.all_outputs())):
            return
        options = read_options(self._context.config_loader, Path(self._context.project_path))
        if options.enabled:
            from nextact.tracking.store import TrackingStore

            with naming_the_pipeline(catalog):
                self._run = TrackedRun(TrackingStore.open(options), run_params, pipeline, catalog)
            stopping.at_end(self._run.abandon)

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> dict[str, Any] | None:
        """Count that test is opened, and tell the node that opens it how often it was."""
        return None if self._run is None else self._run.starts(node, inputs)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Log what was saved."""
        if self._run is not None:
            self._run.saved(dataset_name, data)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """End the run well."""
        self._finish("FINISHED")

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """End the run badly, with the error."""
        self._finish("FAILED", error)

    def _finish(self, status: str, error: Exception | None = None) -> None:
        if self._run is not None:
            run, self._run = self._run, None
            stopping.forget(run.abandon)
            run.finish(status, error)


def read_options(config_loader: Any, root: Path) -> TrackingOptions:
    """The options in ``mlflow.yml``, paths made absolute; the defaults where there is no such file.

    Raises:
        NextactError: If a key is unknown or a value has the wrong type.
    """
    from nextact.options import OptionsError
    from nextact.tracking.tracking_options import TrackingOptions

    try:
        read = config_loader["mlflow"]
    except MissingConfigException:
        read = {}
    try:
        return TrackingOptions(**read).at(root)
    except OptionsError as error:
        raise NextactError(f"mlflow.yml: {error}") from error


def count_test_readings(protocol_hash: str, project: Path | None = None, env: str | None = None) -> int:
    """How often test was opened under a protocol, in all experiments of a project's store.

    Args:
        protocol_hash: Of the certificate.
        project: Root of the project; the one that the working directory lies in, if left out.
        env: Kedro environment whose store is asked.
    """
    from nextact.tracking.store import TrackingStore

    root = project or Path(find_kedro_project(Path.cwd()) or Path.cwd())
    bootstrap_project(root)
    source = str(root / settings.CONF_SOURCE)
    loader = settings.CONFIG_LOADER_CLASS(conf_source=source, env=env, **settings.CONFIG_LOADER_ARGS)
    return TrackingStore.open(read_options(loader, root)).count_test_readings(protocol_hash)
