"""The event type of the next step."""
