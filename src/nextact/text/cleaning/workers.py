"""Processes that share the work on texts, started once for all parts of a catalogue."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import Self, TypeVar

from nextact.processes.children import end_with_parent

Part = TypeVar("Part")
Result = TypeVar("Result")


class Workers:
    """At most so many processes beside this one; with one, the work is done here.

    Example:
        >>> with Workers(1) as workers:
        ...     list(workers.map(len, ["ab", "c"]))
        [2, 1]
    """

    def __init__(self, n: int) -> None:
        self.n = max(n, 1)
        # A forked child would inherit the thread pools of torch in an unknown state.
        self._pool = _pool(self.n) if self.n > 1 else None

    def map(self, function: Callable[[Part], Result], parts: Iterable[Part]) -> Iterator[Result]:
        """The function of each part, in their order."""
        return map(function, parts) if self._pool is None else self._pool.map(function, parts)

    def deal(self, function: Callable[[Sequence[Part]], Sequence[Result]], values: Sequence[Part]) -> list[Result]:
        """The function of all values, which are dealt out in turn, so that each process gets some of every kind."""
        results: list[Result | None] = [None] * len(values)
        parts = [values[first :: self.n] for first in range(self.n)]
        for first, found in enumerate(self.map(function, parts)):
            results[first :: self.n] = found
        return results  # type: ignore[return-value]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _pool(n: int) -> ProcessPoolExecutor:
    # whoever is killed cannot shut a pool down, and its processes would wait for work for ever
    return ProcessPoolExecutor(n, get_context("spawn"), initializer=end_with_parent, initargs=(os.getpid(),))
