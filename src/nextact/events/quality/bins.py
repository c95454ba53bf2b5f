"""Small arithmetic on tables of frequencies: bins, quantiles, and how far two distributions lie apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from math import log, log2

from nextact.results.quality import Bar, Quantiles

Frequencies = Mapping[int, int]  # value -> how many have it

SMALLEST_SHARE = 1e-4  # the stability index divides by shares; an empty class counts as this


def bin_bounds(largest: int) -> list[tuple[int, int]]:
    """Inclusive bounds of the bins 0, 1, 2, 3-5, 6-10, 11-20, 21-50, … that reach ``largest``.

    Example:
        >>> bin_bounds(7)
        [(0, 0), (1, 1), (2, 2), (3, 5), (6, 10)]
    """
    bounds = [(0, 0)]
    uppers = (factor * 10**power for power in count() for factor in (1, 2, 5))
    while bounds[-1][1] < largest:
        bounds.append((bounds[-1][1] + 1, next(uppers)))
    return bounds


def bin_label(low: int, high: int) -> str:
    """How a bin is written.

    Example:
        >>> bin_label(1, 1), bin_label(6, 10)
        ('1', '6-10')
    """
    return str(low) if low == high else f"{low}-{high}"


def histogram(frequencies: Frequencies) -> tuple[Bar, ...]:
    """How many lie in each bin, from the first to the last that is not empty.

    Example:
        >>> [(bar.bin, bar.n) for bar in histogram({1: 4, 4: 1})]
        [('1', 4), ('2', 0), ('3-5', 1)]
    """
    bars = [
        Bar(bin=bin_label(low, high), n=sum(n for value, n in frequencies.items() if low <= value <= high))
        for low, high in bin_bounds(max(frequencies, default=-1))
    ]
    first = next((at for at, bar in enumerate(bars) if bar.n), len(bars))
    return tuple(bars[first:])


def quantile(frequencies: Frequencies, share: float) -> int | None:
    """The smallest value that at least ``share`` of the values do not exceed; None of no values.

    Example:
        >>> quantile({1: 2, 5: 1, 9: 1}, 0.5), quantile({1: 2, 5: 1, 9: 1}, 0.51), quantile({}, 0.5)
        (1, 5, None)
    """
    total, below = sum(frequencies.values()), 0
    for value in sorted(frequencies):
        below += frequencies[value]
        if below >= share * total:
            return value
    return None


def describe(frequencies: Frequencies) -> Quantiles:
    """Number of values, mean and quantiles.

    Example:
        >>> describe({2: 3, 6: 1})
        Quantiles(n=4, mean=3.0, min=2, q25=2, median=2, q75=2, q90=6, q99=6, max=6)
    """
    total = sum(frequencies.values())
    mean = sum(value * n for value, n in frequencies.items()) / total if total else None
    shares = {"min": 0.0, "q25": 0.25, "median": 0.5, "q75": 0.75, "q90": 0.9, "q99": 0.99, "max": 1.0}
    return Quantiles(n=total, mean=mean, **{name: quantile(frequencies, share) for name, share in shares.items()})


def shares_of(counts: Sequence[float]) -> list[float]:
    """Counts divided by their sum; zeros stay zeros.

    Example:
        >>> shares_of([1, 3])
        [0.25, 0.75]
    """
    total = sum(counts)
    return [n / total if total else 0.0 for n in counts]


def jensen_shannon(one: Sequence[float], other: Sequence[float]) -> float:
    """Jensen-Shannon divergence of two distributions over the same classes, in bits.

    The mean divergence of both from their average; empty classes count nothing.

    Args:
        one: Counts or shares.
        other: Counts or shares of the same classes in the same order.

    Returns:
        A value in [0, 1]: 0 for equal distributions, 1 where no class is shared. 0 where either holds nothing.

    Source:
        Lin, IEEE Transactions on Information Theory 37 (1991).

    Example:
        >>> jensen_shannon([1, 1], [2, 2]), jensen_shannon([1, 0], [0, 1])
        (0.0, 1.0)
    """
    p, q = shares_of(one), shares_of(other)
    if not (sum(p) and sum(q)):
        return 0.0
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return min(max((_bits(p, middle) + _bits(q, middle)) / 2, 0.0), 1.0)


def stability_index(one: Sequence[float], other: Sequence[float]) -> float:
    """Population stability index of two distributions over the same classes: ``sum((q - p) ln(q / p))``.

    By custom below 0.1 is stable and above 0.25 is a shift to act on. A share below 0.0001 counts as 0.0001, so that a
    class that one side lacks stays finite.

    Returns:
        At least 0. 0 where either holds nothing.

    Source:
        Siddiqi, Credit Risk Scorecards (2006).

    Example:
        >>> round(stability_index([1, 1], [1, 3]), 4)
        0.2747
    """
    p, q = shares_of(one), shares_of(other)
    if not (sum(p) and sum(q)):
        return 0.0
    p, q = ([max(share, SMALLEST_SHARE) for share in side] for side in (p, q))
    return sum((b - a) * log(b / a) for a, b in zip(p, q, strict=True))


def _bits(p: Sequence[float], middle: Sequence[float]) -> float:
    return sum(a * log2(a / m) for a, m in zip(p, middle, strict=True) if a)
