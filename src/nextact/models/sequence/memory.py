"""How much memory the tensors of a piece of work take at most."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_bytes(work: Callable[[], Any], device: torch.device) -> int:
    """Most bytes that tensors made by ``work`` hold at one time; what it leaves behind counts, what was there does not.

    On a GPU its allocator says so. On a CPU every operation is watched, the backward pass too; what an operation takes
    for itself while it runs is not seen.

    Example:
        >>> cpu = torch.device("cpu")
        >>> peak_bytes(lambda: torch.ones(100).mul(2).sum(), cpu)  # two of 400 bytes, then one and the sum
        800
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        peak: int = torch.cuda.max_memory_allocated(device) - before
        return peak
    with _Watch() as watch:
        work()
    highest: int = watch.peak
    return highest


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storages that come into being, and takes off those that go."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        inputs = {self._key(one) for one in tree_leaves((args, kwargs or {})) if isinstance(one, Tensor)}
        result = func(*args, **(kwargs or {}))
        for one in tree_leaves(result):
            if isinstance(one, Tensor) and self._key(one) not in inputs:
                self._note(one.untyped_storage())
        return result

    @staticmethod
    def _key(tensor: Tensor) -> int:
        key: int = tensor.untyped_storage()._cdata
        return key

    def _note(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self.known:
            return
        self.known.add(key)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.live -= size
