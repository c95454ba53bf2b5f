"""From scores to rankings and reasons: one path for evaluation and serving."""
