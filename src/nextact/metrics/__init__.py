"""Ranking, behaviour and catalogue metrics, intervals and tests; imports no other room."""
