"""Thin nodes over :mod:`nextact.models`, :mod:`nextact.retrieval` and :mod:`nextact.metrics`."""

import logging
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from nextact.errors import NextactError, suggest
from nextact.evaluation.gate import gate, gate_lines, left_out_lines, passes
from nextact.evaluation.horizons import evaluate_horizons
from nextact.metrics.comparison import bootstrap_intervals
from nextact.metrics.ranking import metric_names
from nextact.models.recommender import PredictsHorizons
from nextact.models.registry import MODELS, open_model, place
from nextact.models.storage import ModelFolder
from nextact.options import Count
from nextact.options import options as checked_options
from nextact.pipelines.model_training.fit_nodes import hashes_read, options_hash
from nextact.protocol import Certificate
from nextact.results.models import Candidate, Candidates, ChosenModel, Gate, Leaderboard, LeftOut, Made
from nextact.retrieval.scoring import evaluate
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, make_holdout, validation_halves
from nextact.text.blocks import ItemVectors

logger = logging.getLogger(__name__)


@checked_options
class ValidationOptions:
    """How models are compared.

    Attributes:
        ks: Lengths of the list at which metrics are taken.
        metric: The metric that chooses.
        draws: Bootstrap draws of the intervals.
    """

    ks: Annotated[tuple[Count, ...], Field(min_length=1)] = (5, 10, 20)
    metric: str = "ndcg@10"
    draws: Count = 1_000

    def __post_init__(self) -> None:
        known = metric_names(self.ks)
        if self.metric not in known:
            raise ValueError(f"metric: no metric {self.metric!r}; {suggest(self.metric, known)}")


def validate(
    model: ModelFolder,
    histories: Histories,
    cuts: Cuts,
    certificate: Certificate,
    event_types: list[str],
    options: ValidationOptions,
) -> Candidate | LeftOut:
    """Metrics on the half of the validation users that chooses, and what the model says of horizons of that half.

    Of a model that could not be fitted, why.
    """
    if model.is_left_out:
        return model.left_out()
    _, choose_half = validation_halves(histories.n_users, certificate.provenance.seed)
    holdout = make_holdout(histories, cuts, len(event_types), choose_half)
    recommender, protocol, fit = open_model(model), certificate.protocol, model.fit()
    values = evaluate(recommender, holdout, protocol.exclude_seen, options.ks, protocol.data.items)
    intervals = bootstrap_intervals(values, draws=options.draws, seed=0)
    horizons = evaluate_horizons(
        {fit.name: recommender} if isinstance(recommender, PredictsHorizons) else {},
        histories,
        protocol.split,
        "validation",
        event_types,
        options.draws,
        choose_half,
    )
    return Candidate(
        **{**fit.fields, **certificate.stamp},
        folder=str(model.path),
        users=len(holdout.users),
        validation=intervals,
        validation_values={options.metric: tuple(np.round(values[options.metric], 6).tolist())},
        validation_horizons=horizons,
    )


def gather(family: str, names: list[str]) -> Callable[..., Candidates]:
    """The node that gathers a family: it reads ``<name>_options``, ``_candidate`` and ``_refitted`` of each model."""

    def gather_family(certificate: Certificate, item_vectors: ItemVectors, **of_models: Any) -> Candidates:
        found = [
            _with_refit(of_models[f"{name}_candidate"], of_models[f"{name}_refitted"])
            for name in names
            if _is_fresh(
                family, name, of_models[f"{name}_options"], of_models[f"{name}_candidate"], certificate, item_vectors
            )
            and _is_refitted(family, name, of_models[f"{name}_options"], of_models[f"{name}_refitted"], certificate)
        ]
        return Candidates(
            models=tuple(one for one in found if isinstance(one, Candidate)),
            left_out=tuple(one for one in found if isinstance(one, LeftOut)),
        )

    return gather_family


def _with_refit(candidate: Candidate | LeftOut, refitted: ModelFolder) -> Candidate | LeftOut:
    """The candidate with what meets test; or why the model is left out, if either fit was not possible."""
    if isinstance(candidate, LeftOut):
        return candidate
    if refitted.is_left_out:
        return refitted.left_out()
    return candidate.model_copy(update={"refitted_folder": str(refitted.path)})


def _is_fresh(
    family: str,
    name: str,
    options: Any,
    candidate: Made | None,
    certificate: Certificate,
    item_vectors: ItemVectors,
) -> bool:
    """Whether a candidate exists and was fitted in this run with these options; a stale one is named in the log."""
    if candidate is None:
        return False
    wanted = _checked(family, name, options)
    if candidate.run_id != certificate.run_id:
        why = "belongs to another run"
    elif candidate.options_hash != options_hash(wanted):
        why = "was fitted with other options"
    elif candidate.item_vectors != hashes_read(family, name, wanted, item_vectors):
        why = "was fitted with other item vectors"
    else:
        return True
    logger.warning("%s.%s %s and is left out", family, name, why)
    return False


def _is_refitted(family: str, name: str, options: Any, refitted: ModelFolder, certificate: Certificate) -> bool:
    """Whether the model that would meet test is of this run and these options; a missing one is named in the log."""
    if refitted.exists or refitted.is_left_out:
        described = refitted.describe()
        if described.run_id == certificate.run_id:
            return described.options_hash == options_hash(_checked(family, name, options))
    logger.warning("%s.%s was validated but not refitted in this run and is left out", family, name)
    return False


def _checked(family: str, name: str, options: Any) -> Any:
    """Options as their class; where a model's own nodes are not in the run, Kedro hands them on as it read them."""
    return MODELS[family][name].options(**options) if isinstance(options, dict) else options


def compare(certificate: Certificate, options: ValidationOptions, **families: Candidates) -> Leaderboard:
    """Models by the choosing metric, best first, which of them fail to beat which baselines, and which are left out.

    Equal ones stand in the order of :data:`MODELS`: baselines, networks, hybrids.
    """
    of_run = certificate.run_id
    left_out = [one for family in families.values() for one in family.left_out if one.run_id == of_run]
    candidates = [one for family in families.values() for one in family.models if one.run_id == of_run]
    if not candidates:
        raise NextactError(_no_model(left_out))
    _check_metric(options.metric, candidates)
    in_order = sorted(candidates, key=lambda one: place(one.family, one.name))
    ranked = sorted(in_order, key=lambda one: -one.validation[options.metric].mean)
    for one in ranked:
        found = one.validation[options.metric]
        logger.info("%-18s %s %.4f [%.4f, %.4f]", one.name, options.metric, found.mean, found.low, found.high)
    kinds = {one.name: one.family for one in ranked}
    of_users = {one.name: np.array(one.validation_values[options.metric]) for one in ranked}
    against = gate(kinds, of_users, options.draws)
    for line in gate_lines(against, kinds):
        logger.info("gate: %s", line)
    return Leaderboard(
        **certificate.stamp,
        metric=options.metric,
        models=tuple(one.model_copy(update={"validation_values": {}}) for one in ranked),
        gate=against,
        left_out=tuple(left_out),
    )


def _no_model(left_out: list[LeftOut]) -> str:
    if not left_out:
        return "choice: no model of this run was validated; run a model family first"
    return f"choice: no model of this run could be fitted; {'; '.join(left_out_lines(left_out))}"


def _check_metric(metric: str, candidates: list[Candidate]) -> None:
    known = candidates[0].validation
    if metric not in known:
        raise NextactError(f"validation.metric: no metric {metric!r}; {suggest(metric, known)}")
    for one in candidates:
        if metric not in one.validation_values:
            raise NextactError(f"choice: {one.name} was validated to be chosen by another metric; validate it again")


def choose(leaderboard: Leaderboard) -> ChosenModel:
    """The handle of the model to serve, with the reason it was chosen.

    The best on validation of those that are shown to be better than the best baseline, or that one: it costs less.
    """
    models, metric, found = leaderboard.models, leaderboard.metric, leaderboard.gate
    chosen = next(one for one in models if passes(found, one.name))
    reason = _reason(chosen, models, metric, found)
    logger.info("%s is chosen: %s", chosen.name, reason)
    return ChosenModel(**chosen.handle.fields, reason=reason)


def _reason(chosen: Candidate, models: tuple[Candidate, ...], metric: str, found: Gate) -> str:
    value, costs = chosen.validation[metric].mean, f"{chosen.all_fit_seconds:.0f} s"
    where = f"{metric} {value:.4f} on the choosing half of the validation users"
    other = next((one for one in models if one is not chosen), None)
    if other is None:
        return f"best {where}"
    theirs, their_costs = other.validation[metric].mean, f"{other.all_fit_seconds:.0f} s to fit"
    if chosen is not models[0]:
        beside = f"is not shown to be better than {found.best_baseline} and takes {their_costs} beside {costs}"
        return f"{where}; {other.name} has {theirs:.4f} there, {beside}"
    tie = ", which is equal and comes later in the list of models" if value == theirs else ""
    is_other_kind = chosen.name in found.models
    shown = f"; shown to be better than {found.best_baseline}, the best baseline" if is_other_kind else ""
    return f"best {where}, {value - theirs:.4f} above {other.name}{tie}{shown}"
