"""Clock times written as text: ISO, and forms of one's own (``timestamp_format``), read alike by every engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cache
from typing import NamedTuple

import ibis

from nextact.errors import suggest
from nextact.events.moments import MINUTE
from nextact.events.timezones import to_utc

EPOCH = "1970-01-01 00:00:00"
HOUR, SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"  # engines do not agree on 24:00 and on leap seconds: no such times
OFFSET_HOUR = r"(?:0\d|1[0-5])"  # no clock was ever further from UTC
ZONE = rf"Z|z|([+-])({OFFSET_HOUR})(?::?({SIXTY}))?"
ISO = (  # groups: 1 date and time, 2 zone, 3 sign, 4 hours, 5 minutes
    rf"^(\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]{HOUR}:{SIXTY}(?::{SIXTY}(?:\.\d{{1,9}})?)?)?)({ZONE})?$"
)
ISO_FORMAT = "iso"  # among formats: what timestamp_unit iso reads

MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
LONG_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
DAYS = "(?i:mon|tue|wed|thu|fri|sat|sun)"
LONG_DAYS = "(?i:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
SHORTHAND = {"%T": "%H:%M:%S", "%R": "%H:%M", "%F": "%Y-%m-%d", "%D": "%m/%d/%y"}
PARTS = {  # what strptime calls a part -> its pattern; a number of up to two digits has two where another one follows
    "%Y": r"(\d{4})",
    "%y": r"(\d{2})",
    "%m": r"(0?[1-9]|1[0-2])",
    "%d": r"(0?[1-9]|[12]\d|3[01])",
    "%H": r"([01]?\d|2[0-3])",
    "%I": r"(0?[1-9]|1[0-2])",
    "%M": r"([0-5]?\d)",
    "%S": r"([0-5]?\d)",
    "%f": r"(\d{1,9})",
    "%p": r"((?i:am|pm))",
    "%b": rf"((?i:{MONTHS}))",
    "%B": rf"((?i:{LONG_MONTHS}))",
    "%z": rf"(Z|z|[+-]{OFFSET_HOUR}(?::?{SIXTY})?)",
    "%a": DAYS,
    "%A": LONG_DAYS,
    "%%": "%",
}
TWO_DIGITS = {
    "%m": r"(0[1-9]|1[0-2])",
    "%d": r"(0[1-9]|[12]\d|3[01])",
    "%H": r"([01]\d|2[0-3])",
    "%I": r"(0[1-9]|1[0-2])",
    "%M": r"([0-5]\d)",
    "%S": r"([0-5]\d)",
}
NUMBERS = {"%Y", "%y", "%f", *TWO_DIGITS}
ONE_OF: tuple[tuple[str, ...], ...] = (
    ("%Y", "%y"),
    ("%m", "%b", "%B"),
    ("%H", "%I"),
)  # of each, one
HOUR_LONG = 60 * MINUTE  # microseconds
CENTURY_FROM = 69  # as strptime: 69 is 1969, 68 is 2068


class ClockFormat(NamedTuple):
    """A format as a pattern, with the place of each part among its groups."""

    pattern: str
    groups: dict[str, int]


@cache
def clock_format(text: str) -> ClockFormat:
    """The pattern of a format as ``strptime`` writes them.

    Raises:
        ValueError: If it holds what cannot be read, says a thing twice, or names no day.

    Example:
        >>> clock_format("%d.%m.%Y").groups
        {'%d': 1, '%m': 2, '%Y': 3}
        >>> clock_format("%d.%m")
        Traceback (most recent call last):
        ValueError: timestamp_format '%d.%m' names no year (%Y or %y)
    """
    for short, long in SHORTHAND.items():
        text = text.replace(short, long)
    pieces = re.findall(r"%.?|[^%]+", text, re.S)
    pattern, groups = "", dict[str, int]()
    for at, piece in enumerate(pieces):
        if not piece.startswith("%"):
            pattern += re.sub(r"([^\w\s])", r"\\\1", piece)
            continue
        if piece not in PARTS:
            raise ValueError(f"timestamp_format {text!r}: nothing reads {piece!r}; {suggest(piece, PARTS)}")
        if piece in groups:
            raise ValueError(f"timestamp_format {text!r} has {piece!r} twice")
        crowded = any(near in NUMBERS for near in (*pieces[max(at - 1, 0) : at], *pieces[at + 1 : at + 2]))
        part = TWO_DIGITS.get(piece, PARTS[piece]) if crowded else PARTS[piece]
        if re.compile(part).groups:
            groups[piece] = len(groups) + 1
        pattern += part
    _require_a_day(text, groups)
    return ClockFormat(f"^{pattern}$", groups)


def _require_a_day(text: str, groups: dict[str, int]) -> None:
    for names in ONE_OF:
        if len(found := [name for name in names if name in groups]) > 1:
            raise ValueError(f"timestamp_format {text!r} has {' and '.join(found)}, which say the same")
    for what, names in zip(("year", "month", "day"), (*ONE_OF[:2], ("%d",)), strict=True):
        if not any(name in groups for name in names):
            raise ValueError(f"timestamp_format {text!r} names no {what} ({' or '.join(names)})")
    if ("%I" in groups) != ("%p" in groups):
        raise ValueError(f"timestamp_format {text!r}: %I (1 to 12) and %p (AM or PM) go together")


def require_formats(formats: Sequence[str]) -> None:
    """Raise a ``ValueError`` unless every format can be read."""
    if not formats:
        raise ValueError("timestamp_format must name a format; null where timestamp_unit says how times are written")
    for one in formats:
        if one != ISO_FORMAT:
            clock_format(one)


def from_text(text: ibis.Value, formats: Iterable[str], timezone: str) -> ibis.Value:
    """Microseconds since 1970 UTC by the first format that fits, null where none does.

    Args:
        text: Clock times.
        formats: In the order in which they are tried; ``iso`` among them is ISO.
        timezone: IANA zone of times that name no offset themselves.
    """
    read = [from_iso(text, timezone) if one == ISO_FORMAT else _from_format(text, one, timezone) for one in formats]
    return ibis.coalesce(*read) if len(read) > 1 else read[0]


def from_iso(text: ibis.Value, timezone: str) -> ibis.Value:
    """The offset is worked out by hand: DuckDB 1.5 lets a zone named in one row leak into the next rows."""
    well_formed = text.re_search(ISO).ifelse(text, ibis.null("string"))
    clock = since_epoch(well_formed.re_extract(ISO, 1).try_cast("timestamp"))
    return _in_zone(clock, lambda group: well_formed.re_extract(ISO, 1 + group), timezone)


def _from_format(text: ibis.Value, form: str, timezone: str) -> ibis.Value:
    """Without a match every part is empty, and what is put together of them is no time."""
    pattern, groups = clock_format(form)
    parts = {part: text.re_extract(pattern, group) for part, group in groups.items()}
    hour = parts.get("%H", parts.get("%I", "00"))
    day = [_year(parts), "-", _month(parts), "-", parts["%d"]]
    clock = [" ", hour, ":", parts.get("%M", "00"), ":", parts.get("%S", "00"), ".", parts.get("%f", "0")]
    moments = since_epoch(_joined([*day, *clock]).try_cast("timestamp"))
    if "%p" in parts:
        moments = moments + _half_day(parts) * 12 * HOUR_LONG
    if "%z" not in parts:
        return localised(moments, timezone)
    zone = parts["%z"]  # its own groups would be more than the nine that DuckDB counts
    return _in_zone(moments, lambda group: zone.re_extract(f"^({ZONE})$", group), timezone)


def _joined(pieces: list[ibis.Value | str]) -> ibis.Value:
    return ibis.literal("").join(pieces)


def _year(parts: dict[str, ibis.Value]) -> ibis.Value:
    if "%Y" in parts:
        return parts["%Y"]
    return (parts["%y"] >= f"{CENTURY_FROM:02}").ifelse("19", "20") + parts["%y"]


def _month(parts: dict[str, ibis.Value]) -> ibis.Value:
    if "%m" in parts:
        return parts["%m"]
    name = parts["%b" if "%b" in parts else "%B"].lower().substr(0, 3)
    return (ibis.literal(MONTHS).find(name) // (len("jan|")) + 1).cast("string")


def _half_day(parts: dict[str, ibis.Value]) -> ibis.Value:
    """1 for hours after noon, -1 for the one after midnight, which is called 12."""
    afternoon = (parts["%p"].lower() == "pm").ifelse(1, 0)
    return afternoon - (parts["%I"] == "12").ifelse(1, 0)


def _in_zone(clock: ibis.Value, group: Callable[[int], ibis.Value], timezone: str) -> ibis.Value:
    """UTC of a clock time with the groups of its zone: 1 all of it, 2 sign, 3 hours, 4 minutes."""
    minutes = _digits(group(3)) * 60 + _digits(group(4))
    sign = (group(2) == "-").ifelse(-1, 1)
    return (group(1) == "").ifelse(localised(clock, timezone), clock - sign * minutes * MINUTE)


def _digits(text: ibis.Value) -> ibis.Value:
    return text.nullif("").try_cast("int64").fill_null(0)


def since_epoch(moments: ibis.Value) -> ibis.Value:
    """Microseconds since 1970 of times without a zone."""
    return moments.delta(ibis.timestamp(EPOCH), unit="microsecond")


def localised(clock: ibis.Value, timezone: str) -> ibis.Value:
    """UTC of what a local clock shows, both in microseconds."""
    return clock if timezone == "UTC" else to_utc(clock, timezone)


DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d")
SHORT_DATES = ("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%y")
WRITTEN_DATES = ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S")
CROWDED = ("%Y%m%d", "%y%m%d", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d %H:%M:%S", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%S%z")
OF_LOGS = ("%d/%b/%Y:%H:%M:%S %z", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S %z", "%Y-%m-%d %H:%M:%S %z")
KNOWN_FORMATS = (
    ISO_FORMAT,
    *(f"{day}{clock}" for day in (*DATES, *SHORT_DATES, *WRITTEN_DATES) for clock in CLOCKS),
    *(f"{day}T%H:%M:%S" for day in ("%Y/%m/%d", "%d.%m.%Y")),
    *CROWDED,
    *OF_LOGS,
)


def formats_of(texts: Iterable[str]) -> dict[str, int]:
    """Those of the known formats that fit any of the texts, with how many each fits; most first.

    Example:
        >>> formats_of(["31.01.2024 9:05", "01.02.2024 10:00"])
        {'%d.%m.%Y %H:%M': 2}
    """
    wanted = [text.strip() for text in texts]
    found = {one: sum(fits(text, one) for text in wanted) for one in KNOWN_FORMATS}
    return dict(sorted(((one, n) for one, n in found.items() if n), key=lambda item: -item[1]))


def fits(text: str, form: str) -> bool:
    """Whether a format reads a text."""
    if form == ISO_FORMAT:
        return re.match(ISO, text) is not None and _is_day(*map(int, text[:10].split("-")))
    pattern, groups = clock_format(form)
    if (found := re.match(pattern, text)) is None:
        return False
    year = int(found[groups["%Y"]]) if "%Y" in groups else 2000 + int(found[groups["%y"]])
    if "%m" in groups:
        month = int(found[groups["%m"]])
    else:
        name = found[groups["%b" if "%b" in groups else "%B"]].lower()[:3]
        month = MONTHS.split("|").index(name) + 1
    return _is_day(year, month, int(found[groups["%d"]]))


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
