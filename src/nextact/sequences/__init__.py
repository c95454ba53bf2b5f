"""Vocabulary, histories and batches: from tables to arrays."""
