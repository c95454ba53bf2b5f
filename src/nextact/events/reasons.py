"""Why a row is rejected: each reason written once, in the order in which they are looked for."""

from __future__ import annotations

import ibis

MISSING = "{} is missing"
NOT_WHOLE = "{} is not a whole number"
INEXACT = "{} is too large to be exact"
NOT_IN_MAP = "event_type is not in event_type_map"
NOT_DECLARED = "event_type is not declared"
NO_TIME = "timestamp is missing or unreadable"
TOO_EARLY = "timestamp is before the earliest allowed"
TOO_LATE = "timestamp is after the latest allowed"
NO_POSITION = "position is missing or unreadable"
UNREADABLE_VALUE = "value is unreadable"
ENDLESS_VALUE = "value is not finite"
OTHER_UNIT = "timestamp seems to be in another unit"
UNKNOWN_ITEM = "item_id is not in the item table"
REPEAT = "repeats an earlier row"
TOO_MANY = "its user has too many events on one day"
TOO_RARE = "its item or user has too few events"


def of_cleaning() -> tuple[str, ...]:
    """All that cleaning gives. A reason that is not among these would be lost where reasons are coded."""
    return (
        *(MISSING.format(name) for name in ("user_id", "item_id", "event_type")),
        *(
            reason.format(name)
            for reason in (NOT_WHOLE, INEXACT)
            for name in ("user_id", "item_id", "session_id", "position")
        ),
        NOT_IN_MAP,
        NOT_DECLARED,
        NO_TIME,
        TOO_EARLY,
        TOO_LATE,
        NO_POSITION,
        UNREADABLE_VALUE,
        ENDLESS_VALUE,
        OTHER_UNIT,
        UNKNOWN_ITEM,
        REPEAT,
        TOO_MANY,
    )


def as_in(column: ibis.Value, reason: str) -> ibis.Value:
    """A reason as a column of reasons has it: text, or its place in :func:`of_cleaning`."""
    if column.type().is_integer():
        return ibis.literal(of_cleaning().index(reason), column.type())
    return ibis.literal(reason)
