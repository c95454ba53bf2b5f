"""What shown recommendations led to."""
