"""Lists the nodes: one namespace a model, one gathering a family, one choice."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.models.registry import MODELS
from nextact.pipelines.model_training import nodes

SHARED = {"histories", "validation_cuts", "item_vectors_encoder", "certificate"}
SHARED_PARAMETERS = {"params:events.event_types", "params:validation"}


def create_pipeline() -> Pipeline:
    """Every family, then the choice."""
    families = [_family(family, list(models)) for family, models in MODELS.items()]
    choice = pipeline(
        [
            node(
                nodes.compare,
                ["baselines_candidates", "certificate", "params:validation"],
                "leaderboard",
                name="compare",
                namespace="choice",
            ),
            node(nodes.choose, "leaderboard", "chosen_model", name="promote", namespace="choice"),
        ]
    )
    return sum(families, choice)


def _family(family: str, models: list[str]) -> Pipeline:
    each = [part for name in models for part in (f"params:{family}.{name}.options", f"{family}.{name}.candidate")]
    gather = node(
        nodes.gather(family, models),
        ["certificate", *each],
        f"{family}_candidates",
        name="gather",
        namespace=f"{family}.gather",
    )
    return sum((_model(family, name) for name in models), pipeline([gather]))


def _model(family: str, name: str) -> Pipeline:
    types = "params:events.event_types"
    steps = pipeline(
        [
            node(
                nodes.fit(family, name),
                ["histories", "validation_cuts", "item_vectors_encoder", "certificate", types, "params:options"],
                "model",
                name="fit",
            ),
            node(
                nodes.validate,
                ["model", "histories", "validation_cuts", "certificate", types, "params:validation"],
                "candidate",
                name="validate",
            ),
        ]
    )
    return pipeline(steps, namespace=f"{family}.{name}", inputs=SHARED, parameters=SHARED_PARAMETERS)
