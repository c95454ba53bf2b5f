"""Recommenders that read the history as a sequence."""
