"""Local clock times to UTC, from Python's own time zone tables, so that every engine answers alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import ibis

from nextact.errors import suggest
from nextact.events.moments import DAY, EPOCH, MICROSECOND

SPAN = 365 * DAY
NEVER = (2**62, 0)
FIRST_YEAR, LAST_YEAR = 1970, 2050  # the first offset holds before, the last one after


def require_timezone(name: str) -> None:
    """Raise unless the name is in the IANA list.

    Example:
        >>> require_timezone("Europe/Berln")
        Traceback (most recent call last):
        ValueError: timezone: no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"timezone: no time zone {name!r}; {suggest(name, available_timezones())}") from error


def to_utc(local: ibis.Value, timezone: str) -> ibis.Value:
    """Microseconds since 1970 UTC of a clock time, given as if its clock showed UTC.

    A time that the clock shows twice (autumn) is the first of the two; one that it skips (spring) is read with the
    offset before the jump. This is Python's ``fold=0``.

    Args:
        local: int64 microseconds that the local clock shows.
        timezone: IANA name.
    """
    first, at_start, rounds = _by_span(timezone)
    since = local.clip(first, first + len(at_start) * SPAN - 1) - first
    span = ((since - since % SPAN) / SPAN).cast("int32")  # what Spark takes as a place in an array
    offset = _look_up(at_start, span)
    for starts, offsets in rounds:
        offset = (local >= _look_up(starts, span)).ifelse(_look_up(offsets, span), offset)
    return local - offset


def _look_up(values: tuple[int, ...], place: ibis.Value) -> ibis.Value:
    return ibis.literal(list(values), type="array<int64>")[place]


@cache
def _by_span(timezone: str) -> tuple[int, tuple[int, ...], list[tuple[tuple[int, ...], tuple[int, ...]]]]:
    """The offsets as tables over spans of a year, which a query looks up faster than it tries hundreds of changes.

    Returns:
        ``(first moment, offset at the start of each span, rounds)``; round k holds the start and the offset of the kth
        change within each span, a start that is never reached where there are fewer.
    """
    changes = offset_changes(timezone)
    first = changes[0][0]
    n_spans = (changes[-1][0] - first) // SPAN + 2
    within: list[list[tuple[int, int]]] = [[] for _ in range(n_spans)]
    for start, offset in changes:
        within[(start - first) // SPAN].append((start, offset))
    at_start, offset = [], changes[0][1]
    for found in within:
        at_start.append(offset)
        offset = found[-1][1] if found else offset
    padded = [found + [NEVER] * (max(map(len, within)) - len(found)) for found in within]
    rounds = [tuple(zip(*one, strict=True)) for one in zip(*padded, strict=True)]
    return first, tuple(at_start), [(starts, offsets) for starts, offsets in rounds]


@cache
def offset_changes(timezone: str) -> tuple[tuple[int, int], ...]:
    """The offsets of a zone: ``(local microseconds from which it holds, offset in microseconds)``, oldest first.

    Example:
        >>> offset_changes("UTC")
        ((0, 0),)
        >>> [offset // 3_600_000_000 for _, offset in offset_changes("Europe/London")[-3:]]
        [0, 1, 0]
    """
    zone = ZoneInfo(timezone)
    moment, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    offset = _offset(zone, moment)
    changes = [(_microseconds(moment) + offset, offset)]
    while moment < end:
        next_day = moment + timedelta(days=1)
        if _offset(zone, next_day) != offset:
            start = _first_moment(zone, moment, next_day)
            new = _offset(zone, start)
            changes.append((_microseconds(start) + max(offset, new), new))
            offset = new
            if _offset(zone, next_day) != offset:  # two changes within a day
                next_day = start
        moment = next_day
    return tuple(changes)


def _first_moment(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second at which the offset of ``before`` ends, by bisection."""
    old = _offset(zone, before)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (middle, after) if _offset(zone, middle) == old else (before, middle)
    return after


def _offset(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return offset // MICROSECOND


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND
