"""One Nextact run in MLflow: a parent run, a nested run for each fitted model, and what is known of both."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nextact.processes.identity import this_process
from nextact.protocol import Certificate
from nextact.results.evaluation import TestedModel, TestResults
from nextact.results.models import Candidate, Fit, Leaderboard, LeftOut
from nextact.tracking.entries import (
    Point,
    chunks,
    curve_points,
    entity_name,
    flatten,
    horizon_metrics,
    interval_metrics,
    number_metrics,
    param_text,
    type_metrics,
)
from nextact.tracking.store import MODEL, PARENT, PROCESS, PROTOCOL_HASH, RUN_ID, TEST_READINGS, TrackingStore

MAX_METRICS, MAX_PARAMS, MAX_TAGS = 500, 100, 100  # a batch; MLflow takes at most 1,000 entries in all


class RunLog:
    """Writes to the parent run of one Nextact run and to its nested runs.

    The parent is found again by its run id, so that several commands continue one run. Each fit has a nested run of its
    own: a model fitted again with other options does not overwrite what the first fit was.
    """

    def __init__(self, store: TrackingStore, certificate: Certificate, parameters: Mapping[str, Any]) -> None:
        self.store, self.certificate = store, certificate
        self.parent, known, self.known_tags = self._find() or self._create()
        self.nested = {
            run.data.tags[MODEL]: run.info.run_id
            for run in reversed(store.search(f"tags.\"{PARENT}\" = '{self.parent}'"))  # the newest fit stays
        }
        self._log_parameters({"protocol": certificate.protocol.as_json(), **parameters}, known)

    def log_fit(self, fit: Fit) -> str:
        """A nested run for a fit: options, seconds, curve, and the numbers of its report."""
        name = fit.full_name
        ended = _now()
        started = ended - int(1_000 * fit.fit_seconds)
        tags = {PARENT: self.parent, MODEL: name, PROCESS: this_process(), "nextact.family": fit.family}
        hashes = {key: getattr(fit, key) for key in HASHES}
        tags |= {f"nextact.{key}": param_text(value) for key, value in hashes.items() if value}
        run = self.store.client.create_run(self.store.experiment_id, started, tags, name)
        run_id = str(run.info.run_id)
        self.nested[name] = run_id
        self._drop_tags([f"nextact.left_out.{name}"])
        metrics = {"fit_seconds": fit.fit_seconds, **number_metrics("report", fit.report)}
        self._log(run_id, metrics, flatten(fit.options), curve=curve_points(fit.report), started=started)
        self.store.client.set_terminated(run_id, "FINISHED", ended)
        return run_id

    def log_left_out(self, model: LeftOut) -> None:
        """A tag of the parent for a model that could not be fitted: why."""
        self.set_tags({f"nextact.left_out.{model.full_name}": model.left_out})

    def log_candidate(self, candidate: Candidate) -> None:
        """Validation metrics of a model into its nested run."""
        metrics = interval_metrics("validation", candidate.validation)
        metrics |= horizon_metrics("validation", candidate.validation_horizons, candidate.name)
        self._log(self._nested(candidate), metrics | {"validation_users": candidate.users})

    def log_leaderboard(self, leaderboard: Leaderboard) -> None:
        """Validation metrics of the best model into the parent, and the whole as an artifact."""
        best = leaderboard.models[0]
        tags = {"nextact.chosen": best.full_name, "nextact.chosen_by": leaderboard.metric}
        self._log(self.parent, interval_metrics("validation", best.validation), tags=tags)
        for one in leaderboard.left_out:
            self.log_left_out(one)
        self.log_artifact("leaderboard.json", leaderboard.as_json())

    def count_test_reading(self, chosen: str) -> int:
        """Count one more opening of test under this protocol; the new count."""
        count = self.store.count_test_readings(self.certificate.protocol_hash) + 1
        when = datetime.now(UTC).isoformat(timespec="seconds")
        tags = {f"nextact.test_reading.{count}": f"{when} {chosen} {self.certificate.protocol_hash}"}
        self._log(self.parent, tags=tags, curve=[Point(TEST_READINGS, count, count)])
        return count

    def log_test_results(self, results: TestResults) -> None:
        """Test metrics of each model into its nested run, of the chosen one into the parent too."""
        for one in results.models:
            metrics = _test_metrics(one) | horizon_metrics("test", results.horizons.test, one.name)
            metrics |= type_metrics(results.behaviour, one.name)
            against = results.chosen_against.get(one.name)
            paired = {} if against is None else number_metrics("chosen_against", dataclasses.asdict(against))
            self._log(self._nested(one), metrics | paired)
            if one.name == results.chosen:
                self._log(self.parent, metrics | {"test_users": results.users})
        self.log_artifact("test_results.json", results.as_json())

    def log_artifact(self, name: str, content: object) -> None:
        """A text, or anything else as JSON, into the parent."""
        text = content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False, default=str)
        self.store.client.log_text(self.parent, text, name)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Tags of the parent."""
        self._log(self.parent, tags=tags)

    def finish(self, status: str) -> None:
        """End the parent with ``FINISHED``, ``FAILED`` or ``KILLED``."""
        self.store.client.set_terminated(self.parent, status)

    def _find(self) -> tuple[str, dict[str, str], set[str]] | None:
        """The parent's id, the parameters and the names of the tags that it has already."""
        found = self.store.search(f"tags.\"{RUN_ID}\" = '{self.certificate.run_id}'")
        if not found:
            return None
        self.store.client.set_tag(found[0].info.run_id, PROCESS, this_process())
        self.store.client.update_run(found[0].info.run_id, status="RUNNING")
        return found[0].info.run_id, dict(found[0].data.params), set(found[0].data.tags)

    def _create(self) -> tuple[str, dict[str, str], set[str]]:
        run_id = self.certificate.run_id
        provenance = self.certificate.provenance.model_dump()
        tags = {
            RUN_ID: run_id,
            PROTOCOL_HASH: self.certificate.protocol_hash,
            PROCESS: this_process(),
            "mlflow.source.name": "kedro run",
            "mlflow.source.type": "PROJECT",
            **{f"nextact.{name}": param_text(value) for name, value in flatten(provenance).items()},
        }
        created = self.store.client.create_run(self.store.experiment_id, tags=tags, run_name=run_id)
        self.parent = str(created.info.run_id)
        self.log_artifact("certificate.json", self.certificate.as_json())
        return self.parent, {}, set()

    def _log_parameters(self, parameters: Mapping[str, Any], known: dict[str, str]) -> None:
        """New parameters; one that a later command changed cannot be written over, so it goes to a tag."""
        texts = {entity_name(name): param_text(value) for name, value in flatten(parameters).items()}
        changed = {name: text for name, text in texts.items() if known.get(name, text) != text}
        new = {name: text for name, text in texts.items() if name not in known}
        self._log(self.parent, params=new, tags={f"nextact.changed.{name}": text for name, text in changed.items()})
        self._drop_tags(f"nextact.changed.{name}" for name in texts if name not in changed)  # back to what they were

    def _drop_tags(self, names: Iterable[str]) -> None:
        """Take tags of earlier commands from the parent that no longer hold."""
        for name in {entity_name(one) for one in names} & self.known_tags:
            self.store.client.delete_tag(self.parent, name)
            self.known_tags.discard(name)

    def _nested(self, model: Candidate | TestedModel) -> str:
        """The nested run of the newest fit; made now where the fit was not tracked."""
        name = f"{model.family}.{model.name}"
        known: str | None = self.nested.get(name)
        return known or self.log_fit(model if isinstance(model, Candidate) else self._untracked(model))

    def _untracked(self, model: TestedModel) -> Fit:
        """What the results of test know of a fit that was not tracked."""
        return Fit(
            **self.certificate.stamp,
            family=model.family,
            name=model.name,
            options_hash="",
            item_vectors={},
            options={},
            fit_seconds=model.fit_seconds,
        )

    def _log(
        self,
        run_id: str,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        curve: Sequence[Point] = (),
        started: int | None = None,
    ) -> None:
        """Write all in as few transactions as MLflow allows; the curve's seconds count from ``started``, else now."""
        from mlflow.entities import Metric, Param, RunTag

        now = _now()
        begin = now if started is None else started
        entries = {
            "metrics": [
                *(Metric(name, value, now, 0) for name, value in (metrics or {}).items()),
                *(Metric(one.name, one.value, begin + int(1_000 * one.seconds), one.step) for one in curve),
            ],
            "params": [Param(entity_name(name), param_text(value)) for name, value in (params or {}).items()],
            "tags": [RunTag(entity_name(name), param_text(value)) for name, value in (tags or {}).items()],
        }
        parts = {kind: list(chunks(entries[kind], size)) for kind, size in SIZES.items()}
        for number in range(max(map(len, parts.values()))):
            batch = {kind: part[number] for kind, part in parts.items() if number < len(part)}
            self.store.client.log_batch(run_id, **batch)


SIZES = {"metrics": MAX_METRICS, "params": MAX_PARAMS, "tags": MAX_TAGS}
HASHES = ("options_hash", "item_vectors")


def _test_metrics(model: TestedModel) -> dict[str, float]:
    """Metrics with their intervals, their means by reachable targets, and what the lists are like."""
    reachable = {name: interval.mean for name, interval in model.test_reachable.items()}
    return {
        **interval_metrics("test", model.test),
        **number_metrics("test_reachable", reachable),
        **number_metrics("test", model.catalogue),
    }


def _now() -> int:
    """Milliseconds since 1970, MLflow's unit."""
    return int(1_000 * time.time())
