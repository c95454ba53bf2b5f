"""Numbers as people read them."""

from __future__ import annotations


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
