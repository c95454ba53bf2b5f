"""Work on several cores in one process: what numpy, scipy and torch do lets go of Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

P = TypeVar("P")
T = TypeVar("T")


def in_threads(work: Callable[[P], T], places: Sequence[P]) -> list[T]:
    """What ``work`` gives for each place, in order; as many threads as BLAS may use, and none for one place."""
    if len(places) < 2:
        return list(map(work, places))
    stated = os.environ.get("OMP_NUM_THREADS", "")
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ThreadPoolExecutor(int(stated) if stated.isdigit() and int(stated) else allowed) as threads:
        return list(threads.map(work, places))
