"""Kedro hooks: what cannot work is said before any node runs."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import AbstractDataset, CatalogProtocol
from kedro.pipeline import Pipeline

from nextact.checks.environment import folder_of
from nextact.checks.raw_files import check_raw_files, explain_raw_file
from nextact.checks.raw_ids import RAW_TABLES, read_ids_as_text, warn_of_numbers
from nextact.checks.remedies import maker, name_the_pipeline
from nextact.checks.tables import missing_columns
from nextact.errors import NextactError
from nextact.processes.children import end_with_parent
from nextact.processes.scratch import new_scratch_folder, sweep

SUMMARY = "run_summary"  # of a whole run
DUCKDB_SPILLS_INTO = ".tmp"  # a database in memory, from the working directory


class NextactHooks:
    """Checks of parameters and inputs, and where a run stands: at the project's root, wherever it was started."""

    def __init__(self) -> None:
        self._started_in: Path | None = None
        self._folder = "conf/ENVIRONMENT"
        self._catalog: CatalogProtocol | None = None
        self._parameters: dict[str, Any] = {}
        self._loader: Any = None
        self._env: str | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Refuse parameters that no pipeline reads (they are misspelt), and those that leave out the columns."""
        from nextact.checks.parameters import (  # the models' options take a while
            parameter_problems,
            require_stated,
            unread_parameters,
        )

        self._loader = context.config_loader
        self._env = context.env
        self._folder = folder_of(context.config_loader)
        require_stated(context.config_loader["parameters"], self._folder)
        unread = unread_parameters(context.params, pipelines)
        if problems := [*unread, *parameter_problems(context.params)]:
            raise NextactError("\n".join(problems))

    @hook_impl
    def after_catalog_created(self, catalog: CatalogProtocol, parameters: dict[str, Any]) -> None:
        """Have ids of text files be read as text."""
        self._catalog, self._parameters = catalog, parameters
        read_ids_as_text(catalog, parameters)

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Warn of ids that a reader made numbers of."""
        if dataset_name in RAW_TABLES and self._catalog is not None:
            warn_of_numbers(dataset_name, data, self._catalog, self._parameters)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Have relative paths begin at the project's root, and refuse a run whose inputs do not exist yet."""
        from nextact.checks.parameters import check_inputs, check_runner

        self._started_in = Path.cwd()
        os.chdir(run_params["project_path"])
        try:
            check_inputs(pipeline, catalog)
            check_runner(str(run_params.get("runner")), pipeline, catalog)
            self._refuse_missing_inputs(pipeline, catalog)
            check_raw_files(pipeline, catalog)
            parameters = {} if self._loader is None else self._loader["parameters"]
            if problems := missing_columns(catalog, parameters, pipeline.inputs()):
                raise NextactError("\n".join(problems))
        except NextactError:
            self._go_back()
            raise
        _share_connection(catalog)
        sweep()

    def _refuse_missing_inputs(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Name the pipeline that makes what is missing."""
        for name in sorted(pipeline.inputs()):
            if name.startswith("params:") or name == "parameters":
                continue
            if name not in catalog:
                raise NextactError(f"nothing says where {name!r} is; write its entry into {self._folder}/catalog.yml")
            if not _may_exist(catalog, name):
                raise NextactError(f"{name!r} does not exist ({_place(catalog, name)}); {_remedy(name)}")

    @hook_impl
    def before_node_run(self) -> None:
        """Have a worker process of ParallelRunner end with the run: nothing else would where the run is killed."""
        if multiprocessing.parent_process() is not None:
            end_with_parent(os.getppid())

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Print the results whose catalog entry asks for it, and go back to where the run was started."""
        for text in closing(pipeline.outputs(), catalog, self._loader, self._env):
            print(f"\n{text}")
        self._go_back()

    @hook_impl(trylast=True)  # an error raised here keeps it from the hooks that would come later
    def on_pipeline_error(self, error: Exception, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Say which pipeline makes a stored file, or what is wrong with a raw one, that could not be read; go back."""
        try:
            name_the_pipeline(error, catalog)
            explain_raw_file(error, pipeline, catalog)
        finally:
            self._go_back()

    def _go_back(self) -> None:
        if self._started_in is not None:
            os.chdir(self._started_in)


def closing(names: Iterable[str], catalog: CatalogProtocol, loader: Any, env: str | None) -> Iterator[str]:
    """What is printed at the end of a run: those results whose catalog entry asks for it, and where to look.

    Args:
        names: Results.
        catalog: Where they are.
        loader: Of the configuration.
        env: Kedro environment; None for the default.
    """
    for name in sorted(names):
        if (getattr(catalog.get(name), "metadata", None) or {}).get("print_at_end"):
            yield str(catalog.load(name))
            if name == SUMMARY:
                yield _where_to_look(catalog, loader, env)


def _where_to_look(catalog: CatalogProtocol, loader: Any, env: str | None) -> str:
    """Where the results of a run are seen, a line each."""
    from nextact.tracking.hooks import read_options

    page = Path(str(getattr(catalog.get("evaluation_page"), "_filepath", "")))
    page = page.relative_to(Path.cwd()) if page.is_relative_to(Path.cwd()) else page
    named = "" if env in (None, loader.default_run_env) else f" --env {env}"
    lines = {"report": str(page), "pipelines": f"kedro viz run --host 127.0.0.1{named}"}
    tracking = read_options(loader, Path.cwd())
    if tracking.enabled:
        store = tracking.tracking_uri.replace(f"sqlite:///{Path.cwd()}/", "sqlite:///")
        lines["runs"] = f"mlflow ui --backend-store-uri {store} --host 127.0.0.1"
    return "\n".join(f"{name:<11}{place}" for name, place in (lines | {"explore": "notebooks/"}).items())


def _share_connection(catalog: CatalogProtocol) -> None:
    """Let frames that enter the line (pandas, polars) live where the event tables do: Ibis cannot join across."""
    import ibis

    connection = catalog.get("events").connection
    ibis.set_backend(connection)
    if connection.name == "duckdb":
        _spill_into_scratch(connection)


def _spill_into_scratch(connection: Any) -> None:
    """Have what DuckDB puts on the disk go with the run, where no one has said another place than its default."""
    (place,) = connection.raw_sql("SELECT current_setting('temp_directory')").fetchone()
    if place == DUCKDB_SPILLS_INTO:
        folder = new_scratch_folder("duckdb", Path(place).absolute())
        connection.raw_sql(f"SET temp_directory = '{str(folder).replace(chr(39), 2 * chr(39))}'")


def _may_exist(catalog: CatalogProtocol, name: str) -> bool:
    """Whether a dataset exists; one that cannot tell (a SQL query, say) has the benefit of the doubt."""
    cannot_tell = type(catalog.get(name))._exists is AbstractDataset._exists
    return cannot_tell or bool(catalog.exists(name))


def _place(catalog: CatalogProtocol, name: str) -> str:
    dataset = catalog.get(name)
    return str(getattr(dataset, "_filepath", None) or type(dataset).__name__)


def _remedy(name: str) -> str:
    if (made_by := maker(name)) is not None:
        return f"run `kedro run --pipelines {made_by}` first"
    return "no pipeline makes it: check its entry in the data catalog"
