"""The training loop, device and precision."""
