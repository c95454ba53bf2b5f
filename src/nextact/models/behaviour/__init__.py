"""Which behaviour comes next, and by when."""
