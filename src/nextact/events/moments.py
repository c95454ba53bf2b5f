"""Moments as microseconds since 1970 UTC, and as ISO text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nextact.errors import NextactError

SECOND = 1_000_000  # microseconds, as are the others
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = "now"


def microseconds(moment: str) -> int:
    """Microseconds since 1970 of an ISO date or time, taken as UTC where it names no zone, or of ``now``.

    Example:
        >>> microseconds("1970-01-02")
        86400000000
        >>> microseconds("1970-01-01T02:00:00.7+02:00")
        700000
    """
    if moment == NOW:
        return (datetime.now(UTC) - EPOCH) // MICROSECOND
    try:
        read = datetime.fromisoformat(moment)
    except ValueError as error:
        raise NextactError(f"not an ISO date or time: {moment!r}") from error
    return ((read if read.tzinfo else read.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def require_moment(name: str, value: str, wanted: str = "an ISO date or time") -> None:
    """Raise unless an option is a moment that :func:`microseconds` reads.

    Example:
        >>> require_moment("latest", "yesterday")
        Traceback (most recent call last):
        ValueError: latest must be an ISO date or time, got 'yesterday'
    """
    try:
        microseconds(value)
    except (NextactError, OverflowError) as error:
        raise ValueError(f"{name} must be {wanted}, got {value!r}") from error


def iso_moment(timestamp: int) -> str:
    """The ISO text of microseconds since 1970 UTC; the bare number where no calendar reaches it.

    Example:
        >>> iso_moment(86400000000)
        '1970-01-02T00:00:00+00:00'
    """
    try:
        return (EPOCH + timestamp * MICROSECOND).isoformat()
    except OverflowError:
        return f"{timestamp} microseconds after 1970"
