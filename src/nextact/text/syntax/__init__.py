"""Syntactic features of item texts."""
