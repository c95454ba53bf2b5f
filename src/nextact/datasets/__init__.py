"""Kedro datasets of ours; the only glue besides the pipelines."""
