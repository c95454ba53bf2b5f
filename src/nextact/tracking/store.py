"""The MLflow store: opened quietly, checked before anything depends on it, searched by Nextact's own tags."""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from nextact.errors import NextactError
from nextact.processes.identity import is_gone
from nextact.tracking.tracking_options import TrackingOptions

logger = logging.getLogger(__name__)

RUN_ID, PROTOCOL_HASH, MODEL, TEST_READINGS, PROCESS, ERROR = (
    "nextact.run_id",
    "nextact.protocol_hash",
    "nextact.model",
    "test_readings",
    "nextact.process",
    "nextact.error",
)
PARENT = "mlflow.parentRunId"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
KIND = {"mlflow.experimentKind": "custom_model_development"}  # which pages MLflow shows of it
PAGE = 1_000  # runs a search answers at once
SECONDS_TO_ANSWER = 5


def import_mlflow() -> Any:
    """MLflow without telemetry, progress bars and chatter; settings that the user made stay."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    import mlflow

    return mlflow


class TrackingStore:
    """One experiment of one MLflow store."""

    def __init__(self, client: Any, experiment_id: str, options: TrackingOptions) -> None:
        self.client, self.experiment_id, self.options = client, experiment_id, options

    @classmethod
    def open(cls, options: TrackingOptions) -> Self:
        """Open the store, make the experiment where it does not exist.

        Args:
            options: With absolute paths.

        Raises:
            NextactError: If the store cannot be written to or the server does not answer, with the way out.
        """
        try:
            _check(options)
            client = import_mlflow().MlflowClient(options.tracking_uri, registry_uri=options.tracking_uri)
            return cls(client, _experiment_id(client, options), options)
        except Exception as error:  # MLflow raises its own, SQLAlchemy's, requests' and the system's
            first = (str(error).strip().splitlines() or [""])[0]
            raise NextactError(
                f"tracking: cannot write to {options.tracking_uri}: {type(error).__name__}: {first}; put tracking_uri "
                "or artifacts right in mlflow.yml, or set `enabled: false` there to run untracked"
            ) from error

    def search(self, condition: str, everywhere: bool = False) -> list[Any]:
        """Runs by a filter of MLflow's, newest first.

        Args:
            condition: For example ``tags."nextact.run_id" = 'x'``.
            everywhere: Look in every experiment, and among deleted runs too.
        """
        from mlflow.entities import ViewType

        experiments, view = [self.experiment_id], ViewType.ACTIVE_ONLY
        if everywhere:
            view = ViewType.ALL
            experiments = [one.experiment_id for one in self.client.search_experiments(view_type=view)]
        found: list[Any] = []
        token = None
        while True:
            page = self.client.search_runs(experiments, condition, view, PAGE, ["attributes.start_time DESC"], token)
            found += page
            token = page.token
            if not token:
                return found

    def end_killed_runs(self) -> list[str]:
        """Mark as killed what runs for MLflow, though its process on this machine is gone; the ids of these runs."""
        running = self.search("attributes.status = 'RUNNING'")
        ended = [run.info.run_id for run in running if PROCESS in run.data.tags and is_gone(run.data.tags[PROCESS])]
        for run_id in ended:
            self.client.set_tag(run_id, ERROR, "its process is gone: it was killed")
            self.client.set_terminated(run_id, "KILLED")
        return ended

    def count_test_readings(self, protocol_hash: str) -> int:
        """How often test was opened under a protocol, in all experiments of the store, deleted runs included."""
        runs = self.search(f"tags.\"{PROTOCOL_HASH}\" = '{protocol_hash}'", everywhere=True)
        readers = [run.info.run_id for run in runs if TEST_READINGS in run.data.metrics]
        return sum(len(self.client.get_metric_history(run_id, TEST_READINGS)) for run_id in readers)


def _check(options: TrackingOptions) -> None:
    """Fail at once where MLflow would try again for a minute, or notice only at the first write."""
    if options.database is not None:
        options.database.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(options.database, timeout=SECONDS_TO_ANSWER)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    if options.tracking_uri.startswith(("http://", "https://")):
        _ask(f"{options.tracking_uri.rstrip('/')}/health")
    if options.artifacts is not None and Path(options.artifacts).is_absolute():
        Path(options.artifacts).mkdir(parents=True, exist_ok=True)
        if not os.access(options.artifacts, os.W_OK):
            raise PermissionError(f"{options.artifacts} cannot be written to")


def _ask(address: str) -> None:
    try:
        urlopen(address, timeout=SECONDS_TO_ANSWER).close()
    except HTTPError:
        return  # somebody answers; a proxy may know no such page
    except URLError as error:
        raise ConnectionError(f"no answer: {error.reason}") from error


def _experiment_id(client: Any, options: TrackingOptions) -> str:
    artifacts = _address(options.artifacts)
    found = client.get_experiment_by_name(options.experiment)
    if found is None:
        return str(client.create_experiment(options.experiment, artifact_location=artifacts, tags=KIND))
    if found.lifecycle_stage != "active":
        raise NextactError(f"experiment {options.experiment!r} is deleted; restore it or name another one")
    if artifacts is not None and _address(found.artifact_location) != artifacts:
        logger.warning(
            "Experiment %r keeps its artifacts in %s, as when it was made; name another experiment in mlflow.yml to "
            "have them in %s",
            options.experiment,
            found.artifact_location,
            options.artifacts,
        )
    return str(found.experiment_id)


def _address(artifacts: str | None) -> str | None:
    """A folder as a file address, so that blanks and the like are written one way."""
    return Path(artifacts).as_uri() if artifacts is not None and Path(artifacts).is_absolute() else artifacts
