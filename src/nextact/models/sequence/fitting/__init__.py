"""The training of a network: objective, losses, loop, checkpoints, processes."""
