"""A small head on frozen states: fitted, saved, opened."""
