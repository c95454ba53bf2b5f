"""Lists the nodes: one namespace a model (fit, validate, refit), one gathering a family, one choice."""

from collections.abc import Collection

from kedro.pipeline import Pipeline, node, pipeline

from nextact.models.registry import HYBRID, MODELS
from nextact.pipelines.model_training import fit_nodes, nodes, refit_nodes

MEMBER_FAMILIES = [family for family in MODELS if family != HYBRID]
MEMBER_CANDIDATES = {family: f"{family}_candidates" for family in MEMBER_FAMILIES}

DATA = {
    "histories": "histories",
    "cuts": "validation_cuts",
    "certificate": "certificate",
    "event_types": "params:events.event_types",
}
FITTING = DATA | {"launch": "params:launch", "options": "params:options"}
VECTORS = {"item_vectors": "item_vectors"}
SHARED_PARAMETERS = {"params:events.event_types", "params:validation", "params:launch"}


def create_pipeline(full: bool = False, only: Collection[str] | None = None) -> Pipeline:
    """Every family, the hybrids of their models, then the choice.

    Args:
        full: The slow models, too.
        only: Names of the models, in place of all.
    """
    if only is None:
        only = [name for models in MODELS.values() for name, entry in models.items() if full or entry.by_default]
    return sum([*(_family(family, only) for family in MODELS), _choice()], Pipeline([]))


def _family(family: str, only: Collection[str]) -> Pipeline:
    models = [name for name in MODELS[family] if name in only]
    each = {}
    for name in models:
        each[f"{name}_options"] = f"params:{family}.{name}.options"
        each |= {f"{name}_{part}": f"{family}.{name}.{part}" for part in ("candidate", "refitted")}
    gather = node(
        nodes.gather(family, models),
        {"certificate": "certificate", **VECTORS, **each},
        f"{family}_candidates",
        name="gather",
        namespace=f"{family}.gather",
    )
    return sum((_steps(family, name) for name in models), pipeline([gather]))


def _steps(family: str, name: str) -> Pipeline:
    entry = MODELS[family][name]
    members = MEMBER_CANDIDATES if family == HYBRID else {}
    inputs = FITTING | ({} if entry.blocks is None else VECTORS) | members
    steps = pipeline(
        [
            node(fit_nodes.fit(family, name), inputs, "model", name="fit", tags=entry.tags),
            node(
                refit_nodes.refit(family, name), {"model": "model", **inputs}, "refitted", name="refit", tags=entry.tags
            ),
            node(
                nodes.validate,
                {"model": "model", **DATA, "options": "params:validation"},
                "candidate",
                name="validate",
            ),
        ]
    )
    shared = {name for name in inputs.values() if not name.startswith("params:")}
    return pipeline(steps, namespace=f"{family}.{name}", inputs=shared, parameters=SHARED_PARAMETERS)


def _choice() -> Pipeline:
    return pipeline(
        [
            node(
                nodes.compare,
                {
                    "certificate": "certificate",
                    "options": "params:validation",
                    **MEMBER_CANDIDATES,
                    HYBRID: f"{HYBRID}_candidates",
                },
                "leaderboard",
                name="compare",
                namespace="choice",
            ),
            node(nodes.choose, "leaderboard", "chosen_model", name="promote", namespace="choice"),
        ]
    )
