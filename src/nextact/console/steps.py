"""How long each step of a run takes, what it holds, and how much is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
from pydantic import Field

from nextact.stored import StoredError, read_json, write_json, written_whole
from nextact.versioned import Frozen, Versioned

FILE = "steps.json"
GIB = 2**30
LOOK_SECONDS, LINE_SECONDS = 0.25, 30.0
SURE_SHARE = 0.5  # of the steps to come whose time must be known before what is left is said


class StepTime(Frozen):
    """What one step took the last time that it ran.

    Attributes:
        seconds: Wall clock of its function, without loading and saving.
        peak_gib: Highest resident memory of the process meanwhile.
    """

    seconds: float
    peak_gib: float


class StepTimes(Versioned):
    """Step -> what it took."""

    steps: dict[str, StepTime] = Field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> StepTimes:
        """Of earlier runs; none where nothing readable is there, since nothing depends on them."""
        try:
            return cls.of_json(read_json(folder / FILE), folder / FILE)
        except StoredError:
            return cls()

    def write(self, folder: Path) -> None:
        """Put them in place of those that stood there."""
        with written_whole(folder / FILE) as beside:
            write_json(beside, self.as_json())


def seconds_left(done: dict[str, float], before: dict[str, StepTime], to_come: Iterable[str]) -> float | None:
    """Seconds until the last step ends, from what the steps took before; None where too few of them are known.

    Args:
        done: Step -> seconds, of this run.
        before: Of earlier runs; scaled by how much longer this run has taken for the same steps.
        to_come: Steps that have not ended.

    Example:
        >>> before = {name: StepTime(seconds=10.0, peak_gib=1.0) for name in "abc"}
        >>> seconds_left({"a": 20.0}, before, ["b", "c"])
        40.0
        >>> seconds_left({"a": 20.0}, {}, ["b"]) is None
        True
    """
    names = list(to_come)
    known = [before[name].seconds for name in names if name in before]
    if len(known) < SURE_SHARE * len(names) or not names:
        return None
    both = [(seconds, before[name].seconds) for name, seconds in done.items() if name in before]
    now, then = sum(seconds for seconds, _ in both), sum(seconds for _, seconds in both)
    return sum(known) * (now / then if then > 1 else 1.0)


def in_words(seconds: float) -> str:
    """A stretch of time for people.

    Example:
        >>> in_words(0.4), in_words(41.2), in_words(150), in_words(4000)
        ('0.4 s', '41 s', '2 min 30 s', '1 h 06 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def roughly(seconds: float) -> str:
    """What is left, no more exact than it is known.

    Example:
        >>> roughly(50), roughly(170)
        ('about 1 min', 'about 3 min')
    """
    return f"about {max(round(seconds / 60), 1)} min"


class Watch:
    """Looks after one step in a thread: its highest memory, and a sign of life every so often.

    Args:
        tell: Called with the seconds so far, every ``LINE_SECONDS``.
    """

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell, self._ended = tell, threading.Event()
        self._started, self._peak = time.perf_counter(), 0
        self._thread = threading.Thread(target=self._look, daemon=True, name="nextact-watch")
        self._thread.start()

    def _look(self) -> None:
        process, told = psutil.Process(), 0
        while True:
            self._peak = max(self._peak, process.memory_info().rss)
            seconds = time.perf_counter() - self._started
            if seconds // LINE_SECONDS > told:
                told = int(seconds // LINE_SECONDS)
                self._tell(seconds)
            if self._ended.wait(LOOK_SECONDS):
                return

    def end(self) -> StepTime:
        """Stop looking."""
        seconds = time.perf_counter() - self._started
        self._ended.set()
        self._thread.join()
        return StepTime(seconds=round(seconds, 3), peak_gib=round(self._peak / GIB, 3))
