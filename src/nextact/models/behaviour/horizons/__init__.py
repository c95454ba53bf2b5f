"""Whether an event of each type comes within so many days of a moment."""
