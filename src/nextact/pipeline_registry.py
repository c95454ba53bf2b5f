"""The pipelines by name."""

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
    """Every runnable name, written out: a folder search would miss a misspelt one."""
    registered = {
        "data_processing": data_processing.create_pipeline(),
        "feature_engineering": feature_engineering.create_pipeline(),
        "model_training": model_training.create_pipeline(),
        "model_evaluation": model_evaluation.create_pipeline(),
        "recommendation": recommendation.create_pipeline(),
    }
    default = sum(registered.values(), Pipeline([]))
    # needs what a deployment logged, so it runs by name only
    return registered | {
        "feedback": feedback.create_pipeline(),
        "model_training_full": model_training.create_pipeline(full=True),  # the slow models too
        "__default__": default,
    }
