"""Recommenders that need no network."""
