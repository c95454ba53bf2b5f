"""Where tensors are computed, and randomness that leaves the caller's alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState


def make_accelerator(precision: str) -> Accelerator:
    """An accelerator of its own precision on the fastest device there is; the CPU where there is no other."""
    # accelerate keeps the first precision of a process for good, yet each fit states its own.
    AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(mixed_precision=precision)


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """What such an accelerator computes a forward pass in, without one; "no" is everything in full."""
    dtype = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    return torch.autocast(device.type, dtype, enabled=dtype is not None)


def best_device() -> torch.device:
    """CUDA, then MPS, then the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's random numbers from a seed inside the block, and as if nothing had happened after it."""
    with torch.random.fork_rng(devices=list(range(torch.cuda.device_count()))):
        torch.manual_seed(seed)
        yield


_ALL_THREADS: ContextVar[int | None] = ContextVar("all_threads", default=None)


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """Compute on the CPU in one thread inside the block: on small arrays threads wait longer than they work.

    Args:
        wanted: False leaves the block as it is.
    """
    if not wanted:
        yield
        return
    n_threads = torch.get_num_threads()
    token = _ALL_THREADS.set(n_threads)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
        _ALL_THREADS.reset(token)


@contextmanager
def all_threads() -> Iterator[None]:
    """Inside :func:`one_thread`, give a large product its threads back."""
    n_threads = _ALL_THREADS.get()
    if n_threads is not None:
        torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        if n_threads is not None:
            torch.set_num_threads(1)
