"""Numbers as people read them."""

from __future__ import annotations

from math import floor, log10


def whole(number: float | None) -> str:
    """A count with its thousands apart; a dash for none.

    Example:
        >>> whole(1273775), whole(None)
        ('1,273,775', '-')
    """
    return "-" if number is None else f"{number:,.0f}"


def decimal(number: float | None, digits: int = 2) -> str:
    """A number with a fixed number of digits, so that a column lines up; a dash for none.

    Example:
        >>> decimal(1 / 3), decimal(1234.5, 1), decimal(None)
        ('0.33', '1,234.5', '-')
    """
    return "-" if number is None else f"{number:,.{digits}f}"


def share(part: float, of_all: float = 1.0) -> str:
    """A share with one digit, so that a column lines up; a dash of nothing.

    Example:
        >>> share(1, 3), share(0.998), share(0, 0)
        ('33.3 %', '99.8 %', '-')
    """
    return f"{100 * part / of_all:.1f} %" if of_all else "-"


def compact(number: float) -> str:
    """A number short enough for an axis.

    Example:
        >>> [compact(number) for number in (0, 0.5, 20, 1500, 20_000, 3_000_000)]
        ['0', '0.5', '20', '1.5k', '20k', '3M']
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"


def ticks(largest: float, n_wanted: int = 5) -> list[float]:
    """Round numbers from 0 to at least ``largest``, about ``n_wanted`` steps of 1, 2 or 5 times a power of ten.

    Example:
        >>> ticks(93), ticks(0.8), ticks(0)
        ([0, 20, 40, 60, 80, 100], [0, 0.2, 0.4, 0.6, 0.8], [0, 1])
    """
    if largest <= 0:
        return [0, 1]
    rough = largest / n_wanted
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    n_steps = -floor(-largest / step + 1e-9)
    found = [round(step * at, 10) for at in range(n_steps + 1)]
    return [int(tick) if tick == int(tick) else tick for tick in found]


def powers(smallest: float, largest: float) -> list[int]:
    """Exponents of ten that enclose both numbers, at least two.

    Example:
        >>> powers(3, 450), powers(1, 1)
        ([0, 1, 2, 3], [0, 1])
    """
    low = floor(log10(smallest))
    high = max(-floor(-log10(largest)), low + 1)
    return list(range(low, high + 1))
