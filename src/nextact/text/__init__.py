"""Item text to clean tokens and vectors, in any language spaCy knows."""
