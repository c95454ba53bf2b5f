"""A language model that turns item texts into vectors: pooled, cached, tuned."""
