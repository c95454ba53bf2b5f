"""The line from raw tables to a package, run in memory: the nodes of the pipelines, one after another."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from nextact.datasets.models import ModelFolderDataset
from nextact.errors import NextactError, suggest
from nextact.models.registry import HYBRID, MODELS
from nextact.pipelines import data_processing, feature_engineering, model_training, recommendation
from nextact.results.models import ChosenModel, Leaderboard

logger = logging.getLogger(__name__)

MADE = ("packaged_model", "leaderboard", "chosen_model", "users", "histories", "event_counts")
ON_DISK = (".model", ".refitted")  # datasets that are folders of models
BASELINES = "baselines"


def wanted_models(model: str | Collection[str] | None) -> list[str]:
    """Names of models, those of a family where it is named; the baselines of ``kedro run``, if nothing is said.

    Raises:
        NextactError: If there is no such model, with the close match.

    Example:
        >>> wanted_models("hybrid"), wanted_models(["ease", "baselines.slim"])
        (['blend', 'stacked'], ['ease', 'slim'])
    """
    asked = [BASELINES] if model is None else [model] if isinstance(model, str) else list(model)
    known = {name: family for family, models in MODELS.items() for name in models}
    found: list[str] = []
    for one in asked:
        name = str(one).rpartition(".")[2]
        if one in MODELS:
            found += [name for name, entry in MODELS[one].items() if entry.by_default]
        elif name in known and one in (name, f"{known[name]}.{name}"):
            found.append(name)
        else:
            raise NextactError(f"model: no model {one!r}; {suggest(str(one), [*known, *MODELS])}")
    return list(dict.fromkeys(found))


def with_members(models: Collection[str], parameters: Mapping[str, Any]) -> list[str]:
    """The models and, of hybrids among them, the members that ``kedro run`` fits."""
    found = list(models)
    for name in models:
        if name in MODELS[HYBRID]:
            stated = parameters.get(HYBRID, {}).get(name, {}).get("options", {})
            members = MODELS[HYBRID][name].options(**stated).members
            found += [
                one
                for family in MODELS.values()
                for one, entry in family.items()
                if one in members and entry.by_default
            ]
    return list(dict.fromkeys(found))


def line_of(models: Collection[str], chosen: str | None) -> Pipeline:
    """The nodes that a package of these models needs.

    Args:
        models: Names.
        chosen: The model that is to serve; None lets validation choose.
    """
    training = model_training.create_pipeline(only=models)
    if chosen is not None:  # it is known who serves
        training = training - training.only_nodes_with_outputs("chosen_model")
    whole = data_processing.create_pipeline() + feature_engineering.create_pipeline() + training
    whole += recommendation.create_pipeline()
    return whole.to_outputs(*(name for name in MADE if name in whole.all_outputs()))


def run_line(pipeline: Pipeline, inputs: Mapping[str, Any], folder: Path, chosen: str | None) -> dict[str, Any]:
    """Run the nodes in order.

    Args:
        pipeline: Of :func:`line_of`.
        inputs: Dataset -> value of what no node makes.
        folder: Where models are written.
        chosen: As in :func:`line_of`.

    Returns:
        Dataset -> value, of all that :data:`MADE` names.
    """
    known = dict(inputs)
    waiting = list(pipeline.nodes)
    with _errors_told_once():
        while waiting:
            if "leaderboard" in known and chosen is not None and "chosen_model" not in known:
                known["chosen_model"] = asked_for(known["leaderboard"], chosen)
            node = next(one for one in waiting if known.keys() >= set(one.inputs))
            waiting.remove(node)
            logger.info("%s", node.name)
            for name, value in node.run({name: known[name] for name in node.inputs}).items():
                known[name] = _kept(name, value, folder)
    return {name: known[name] for name in MADE}


@contextmanager
def _errors_told_once() -> Iterator[None]:
    """Kedro's nodes log an error before they raise it; whoever calls from Python is told by the error alone."""
    told = logging.getLogger(Node.__module__)
    before, told.disabled = told.disabled, True
    try:
        yield
    finally:
        told.disabled = before


def asked_for(leaderboard: Leaderboard, name: str) -> ChosenModel:
    """The model that was asked for, as the one that serves.

    Raises:
        NextactError: If it could not be fitted, with the reason.
    """
    for one in leaderboard.models:
        if one.name == name:
            return ChosenModel(**dict(one.handle), reason="it was asked for by name")
    why = next((one.left_out for one in leaderboard.left_out if one.name == name), "it was not validated")
    raise NextactError(f"model: {name} could not be fitted: {why}")


def _kept(name: str, value: Any, folder: Path) -> Any:
    """A value as its dataset hands it on: fitted models lie in folders of their own."""
    if not name.endswith(ON_DISK):
        return value
    dataset = ModelFolderDataset(filepath=str(folder / name))
    dataset.save(value)
    return dataset.load()
