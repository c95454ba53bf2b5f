"""Cells of a raw table as the contract's types: each reader gives the value, and what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

import ibis

from nextact.errors import NextactError
from nextact.events import reasons
from nextact.events.amounts import read_amount
from nextact.events.clock_text import from_iso, from_text, localised, since_epoch
from nextact.events.moments import SECOND

EXACT_BELOW = 2**53  # from here on a float64 stands for its neighbours too, and so do numbers cast to it
EXACT_BELOW_FLOAT32 = 2**24
LARGEST_FLOAT = sys.float_info.max  # Ibis's own isinf finds nothing on Spark
LARGEST_TIME = 2**62  # microseconds; far beyond any date, and the arithmetic around it stays in 64 bits
UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}


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


def read_number(column: ibis.Value, place: str, decimal: str | None = None) -> Cells:
    """A number as float64, null where the cell is empty; problems where it is no number, or NaN or endless.

    Args:
        column: Numbers or text.
        place: Table and column in messages.
        decimal: Of text that people wrote, the sign before the fraction (:mod:`nextact.events.amounts`); ``None`` for
            plain numbers.

    Raises:
        NextactError: If the column is neither numbers nor text.
    """
    kind = column.type()
    if kind.is_string():
        given = column.strip() != ""
        number = column.try_cast("float64") if decimal is None else read_amount(column, decimal)
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


def read_time(column: ibis.Value, unit: str, timezone: str, place: str, formats: Sequence[str] | None = None) -> Cells:
    """Microseconds since 1970 UTC as int64.

    Args:
        column: Numbers, text or times.
        unit: ``s``, ``ms``, ``us``, ``iso`` or ``native``.
        timezone: IANA zone of clock times that do not name their own offset.
        place: Table and column in messages.
        formats: Of text, in the order in which they are tried; then the unit says nothing.

    Raises:
        NextactError: If the column's type does not go with the unit, or is too narrow for times.
    """
    kind = column.type()
    if kind.is_floating() and not kind.is_float64():
        raise NextactError(
            f"{place}: holds {kind}, which tells times apart only to minutes; store it as integers, float64 or a time"
        )
    if formats is not None and (kind.is_string() or kind.is_integer()):
        moments = from_text(column.cast("string").strip(), formats, timezone)
    elif formats is not None:
        raise NextactError(f"{place}: holds {kind}, but timestamp_format reads text; {_hint(kind)}")
    elif unit in UNITS_PER_SECOND and (kind.is_numeric() or kind.is_string()):
        moments = _from_number(column, SECOND // UNITS_PER_SECOND[unit])
    elif unit == "iso" and kind.is_string():
        moments = from_iso(column.strip(), timezone)
    elif unit == "native" and (kind.is_timestamp() or kind.is_date()):
        moments = since_epoch(column.try_cast("timestamp"))
        if kind.is_date() or kind.timezone is None:
            moments = localised(moments, timezone)
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


def _hint(kind: ibis.expr.datatypes.DataType) -> str:
    if kind.is_timestamp() or kind.is_date():
        return "state timestamp_unit: native, and no timestamp_format"
    return "state timestamp_unit: iso for text, or its timestamp_format; s, ms or us for numbers"
