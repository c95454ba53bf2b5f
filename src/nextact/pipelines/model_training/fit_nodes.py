"""The fit nodes, one a model, made from :data:`nextact.models.registry.MODELS`."""

import dataclasses
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nextact.errors import CannotFit, NextactError, NotEnoughMemory
from nextact.models.recommender import FitContext, LaunchOptions, Recommender, Training
from nextact.models.registry import HYBRID, MODELS
from nextact.models.storage import FittedModel, ModelFolder
from nextact.options import plain
from nextact.protocol import Certificate, stable_hash
from nextact.results.models import Candidates, Fit, LeftOut
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, later_steps, make_holdout, training_histories, validation_halves
from nextact.sequences.moments import observed_until
from nextact.text.blocks import ItemVectors

NO_VECTORS = ItemVectors.of({})  # of models that read none: other vectors leave them as they are

logger = logging.getLogger(__name__)


def fit(family: str, name: str) -> Callable[..., FittedModel | LeftOut]:
    """The fit node of one model, hinted with its own options class so that Kedro checks them first.

    The members of a hybrid are the validated models of this run that its options name.
    """
    entry = MODELS[family][name]

    def fit_model(
        histories: Histories,
        cuts: Cuts,
        certificate: Certificate,
        event_types: list[str],
        launch: LaunchOptions,
        options: Any,
        item_vectors: ItemVectors = NO_VECTORS,
        **candidates: Candidates,
    ) -> FittedModel | LeftOut:
        training = training_of(histories, cuts, item_vectors, certificate, event_types, launch)

        def fit_it() -> FittedModel:
            if family != HYBRID:
                return fit_with(family, name, entry.recommender(options), training, item_vectors, certificate)
            members = members_of(name, options.members, candidates.values(), certificate)
            examples = with_later_steps(training, histories, cuts)
            fitted = fit_with(family, name, entry.recommender(options, members), examples, item_vectors, certificate)
            member_seconds = sum(member.fit().fit_seconds for member in members.values())
            told = fitted.fit.model_copy(update={"members_fit_seconds": member_seconds})
            return dataclasses.replace(fitted, fit=told)

        return or_left_out(fit_it, family, name, options, item_vectors, certificate)

    fit_model.__annotations__["options"] = entry.options
    return fit_model


def options_hash(options: Any) -> str:
    """Hash of an options block, by which a candidate of other options is known."""
    return stable_hash(dataclasses.asdict(options))


def hashes_read(family: str, name: str, options: Any, item_vectors: ItemVectors) -> dict[str, str]:
    """Hashes of the blocks that a model reads of those that there are."""
    return {
        block: item_vectors.hashes[block]
        for block in MODELS[family][name].blocks_read(options)
        if block in item_vectors.hashes
    }


def training_of(
    histories: Histories,
    cuts: Cuts,
    item_vectors: ItemVectors,
    certificate: Certificate,
    event_types: list[str],
    launch: LaunchOptions,
) -> Training:
    """What a model may learn from before the choice."""
    protocol, seed = certificate.protocol, certificate.provenance.seed
    fit_half, _ = validation_halves(histories.n_users, seed)
    known = training_histories(histories, cuts)
    return Training(
        known,
        protocol.data.items,
        tuple(event_types),
        item_vectors.blocks,
        make_holdout(histories, cuts, len(event_types), fit_half),
        protocol.exclude_seen,
        FitContext(seed, launch),
        target_event_types=protocol.target_event_types,
        sparse_vectors=item_vectors.sparse,
        observed_until=observed_until(protocol.split, known),
    )


def with_later_steps(training: Training, histories: Histories, cuts: Cuts) -> Training:
    """What a hybrid learns from: with all that the users of its validation did later in the validation window."""
    targets = training.target_event_types or training.event_types
    codes = np.array([code for code, name in enumerate(training.event_types) if name in targets])
    later = later_steps(histories, cuts, len(training.event_types), training.validation.users, codes)
    return dataclasses.replace(training, later_steps=later)


def or_left_out(
    fit_it: Callable[[], FittedModel],
    family: str,
    name: str,
    options: Any,
    item_vectors: ItemVectors,
    certificate: Certificate,
) -> FittedModel | LeftOut:
    """A fitted model; where this data does not allow one, why, so that the run goes on without it.

    Any other error is a fault of the options or of the code, and stops the run.
    """
    try:
        return fit_it()
    except CannotFit as error:
        logger.warning("%s.%s is left out: %s", family, name, error)
        made = _made(family, name, options, item_vectors, certificate)
        return LeftOut(**made, left_out=str(error), lacked_memory=isinstance(error, NotEnoughMemory))


def fit_with(
    family: str,
    name: str,
    recommender: Recommender,
    training: Training,
    item_vectors: ItemVectors,
    certificate: Certificate,
) -> FittedModel:
    """Fit a recommender and say what it was fitted with."""
    options: Any = recommender.options  # type: ignore[attr-defined]
    started = time.perf_counter()
    report = recommender.fit(training)
    seconds = round(time.perf_counter() - started, 2)
    logger.info("%s.%s fitted in %.1f s", family, name, seconds)
    fit = Fit(
        **_made(family, name, options, item_vectors, certificate),
        options=plain(options),
        fit_seconds=seconds,
        report=plain(report),
    )
    return FittedModel(recommender, fit)


def _made(family: str, name: str, options: Any, item_vectors: ItemVectors, certificate: Certificate) -> dict[str, Any]:
    """What names a model and what it is made with."""
    return {
        **certificate.stamp,
        "family": family,
        "name": name,
        "options_hash": options_hash(options),
        "item_vectors": hashes_read(family, name, options, item_vectors),
    }


def members_of(
    hybrid: str,
    wanted: tuple[str, ...],
    candidates: Iterable[Candidates],
    certificate: Certificate,
    refitted: bool = False,
) -> dict[str, ModelFolder]:
    """Folders of the members in the order asked for; one that this run did not validate is named in the log.

    Args:
        hybrid: The name of the hybrid.
        wanted: Members.
        candidates: Of all families.
        certificate: Of this run.
        refitted: Whether the models that serve are wanted instead of those that were validated.

    Raises:
        CannotFit: If fewer than two are there, since others could not be fitted.
        NextactError: If fewer than two were asked for in this run.
    """
    families = list(candidates)
    of_run = {one.name: one for some in families for one in some.models if one.run_id == certificate.run_id}
    not_fitted = {one.name for some in families for one in some.left_out if one.run_id == certificate.run_id}
    left_out = [name for name in wanted if name in not_fitted]
    absent = [name for name in wanted if name not in of_run and name not in not_fitted]
    if absent:
        logger.warning("%s.%s goes without %s: not validated in this run", HYBRID, hybrid, ", ".join(absent))
    if left_out:
        logger.warning("%s.%s goes without %s: left out of this run", HYBRID, hybrid, ", ".join(left_out))
    found = {name: of_run[name] for name in wanted if name in of_run}
    members = {name: ModelFolder(Path(one.served_folder if refitted else one.folder)) for name, one in found.items()}
    if len(members) >= 2:
        return members
    said = f"needs two members, of {', '.join(wanted)} this run validated {', '.join(members) or 'none'}"
    if len(members) + len(left_out) >= 2:
        raise CannotFit(f"it {said} and had to leave out {', '.join(left_out)}")
    raise NextactError(f"{HYBRID}.{hybrid}: {said}; run `kedro run --pipelines model_training`")
