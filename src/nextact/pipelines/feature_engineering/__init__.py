"""Item text to vectors."""

from nextact.pipelines.feature_engineering.pipeline import create_pipeline

__all__ = ["create_pipeline"]
