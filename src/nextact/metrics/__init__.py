"""Metrics of rankings, lists, event types and horizons, intervals and tests; imports no other room."""
