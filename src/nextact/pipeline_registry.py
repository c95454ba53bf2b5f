"""The pipelines by name."""

from kedro.pipeline import Pipeline

from nextact.pipelines import data_processing


def register_pipelines() -> dict[str, Pipeline]:
    """Every runnable name, written out: a folder search would miss a misspelt one."""
    registered = {"data_processing": data_processing.create_pipeline()}
    return registered | {"__default__": sum(registered.values(), Pipeline([]))}
