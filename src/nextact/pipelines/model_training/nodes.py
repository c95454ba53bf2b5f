"""Thin nodes over :mod:`nextact.models`, :mod:`nextact.retrieval` and :mod:`nextact.metrics`."""

import dataclasses
import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from nextact.errors import NextactError, suggest
from nextact.metrics.comparison import bootstrap_intervals
from nextact.models.recommender import Training
from nextact.models.registry import MODELS, FittedModel, ModelFolder
from nextact.options import options as checked_options
from nextact.protocol import Certificate, stable_hash, stamp
from nextact.retrieval.scoring import evaluate
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, make_holdout, training_histories, validation_halves

logger = logging.getLogger(__name__)
Candidate = dict[str, Any]


@checked_options
class ValidationOptions:
    """How models are compared.

    Attributes:
        ks: Lengths of the list at which metrics are taken.
        metric: The metric that chooses.
        draws: Bootstrap draws of the intervals.
    """

    ks: tuple[int, ...] = (5, 10, 20)
    metric: str = "ndcg@10"
    draws: int = 1_000


def fit(family: str, name: str) -> Callable[..., FittedModel]:
    """The fit node of one model, hinted with its own options class so that Kedro checks them first."""
    entry = MODELS[family][name]

    def fit_model(
        histories: Histories,
        cuts: Cuts,
        item_vectors: np.ndarray,
        certificate: Certificate,
        event_types: list[str],
        options: Any,
    ) -> FittedModel:
        protocol, seed = certificate["protocol"], certificate["provenance"]["seed"]
        fit_half, _ = validation_halves(histories.n_users, seed)
        training = Training(
            training_histories(histories, cuts),
            protocol["data"]["items"],
            tuple(event_types),
            {"encoder": item_vectors},
            make_holdout(histories, cuts, len(event_types), fit_half),
            protocol["exclude_seen"],
            seed,
        )
        recommender = entry.recommender(options)
        started = time.perf_counter()
        report = recommender.fit(training)
        seconds = round(time.perf_counter() - started, 2)
        logger.info("%s.%s fitted in %.1f s", family, name, seconds)
        described = {**stamp(certificate), "options_hash": options_hash(options), "fit_seconds": seconds}
        return FittedModel(family, name, recommender, {**described, "report": report})

    fit_model.__annotations__["options"] = entry.options
    return fit_model


def options_hash(options: Any) -> str:
    """Hash of an options block, by which a candidate of other options is known."""
    return stable_hash(dataclasses.asdict(options))


def validate(
    model: ModelFolder,
    histories: Histories,
    cuts: Cuts,
    certificate: Certificate,
    event_types: list[str],
    options: ValidationOptions,
) -> Candidate:
    """Metrics on the half of the validation users that chooses."""
    _, choose_half = validation_halves(histories.n_users, certificate["provenance"]["seed"])
    holdout = make_holdout(histories, cuts, len(event_types), choose_half)
    values = evaluate(model.open(), holdout, certificate["protocol"]["exclude_seen"], options.ks)
    intervals = bootstrap_intervals(values, draws=options.draws, seed=0)
    return {
        **model.describe(),
        **stamp(certificate),
        "folder": str(model.path),
        "users": len(holdout.users),
        "validation": {name: dataclasses.asdict(interval) for name, interval in intervals.items()},
    }


def gather(family: str, names: list[str]) -> Callable[..., list[Candidate]]:
    """The gathering node of a family: its inputs are the certificate, then options and candidate of each model."""

    def gather_family(certificate: Certificate, *options_and_candidates: Any) -> list[Candidate]:
        pairs = zip(names, options_and_candidates[::2], options_and_candidates[1::2], strict=True)
        return [
            candidate for name, options, candidate in pairs if _is_fresh(family, name, options, candidate, certificate)
        ]

    return gather_family


def _is_fresh(family: str, name: str, options: Any, candidate: Candidate | None, certificate: Certificate) -> bool:
    """Whether a candidate exists and was fitted in this run with these options; a stale one is named in the log."""
    if candidate is None:
        return False
    # where the model's own fit node is not in the run, Kedro hands on the options as it read them
    wanted = MODELS[family][name].options(**options) if isinstance(options, dict) else options
    same_run = candidate["run_id"] == certificate["run_id"]
    if same_run and candidate["options_hash"] == options_hash(wanted):
        return True
    why = "was fitted with other options" if same_run else "belongs to another run"
    logger.warning("%s.%s %s and is left out", family, name, why)
    return False


def compare(candidates: list[Candidate], certificate: Certificate, options: ValidationOptions) -> dict[str, Any]:
    """Models by the choosing metric, best first; equal ones by fit time."""
    if not candidates:
        raise NextactError("choice: no model of this run was validated; run a model family first")
    known = candidates[0]["validation"]
    if options.metric not in known:
        raise NextactError(f"validation.metric: no metric {options.metric!r}; {suggest(options.metric, known)}")
    ranked = sorted(candidates, key=lambda one: (-one["validation"][options.metric]["mean"], one["fit_seconds"]))
    for one in ranked:
        found = one["validation"][options.metric]
        logger.info(
            "%-18s %s %.4f [%.4f, %.4f]", one["name"], options.metric, found["mean"], found["low"], found["high"]
        )
    return {**stamp(certificate), "metric": options.metric, "models": ranked}


def choose(leaderboard: dict[str, Any]) -> dict[str, Any]:
    """The handle of the best model, with the reason it was chosen."""
    best = leaderboard["models"][0]
    reason = f"best {leaderboard['metric']} on the choosing half of the validation users"
    return {key: best[key] for key in ("run_id", "protocol_hash", "family", "name", "folder")} | {"reason": reason}
