"""What one pipeline run adds to the MLflow run of its certificate."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from nextact.checks.remedies import chain
from nextact.errors import NextactError
from nextact.models.registry import MODELS
from nextact.models.storage import FittedModel, ModelFolder
from nextact.processes.stopping import was_told_to_stop
from nextact.protocol import Certificate
from nextact.results.models import Candidate, ChosenModel, Fit, LeftOut
from nextact.tracking.model_log import log_package
from nextact.tracking.run_log import RunLog
from nextact.tracking.store import ERROR, TrackingStore

logger = logging.getLogger(__name__)

CERTIFICATE, PACKAGE, TEST, CHOSEN = "certificate", "packaged_model", "test_cuts", "chosen_model"
FITTED, CANDIDATE = ".model", ".candidate"
RESULTS: dict[str, Callable[[RunLog, Any], None]] = {
    "leaderboard": RunLog.log_leaderboard,
    "test_results": RunLog.log_test_results,
    "run_summary": lambda log, found: log.log_artifact("run_summary.txt", "\n".join(found.leaderboard)),  # no user
}


def is_tracked(name: str) -> bool:
    """Whether a data set is logged once it is saved."""
    return name in (CERTIFICATE, PACKAGE, *RESULTS) or name.endswith((FITTED, CANDIDATE))


class TrackedRun:
    """From a pipeline's data sets to the entries of its MLflow run."""

    def __init__(
        self, store: TrackingStore, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        self.store, self.pipeline, self.catalog = store, pipeline, catalog
        self.log: RunLog | None = None
        self.test_readings: int | None = None  # with this one, once test is open
        self.tags = {
            "nextact.env": str(run_params.get("env")),
            "nextact.pipelines": ", ".join(run_params.get("pipeline_names") or ["__default__"]),
        }
        self.process, self.lock = os.getpid(), threading.Lock()
        self.in_workers = "ParallelRunner" in str(run_params.get("runner"))
        _end_killed_runs(store)
        if CERTIFICATE not in pipeline.all_outputs():
            self._start(catalog.get(CERTIFICATE).load())

    def saved(self, name: str, data: Any) -> None:
        """Log a dataset; in a worker process nothing: the main process does it at the end."""
        if self.process != os.getpid() or not is_tracked(name):
            return
        with self.lock:
            if name == CERTIFICATE:
                self._start(data)
            else:
                self._try(lambda log: self._log(log, name, data))

    def starts(self, node: Node, inputs: dict[str, Any]) -> dict[str, Any]:
        """Count that test is opened; a reading that cannot be counted does not happen.

        Returns:
            Inputs of the node that are replaced: the chosen model with ``test_readings``, which its reports show. In a
            worker process none is: the main process counts at the end.
        """
        if TEST not in node.inputs:
            return {}
        self._count_test_reading()
        if self.test_readings is None or CHOSEN not in inputs:
            return {}
        chosen: ChosenModel = inputs[CHOSEN]
        return {CHOSEN: chosen.model_copy(update={"test_readings": self.test_readings})}

    def finish(self, status: str, error: Exception | None = None) -> None:
        """Log what worker processes saved, then end the parent."""
        if self.in_workers:
            self._catch_up(status)
        why = "none" if error is None else _said(error)
        self._try(lambda log: self._end(log, status, why))

    def abandon(self) -> None:
        """End the parent where the process ends before the pipeline does: failed on SIGTERM, else by hand."""
        if self.process == os.getpid():
            status, why = ("FAILED", "ended by SIGTERM") if was_told_to_stop() else ("KILLED", "stopped by hand")
            self._try(lambda log: self._end(log, status, why))

    def _count_test_reading(self) -> None:
        if self.process != os.getpid() or self.log is None or self.test_readings is not None:
            return
        chosen = self.catalog.get(CHOSEN)
        name = chosen.load().full_name if chosen is not None and chosen.exists() else "no model"
        with self.lock, _told("a reading of test cannot be counted"):
            self.test_readings = self.log.count_test_reading(name)
        logger.info("Test is opened for the %d. time under this protocol", self.test_readings)

    def _start(self, certificate: Certificate) -> None:
        with _told("the run cannot be opened"):
            self.log = RunLog(self.store, certificate, _parameters(self.pipeline, self.catalog))
            self.log.set_tags(self.tags)

    def _log(self, log: RunLog, name: str, data: Any) -> None:
        if name == PACKAGE:
            address = log_package(self.store, log.parent, self.catalog.get(name).load().path)
            logger.info("The packaged model is %s", address)
        elif name.endswith(FITTED):
            described = _described(data)
            if isinstance(described, LeftOut):
                log.log_left_out(described)
            else:
                log.log_fit(described)
        elif name.endswith(CANDIDATE):
            if isinstance(data, Candidate):
                log.log_candidate(data)
        else:
            RESULTS[name](log, data)

    def _catch_up(self, status: str) -> None:
        if any(TEST in node.inputs for node in self.pipeline.nodes):
            self._count_test_reading()
        if status == "FINISHED":
            saved = filter(is_tracked, self.pipeline.all_outputs() - {CERTIFICATE})
            for name in sorted(saved, key=lambda name: (not name.endswith(FITTED), name)):
                self.saved(name, self.catalog.get(name).load())

    def _end(self, log: RunLog, status: str, why: str) -> None:
        log.set_tags({ERROR: why})
        log.finish(status)

    def _try(self, action: Callable[[RunLog], None]) -> None:
        if self.log is None:
            return
        try:
            action(self.log)
        except Exception as error:
            logger.warning("Not tracked: %s: %s", type(error).__name__, error)


def _said(error: Exception) -> str:
    """An error as it may be kept: examples are somebody's data, and what other libraries quote nobody knows."""
    ours = next((one for one in chain(error) if isinstance(one, NextactError)), None)
    if ours is None:
        return f"{type(error).__name__}; its message stands in the log of the run"
    return f"{type(ours).__name__}: {ours.without_example}"


def _end_killed_runs(store: TrackingStore) -> None:
    with _told("earlier runs cannot be looked through"):
        for run_id in store.end_killed_runs():
            logger.info("Run %s of the store was killed and is marked so", run_id)


@contextmanager
def _told(problem: str) -> Iterator[None]:
    """Turn whatever the store raises into one message."""
    try:
        yield
    except Exception as error:
        raise NextactError(f"tracking: {problem}: {type(error).__name__}: {error}") from error


def _described(data: FittedModel | LeftOut | ModelFolder) -> Fit | LeftOut:
    if isinstance(data, ModelFolder):
        return data.describe()
    return data.fit if isinstance(data, FittedModel) else data


def _parameters(pipeline: Pipeline, catalog: CatalogProtocol) -> dict[str, Any]:
    """What the pipeline's nodes read, defaults included; a model's own options stand in its nested run."""
    names = sorted(name for name in pipeline.inputs() if name.startswith("params:"))
    return {name.removeprefix("params:"): catalog.get(name).load() for name in names if not _is_model_option(name)}


def _is_model_option(name: str) -> bool:
    return name.removeprefix("params:").split(".")[0] in MODELS and name.endswith(".options")
