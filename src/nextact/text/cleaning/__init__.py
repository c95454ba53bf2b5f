"""From raw item text to clean tokens, in any language that spaCy knows."""
