"""Recommenders: baselines, sequence networks, hybrid; one protocol."""
