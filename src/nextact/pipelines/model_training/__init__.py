"""Models fitted, validated and compared; the best is chosen."""

from nextact.pipelines.model_training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
