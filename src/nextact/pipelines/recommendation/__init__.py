"""Ranked items for every user, with a reason each."""

from nextact.pipelines.recommendation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
