"""Erase one user from everything that the line has stored, and say what remains elsewhere."""
