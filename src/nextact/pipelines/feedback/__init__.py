"""What shown recommendations led to, where a deployment logs it."""

from nextact.pipelines.feedback.pipeline import create_pipeline

__all__ = ["create_pipeline"]
