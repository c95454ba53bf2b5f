"""Times that make sense only in another unit than the stated one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis

from nextact.events.moments import SECOND, iso_moment, microseconds

SENSIBLE = (microseconds("1990-01-01"), microseconds("2100-01-01"))  # no two units put one number between these
YEAR = 365.2425 * 86_400 * SECOND
DATED = 0.99  # share of a table's times that are of our days, in one unit or another
PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
MADE_OF_NUMBERS = (1_000, 1_000_000, 1_000_000_000)  # seconds as ms, as us, as ns; milliseconds as us, as ns; ...


def too_small(time: ibis.Value, unit: str, earliest: int = 0, latest: int = SENSIBLE[1]) -> ibis.Value:
    """Whether a time lies shortly after 1970, but in our days if its number were in a larger unit.

    Seconds read as milliseconds are a log of some minutes in January 1970.

    Args:
        time: int64 microseconds since 1970 UTC.
        unit: How it was read: ``s``, ``ms``, ``us``, ``iso`` or ``native``. The latter two may have been made of
            numbers taken for a smaller unit.
        earliest: Of the times that are accepted, in microseconds. From before 1970 on, 1970 is as good as any year.
        latest: Of the times that are accepted.

    Returns:
        Boolean; null where the time is.
    """
    low, high = max(earliest, SENSIBLE[0]), min(latest, SENSIBLE[1])
    found = ibis.literal(False)
    for factor in _larger_units(unit) if earliest >= 0 and low < high else ():
        found = found | ((time >= -(-low // factor)) & (time < high // factor))
    return found


def sensible(time: ibis.Value) -> ibis.Value:
    """Whether a time in microseconds since 1970 UTC is of our days."""
    return (time >= SENSIBLE[0]) & (time < SENSIBLE[1])


def other_reading(numbers: ibis.Value, unit: str, option: str) -> str | None:
    """What a column of times says as stated, and in the unit in which at least half of it is of our days.

    Args:
        numbers: Float64 numbers since 1970 UTC as the table has them; microseconds where the unit is none of numbers.
        unit: As it is stated.
        option: The option that states it, in messages.

    Returns:
        A clause with the dates of both readings; None where no other unit makes sense.
    """
    as_stated = SECOND / PER_SECOND[unit] if unit in PER_SECOND else 1.0
    others = {f"in {name}": SECOND / per for name, per in PER_SECOND.items() if name != unit}
    if unit not in PER_SECOND:
        others = {f"{factor:,} times as long after 1970": float(factor) for factor in MADE_OF_NUMBERS}
    found = _count(numbers, others)
    reading = max(others, key=lambda one: int(found[f"n {one}"]))
    if 2 * found[f"n {reading}"] < found["n"] or not found[f"n {reading}"]:
        return None
    low, high = found[f"low {reading}"], found[f"high {reading}"]
    dates = " to ".join(_moment(number, as_stated) for number in (low, high))
    instead = " to ".join(_moment(number, others[reading]) for number in (low, high))
    return f"as {unit!r}, as stated, these times run from {dates}; {reading} from {instead}: {_remedy(reading, option)}"


def _larger_units(unit: str) -> list[int]:
    if unit not in PER_SECOND:
        return list(MADE_OF_NUMBERS)
    return [PER_SECOND[unit] // per for per in PER_SECOND.values() if per < PER_SECOND[unit]]


def _count(numbers: ibis.Value, units: Mapping[str, float]) -> dict[str, Any]:
    wanted = {"n": numbers.count()}
    for name, size in units.items():
        found = sensible(numbers * size)
        wanted |= {
            f"n {name}": found.fill_null(False).cast("int64").sum(),
            f"low {name}": numbers.min(where=found),
            f"high {name}": numbers.max(where=found),
        }
    table = numbers.as_table()
    row: dict[str, Any] = table.aggregate(**wanted).to_pyarrow().to_pylist()[0]
    return row


def _moment(number: float, size: float) -> str:
    time = number * size
    year = 1970 + time / YEAR
    return iso_moment(round(time)) if 1 < year < 9999 else f"the year {year:,.0f}"


def _remedy(reading: str, option: str) -> str:
    name = reading.removeprefix("in ")
    if name == "ns":
        return "divide them by 1,000 and state us"
    return f"set {option}: {name}" if name in PER_SECOND else "they were made of numbers taken for a smaller unit"
