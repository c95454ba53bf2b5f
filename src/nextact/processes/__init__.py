"""Processes: how they end, what ends with them, and what they hold while they live."""
