"""Lists the nodes: one namespace a model (fit, validate, refit), one gathering a family, one choice."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from kedro.pipeline import Pipeline, node, pipeline
from kedro.pipeline.node import Node

from nextact.models.registry import HYBRID, MODELS
from nextact.pipelines.model_training import fitting, nodes, refitting
from nextact.text.blocks import ItemVectors

MEMBER_FAMILIES = [family for family in MODELS if family != HYBRID]
MEMBER_CANDIDATES = [f"{family}_candidates" for family in MEMBER_FAMILIES]

VECTORS = "item_vectors"
DATA = [
    "histories",
    "validation_cuts",
    VECTORS,
    "certificate",
    "params:events.event_types",
    "params:launch",
]
SHARED = {"histories", "validation_cuts", "item_vectors", "certificate", *MEMBER_CANDIDATES}
SHARED_PARAMETERS = {"params:events.event_types", "params:validation", "params:launch"}


def create_pipeline(full: bool = False) -> Pipeline:
    """Every family, the hybrids of their models, then the choice; the slow models only where ``full``."""
    return sum([*(_family(family, full) for family in MODELS), _choice()], Pipeline([]))


def _family(family: str, full: bool) -> Pipeline:
    models = [name for name, entry in MODELS[family].items() if full or entry.by_default]
    make = _hybrid if family == HYBRID else _model
    parts = ("params:{}.{}.options", "{}.{}.candidate", "{}.{}.refitted")
    each = [part.format(family, name) for name in models for part in parts]
    gather = node(
        nodes.gather(family, models),
        ["certificate", "item_vectors", *each],
        f"{family}_candidates",
        name="gather",
        namespace=f"{family}.gather",
    )
    before = [_forecast(models)] if family == "baselines" else []
    return sum((make(family, name) for name in models), pipeline([*before, gather]))


def _forecast(baselines: list[str]) -> Node:
    options = [f"params:baselines.{name}.options" for name in baselines]
    return node(
        nodes.forecast(baselines),
        ["histories", "validation_cuts", "certificate", *options],
        "baselines_forecast",
        name="forecast",
        namespace="baselines.forecast",
    )


def _model(family: str, name: str) -> Pipeline:
    return _steps(family, name, fitting.fit(family, name), [])


def _hybrid(family: str, name: str) -> Pipeline:
    return _steps(family, name, fitting.fit_hybrid(name), MEMBER_CANDIDATES)


def _steps(family: str, name: str, fit: Callable[..., Any], members: list[str]) -> Pipeline:
    entry, data, again = MODELS[family][name], [*DATA, "params:options", *members], refitting.refit(family, name)
    if entry.blocks is None:
        data.remove(VECTORS)
        fit, again = without_vectors(fit), without_vectors(again)
    tags = entry.tags
    steps = pipeline(
        [
            node(fit, data, "model", name="fit", tags=tags),
            node(again, ["model", *data], "refitted", name="refit", tags=tags),
            node(
                nodes.validate,
                [
                    "model",
                    "histories",
                    "validation_cuts",
                    "certificate",
                    "params:events.event_types",
                    "params:validation",
                ],
                "candidate",
                name="validate",
            ),
        ]
    )
    used = SHARED & set(data) | {"histories", "validation_cuts", "certificate"}
    return pipeline(steps, namespace=f"{family}.{name}", inputs=used, parameters=SHARED_PARAMETERS)


def without_vectors(function: Callable[..., Any]) -> Callable[..., Any]:
    """A node of a model that reads no item vectors, so that other vectors leave it as it is."""
    signature = inspect.signature(function)
    place = list(signature.parameters).index(VECTORS)

    @functools.wraps(function)
    def run(*inputs: Any) -> Any:
        return function(*inputs[:place], ItemVectors.of({}), *inputs[place:])

    named = [one for name, one in signature.parameters.items() if name != VECTORS]
    run.__signature__ = signature.replace(parameters=named)  # type: ignore[attr-defined]
    return run


def _choice() -> Pipeline:
    return pipeline(
        [
            node(
                nodes.compare,
                ["certificate", "params:validation", *MEMBER_CANDIDATES, f"{HYBRID}_candidates"],
                "leaderboard",
                name="compare",
                namespace="choice",
            ),
            node(nodes.choose, "leaderboard", "chosen_model", name="promote", namespace="choice"),
        ]
    )
