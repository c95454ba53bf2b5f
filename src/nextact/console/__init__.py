"""What a run shows on the terminal: a line a step, warnings that ask for action, the rest in a file."""
