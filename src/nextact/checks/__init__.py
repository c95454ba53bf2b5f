"""What a run is held against: options and inputs before it, stored results when they are read."""
