"""Thin nodes over :mod:`nextact.retrieval` and :mod:`nextact.metrics`."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.comparison import bootstrap_intervals, holm, paired_comparison
from nextact.models.registry import ModelFolder
from nextact.pipelines.model_training.nodes import ValidationOptions
from nextact.protocol import Certificate, require_same_run, stamp
from nextact.retrieval.scoring import evaluate
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, make_holdout

logger = logging.getLogger(__name__)


def evaluate_test(
    leaderboard: dict[str, Any],
    chosen_model: dict[str, Any],
    histories: Histories,
    cuts: Cuts,
    certificate: Certificate,
    event_types: list[str],
    options: ValidationOptions,
) -> dict[str, Any]:
    """Test metrics of every validated model with intervals, and paired tests of the chosen one against the others."""
    require_same_run("leaderboard", leaderboard, certificate, "model_training")
    require_same_run("chosen_model", chosen_model, certificate, "model_training")
    holdout = make_holdout(histories, cuts, len(event_types))
    exclude_seen = certificate["protocol"]["exclude_seen"]
    values = {
        one["name"]: evaluate(ModelFolder(Path(one["folder"])).open(), holdout, exclude_seen, options.ks)
        for one in leaderboard["models"]
    }
    models = [_row(one, values[one["name"]], options) for one in leaderboard["models"]]
    for row in models:
        found = row["test"][options.metric]
        logger.info(
            "%-18s validation %.4f  test %.4f [%.4f, %.4f]",
            row["name"],
            row["validation"][options.metric]["mean"],
            found["mean"],
            found["low"],
            found["high"],
        )
    return {
        **stamp(certificate),
        "metric": options.metric,
        "users": len(holdout.users),
        "users_left_out": histories.n_users - len(holdout.users),
        "chosen": chosen_model["name"],
        "models": models,
        "chosen_against": _paired(values, chosen_model["name"], options),
    }


def _row(one: dict[str, Any], values: dict[str, NDArray[np.float64]], options: ValidationOptions) -> dict[str, Any]:
    intervals = bootstrap_intervals(values, draws=options.draws, seed=0)
    test = {name: dataclasses.asdict(interval) for name, interval in intervals.items()}
    return {key: one[key] for key in ("family", "name", "fit_seconds", "validation")} | {"test": test}


def _paired(
    values: dict[str, dict[str, NDArray[np.float64]]], chosen: str, options: ValidationOptions
) -> dict[str, dict[str, float]]:
    best = values[chosen][options.metric]
    found = {
        name: dataclasses.asdict(paired_comparison(best, other[options.metric], draws=options.draws, seed=0))
        for name, other in values.items()
        if name != chosen
    }
    adjusted = holm({name: one["p_value"] for name, one in found.items()}) if found else {}
    return {name: one | {"p_value_holm": adjusted[name]} for name, one in found.items()}
