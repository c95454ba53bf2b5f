"""The pipelines by name."""

import warnings

from kedro.pipeline import Pipeline

from nextact.pipelines import (
    data_processing,
    feature_engineering,
    feedback,
    model_evaluation,
    model_training,
    recommendation,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Every runnable name, written out: a folder search would miss a misspelt one.

    Each pipeline is a namespace of its own name, one box in Kedro-Viz and one task for a scheduler
    (``pipeline.group_nodes_by("namespace")``); its datasets and parameters keep their names.
    """
    registered = {
        "data_processing": _box("data_processing", data_processing.create_pipeline()),
        "feature_engineering": _box("feature_engineering", feature_engineering.create_pipeline()),
        "model_training": _box("model_training", model_training.create_pipeline()),
        "model_evaluation": _box("model_evaluation", model_evaluation.create_pipeline()),
        "recommendation": _box("recommendation", recommendation.create_pipeline()),
    }
    full = registered | {"model_training": _box("model_training", model_training.create_pipeline(full=True))}
    return registered | {
        # needs what a deployment logged, so it runs by name only
        "feedback": _box("feedback", feedback.create_pipeline()),
        "model_training_full": full["model_training"],  # the slow models too
        "full": sum(full.values(), Pipeline([])),
        "__default__": sum(registered.values(), Pipeline([])),
    }


def _box(name: str, nodes: Pipeline) -> Pipeline:
    with warnings.catch_warnings():  # datasets keep the names of the inner namespaces: those dots are meant
        warnings.filterwarnings("ignore", message="One or more dataset names contain")
        return Pipeline(nodes, namespace=name, prefix_datasets_with_namespace=False)
