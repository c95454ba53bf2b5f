"""The refit nodes, one a model: the models that meet test and serve."""

import dataclasses
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nextact.models.recommender import FitReport, GoesOn, LaunchOptions, Recommender, Training
from nextact.models.registry import HYBRID, MODELS, open_model
from nextact.models.storage import FittedModel, ModelFolder
from nextact.options import plain
from nextact.pipelines.model_training.fit_nodes import (
    NO_VECTORS,
    fit_with,
    members_of,
    or_left_out,
    training_of,
    with_later_steps,
)
from nextact.protocol import Certificate
from nextact.results.models import Candidates, LeftOut
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, learnt_histories, make_holdout
from nextact.sequences.moments import observed_until
from nextact.text.blocks import ItemVectors


def refit(family: str, name: str) -> Callable[..., FittedModel | LeftOut | ModelFolder]:
    """The refit node of one model; the model as it is where the protocol goes without, or it could not be fitted.

    Anew, a model is fitted to the epoch that validation found best. A hybrid learns once more how to join the members
    that were validated, now from the half that chose as well, and joins those of the candidates that were fitted again.
    Continued, a network goes on from its validated weights, and a hybrid joins today's members by what it learnt.
    """
    entry = MODELS[family][name]

    def refit_model(
        model: ModelFolder,
        histories: Histories,
        cuts: Cuts,
        certificate: Certificate,
        event_types: list[str],
        launch: LaunchOptions,
        options: Any,
        item_vectors: ItemVectors = NO_VECTORS,
        **candidates: Candidates,
    ) -> FittedModel | LeftOut | ModelFolder:
        if model.is_left_out or not certificate.is_refitted:
            return model
        first = training_of(histories, cuts, item_vectors, certificate, event_types, launch)
        training = until_test(first, histories, cuts, certificate)

        def fit_it() -> FittedModel:
            if family == HYBRID:
                examples = None
                if not certificate.is_continued:
                    everybody = make_holdout(histories, cuts, len(event_types))
                    examples = with_later_steps(dataclasses.replace(first, validation=everybody), histories, cuts)
                return _rejoined(name, model, training, examples, candidates.values(), certificate)
            if certificate.is_continued and isinstance(validated := open_model(model), GoesOn):
                return _gone_on(model, validated, dataclasses.replace(training, learnt=first.histories))
            again = training.to_epoch(model.fit().report.get("best_epoch"))
            return fit_with(family, name, entry.recommender(options), again, item_vectors, certificate)

        return or_left_out(fit_it, family, name, options, item_vectors, certificate)

    refit_model.__annotations__["options"] = entry.options
    return refit_model


def until_test(training: Training, histories: Histories, cuts: Cuts, certificate: Certificate) -> Training:
    """What a model learns from in a refit: everything before test, and nobody is left to validate on.

    Args:
        training: Of the first fit.
        histories: All events.
        cuts: Validation.
        certificate: Of a protocol with a refit.
    """
    known = learnt_histories(histories, cuts, refitted=True)
    return dataclasses.replace(
        training,
        histories=known,
        validation=training.validation.take(np.empty(0, np.int64)),
        observed_until=observed_until(certificate.protocol.split, known, refitted=True),
    )


def _rejoined(
    name: str,
    model: ModelFolder,
    training: Training,
    examples: Training | None,
    candidates: Iterable[Candidates],
    certificate: Certificate,
) -> FittedModel:
    """A hybrid over the members of today, learnt once more from ``examples`` where there are any."""
    started = time.perf_counter()
    hybrid: Any = open_model(model)
    members = members_of(name, tuple(hybrid.members.names), candidates, certificate, refitted=True)
    if examples is None:
        return _again(model, hybrid.with_members(members, training), model.fit().report, started)
    again, report = hybrid.with_refitted(members, training, examples)
    return _again(model, again, report, started)


def _gone_on(model: ModelFolder, validated: GoesOn, training: Training) -> FittedModel:
    started = time.perf_counter()
    return _again(model, validated, validated.go_on(training), started)


def _again(model: ModelFolder, recommender: Recommender, report: FitReport, started: float) -> FittedModel:
    """What is said of the second fit; the rest is as it was in the first."""
    seconds = round(time.perf_counter() - started, 2)
    fit = model.fit().model_copy(update={"report": plain(report), "fit_seconds": seconds})
    return FittedModel(recommender, fit)
