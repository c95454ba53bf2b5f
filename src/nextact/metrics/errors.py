"""The error of this room: place, problem, count and one example."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextact.errors import EXAMPLE, NextactError, shorten


class MetricsError(NextactError):
    """A metric is undefined for what it was given.

    Args:
        place: The argument, for example ``scores``.
        problem: What is wrong, in a few words.
        n_bad: How many are concerned.
        example: One offender.
        unit: What ``n_bad`` counts.

    Example:
        >>> raise MetricsError("scores", "NaN", 2, "row 7", unit="user")
        Traceback (most recent call last):
        nextact.metrics.errors.MetricsError: scores: NaN in 2 user(s), e.g. 'row 7'
    """

    def __init__(self, place: str, problem: str, n_bad: int, example: object, unit: str = "value") -> None:
        self.place, self.problem, self.n_bad, self.example = place, problem, n_bad, example
        super().__init__(f"{place}: {problem} in {n_bad:,} {unit}(s){EXAMPLE}{shorten(example)}")


class UndefinedError(MetricsError):
    """A metric that no number answers for what it was given, though nothing is wrong: the mean over nobody, say."""


def refuse(bad: NDArray[np.bool_], place: str, problem: str, unit: str = "value") -> None:
    """Raise if any entry of ``bad`` is true, with the position of the first as example.

    Example:
        >>> refuse(np.array([False, True]), "scores", "NaN", "user")
        Traceback (most recent call last):
        nextact.metrics.errors.MetricsError: scores: NaN in 1 user(s), e.g. 'user at position 1'
    """
    if bad.any():
        first = ", ".join(str(int(axis[0])) for axis in np.nonzero(bad))
        raise MetricsError(place, problem, int(bad.sum()), f"{unit} at position {first}", unit)
