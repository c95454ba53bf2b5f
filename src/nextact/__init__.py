"""Predict what each user will do next from an event log and item text, and recommend from it."""

__version__ = "0.1.0"
