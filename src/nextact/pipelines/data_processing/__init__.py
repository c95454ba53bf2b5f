"""Raw tables to events, items, vocabulary, histories and the protocol certificate."""

from nextact.pipelines.data_processing.pipeline import create_pipeline

__all__ = ["create_pipeline"]
