"""What was counted of a log."""

from __future__ import annotations

from nextact.versioned import Versioned


class EventCounts(Versioned):
    """Rows of a log.

    Attributes:
        rows_by_reason: ``accepted``, or why they were rejected.
        rows_by_source: The same by source.
        rows_by_split: Accepted rows.
        moments: ISO moments of a split by time, else none.
    """

    rows_by_reason: dict[str, int]
    rows_by_source: dict[str, dict[str, int]]
    rows_by_split: dict[str, int]
    moments: dict[str, str]
