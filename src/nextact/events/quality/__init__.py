"""What the events look like, and what to mind before a model is trusted."""
