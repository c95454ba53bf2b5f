"""Cells of a raw table as the contract's types: each reader gives the value, and what is wrong with it."""

from __future__ import annotations

import sys
from typing import NamedTuple

import ibis

from nextact.errors import NextactError
from nextact.events import reasons
from nextact.events.moments import SECOND
from nextact.events.timezones import to_utc

EXACT_BELOW = 2**53  # from here on a float64 stands for its neighbours too, and so do numbers cast to it
EXACT_BELOW_FLOAT32 = 2**24
LARGEST_FLOAT = sys.float_info.max  # Ibis's own isinf finds nothing on Spark
LARGEST_TIME = 2**62  # microseconds; far beyond any date, and the arithmetic around it stays in 64 bits
UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}
EPOCH = "1970-01-01 00:00:00"
HOUR, SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"  # engines do not agree on 24:00 and on leap seconds: no such times
OFFSET_HOUR = r"(?:0\d|1[0-5])"  # no clock was ever further from UTC
ISO = (  # groups: 1 date and time, 2 zone, 3 sign, 4 hours, 5 minutes
    rf"^(\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]{HOUR}:{SIXTY}(?::{SIXTY}(?:\.\d{{1,9}})?)?)?)"
    rf"(Z|z|([+-])({OFFSET_HOUR})(?::?({SIXTY}))?)?$"
)


class Cells(NamedTuple):
    """A column read: ``values`` is null where a cell cannot be read, ``problems`` is text where it is wrong."""

    values: ibis.Value
    problems: ibis.Value


def read_id(column: ibis.Value, name: str, place: str) -> Cells:
    """An id as text that keeps its characters: leading zeros, blanks, case.

    Numbers have no characters of their own: whole ones are written without fraction, since pandas turns integers with
    gaps into floats (``12.0`` is the id ``12``). Fractions, and floats too large to be exact (from 2^24 on for 32 bits,
    from 2^53 on for 64), are no ids.

    Args:
        column: A column of text or numbers.
        name: Name of the contract's column, for problems.
        place: Table and column in messages.

    Raises:
        NextactError: If the column holds anything else (bytes, times, lists).
    """
    kind = column.type()
    if kind.is_string():
        return Cells(column, _missing(column.isnull() | is_blank(column), name))
    if kind.is_integer() or kind.is_uuid():
        return Cells(column.cast("string"), _missing(column.isnull(), name))
    if kind.is_floating():
        number = column.cast("float64").nullif(float("nan"))
        exact = is_exact(number, exact_below(kind))
        whole = is_whole(number)
        digits = whole.ifelse(number, ibis.null("float64")).try_cast("int64").cast("string")
        text = digits.coalesce(number.cast("string"))  # a rejected row shows what the table said
    elif kind.is_decimal():
        number, exact = column, ibis.literal(True)
        digits = column.cast("string").re_replace(r"\.0*$", "")
        digits = (digits == "").ifelse("0", digits)  # engines write a zero of two places as "0.00" or ".00"
        whole = ~digits.contains(".")
        text = digits
    else:
        raise NextactError(f"{place}: holds {kind}, not text or whole numbers")
    problems = ibis.cases(
        (number.isnull(), reasons.MISSING.format(name)),
        (~exact, reasons.INEXACT.format(name)),
        (~whole, reasons.NOT_WHOLE.format(name)),
        else_=ibis.null("string"),
    )
    return Cells(text, problems)


def is_blank(text: ibis.Value) -> ibis.Value:
    """Whether text is empty or white space. Such text sorts before "!", so that few cells need to be stripped."""
    return (text < "!") & (text.strip() == "")


def is_whole(number: ibis.Value) -> ibis.Value:
    """Whether a float64 is a whole number that is exact; False for NaN, null and what is endless."""
    exact = (number.abs() < EXACT_BELOW).ifelse(number, ibis.null("float64"))  # the floor of more overflows
    return (exact == exact.floor()).fill_null(False)


def is_exact(number: ibis.Value, below: int = EXACT_BELOW) -> ibis.Value:
    """Whether a float64 is too small to stand for several whole numbers; True for null and what is endless, too."""
    return ((number.abs() < below) | (number.abs() > LARGEST_FLOAT)).fill_null(True)


def exact_below(kind: ibis.expr.datatypes.DataType) -> int:
    """From which whole number on a column of this type stands for several, once it is float64."""
    return EXACT_BELOW_FLOAT32 if kind.is_float32() else EXACT_BELOW


def read_number(column: ibis.Value, place: str) -> Cells:
    """A number as float64, null where the cell is empty; problems where it is no number, or NaN or endless.

    Raises:
        NextactError: If the column is neither numbers nor text.
    """
    kind = column.type()
    if kind.is_string():
        given = column.strip() != ""
        number = column.try_cast("float64")
    elif kind.is_numeric() or kind.is_boolean():
        given = column.notnull()
        number = column.cast("float64")
    else:
        raise NextactError(f"{place}: holds {kind}, not numbers")
    endless = (number.isnan() | (number.abs() > LARGEST_FLOAT)).fill_null(False)  # first: on Spark NaN is null to Ibis
    problems = ibis.cases(
        (endless, reasons.ENDLESS_VALUE),
        ((given & number.isnull()).fill_null(False), reasons.UNREADABLE_VALUE),
        else_=ibis.null("string"),
    )
    return Cells(endless.ifelse(ibis.null("float64"), number), problems)


def read_time(column: ibis.Value, unit: str, timezone: str, place: str) -> Cells:
    """Microseconds since 1970 UTC as int64.

    Args:
        column: Numbers, text or times.
        unit: ``s``, ``ms``, ``us``, ``iso`` or ``native``.
        timezone: IANA zone of clock times that do not name their own offset.
        place: Table and column in messages.

    Raises:
        NextactError: If the column's type does not go with the unit, or is too narrow for times.
    """
    kind = column.type()
    if kind.is_floating() and not kind.is_float64():
        raise NextactError(
            f"{place}: holds {kind}, which tells times apart only to minutes; store it as integers, float64 or a time"
        )
    if unit in UNITS_PER_SECOND and (kind.is_numeric() or kind.is_string()):
        moments = _from_number(column, SECOND // UNITS_PER_SECOND[unit])
    elif unit == "iso" and kind.is_string():
        moments = _from_iso(column.strip(), timezone)
    elif unit == "native" and (kind.is_timestamp() or kind.is_date()):
        moments = _since_epoch(column.try_cast("timestamp"))
        if kind.is_date() or kind.timezone is None:
            moments = _localised(moments, timezone)
    else:
        raise NextactError(f"{place}: holds {kind}, which timestamp_unit {unit!r} does not read; {_hint(kind)}")
    return Cells(moments, ibis.ifelse(moments.isnull(), reasons.NO_TIME, ibis.null("string")))


def _missing(condition: ibis.Value, name: str) -> ibis.Value:
    return condition.ifelse(reasons.MISSING.format(name), ibis.null("string"))


def _from_number(column: ibis.Value, microseconds: int) -> ibis.Value:
    """Numbers beyond any date are held at the bound: they are named too late or too early, and overflow nothing."""
    bound = LARGEST_TIME // microseconds
    if column.type().is_integer():
        return column.clip(-bound, bound).cast("int64") * microseconds
    number = column.try_cast("float64").nullif(float("nan"))
    return (number.clip(-bound, bound) * microseconds).round().cast("int64")


def _from_iso(text: ibis.Value, timezone: str) -> ibis.Value:
    """The offset is worked out by hand: DuckDB 1.5 lets a zone named in one row leak into the next rows."""
    well_formed = text.re_search(ISO).ifelse(text, ibis.null("string"))
    clock = _since_epoch(well_formed.re_extract(ISO, 1).try_cast("timestamp"))
    minutes = _digits(well_formed, 4) * 60 + _digits(well_formed, 5)
    sign = (well_formed.re_extract(ISO, 3) == "-").ifelse(-1, 1)
    shifted = clock - sign * minutes * 60 * SECOND
    return (well_formed.re_extract(ISO, 2) == "").ifelse(_localised(clock, timezone), shifted)


def _digits(text: ibis.Value, group: int) -> ibis.Value:
    return text.re_extract(ISO, group).nullif("").try_cast("int64").fill_null(0)


def _since_epoch(moments: ibis.Value) -> ibis.Value:
    return moments.delta(ibis.timestamp(EPOCH), unit="microsecond")


def _localised(clock: ibis.Value, timezone: str) -> ibis.Value:
    return clock if timezone == "UTC" else to_utc(clock, timezone)


def _hint(kind: ibis.expr.datatypes.DataType) -> str:
    if kind.is_timestamp() or kind.is_date():
        return "state timestamp_unit: native"
    return "state timestamp_unit: iso for text, s, ms or us for numbers"
