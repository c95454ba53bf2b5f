"""The test split, opened here alone."""

from nextact.pipelines.model_evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
