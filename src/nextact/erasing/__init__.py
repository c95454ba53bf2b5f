"""Erase one user from everything that the line has stored, and say what is left to do elsewhere."""
