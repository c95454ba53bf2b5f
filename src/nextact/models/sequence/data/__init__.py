"""Histories as batches of windows with targets."""
