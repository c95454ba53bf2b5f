"""What a feedback table must hold, and where a user's own table keeps it."""

from __future__ import annotations

from collections.abc import Sequence

import ibis

from nextact.events import columns as c
from nextact.events.contract import TimestampUnit, require_own_columns
from nextact.events.timezones import require_timezone
from nextact.feedback import columns as f
from nextact.options import Share, options

FEEDBACK = "feedback"  # name of the table in messages

# type of each column in the contract's table, in the order of the columns
SCHEMA = {
    c.SOURCE_ROW: "int64",
    c.USER_ID: "string",
    c.ITEM_ID: "string",
    f.RANK: "int64",
    f.SHOWN_AT: "int64",
    f.OUTCOME: "string",
    f.RESPONDED_AT: "int64",
    f.PROPENSITY: "float64",
    f.RUN_ID: "string",
    f.MODEL: "string",
    f.SLOT: "string",
    f.REQUEST_ID: "string",
}
REQUIRED_COLUMNS = (c.USER_ID, c.ITEM_ID, f.RANK, f.SHOWN_AT, f.OUTCOME)
OPTIONAL_COLUMNS = (f.RESPONDED_AT, f.PROPENSITY, f.RUN_ID, f.MODEL, f.SLOT, f.REQUEST_ID)
OWN_COLUMNS = (*REQUIRED_COLUMNS, f.RESPONDED_AT, f.PROPENSITY)


@options
class FeedbackOptions:
    """Where a feedback table keeps what the contract asks for; one row is one item shown once.

    Attributes:
        user_id: Column of the user who was shown the item.
        item_id: Column of the shown item.
        rank: Column of its place in the list, 1 is the first.
        shown_at: Column of the time it was shown.
        outcome: Column of the event type that followed; null or empty where nothing did.
        responded_at: Column of the time of the outcome, if logged.
        propensity: Column of the probability with which the policy that was live showed the item at this rank given
            the items above it, if logged.
        run_id: Column of the run whose recommendations were shown, if logged.
        model: Column of the model that ranked, if logged.
        slot: Column of the place on the page, if there are several.
        request_id: Column of an id that the items of one shown list share, if logged. Without it the items that a user
            was shown at one moment in one slot are one list.
        timestamp_unit: Of both times: ``s``, ``ms``, ``us`` since 1970 UTC, ``iso`` text, or ``native``: a time type.
        timezone: IANA zone of ``iso`` and ``native`` times that name no offset themselves.
        stop_above_rejected_share: The run stops when a larger share of the rows is rejected, in [0, 1].
    """

    user_id: str = c.USER_ID
    item_id: str = c.ITEM_ID
    rank: str = f.RANK
    shown_at: str = f.SHOWN_AT
    outcome: str = f.OUTCOME
    responded_at: str | None = None
    propensity: str | None = None
    run_id: str | None = None
    model: str | None = None
    slot: str | None = None
    request_id: str | None = None
    timestamp_unit: TimestampUnit = "native"
    timezone: str = "UTC"
    stop_above_rejected_share: Share = 0.05

    def __post_init__(self) -> None:
        require_timezone(self.timezone)
        require_own_columns(FEEDBACK, {name: getattr(self, name) for name in OWN_COLUMNS})

    def columns(self) -> dict[str, str | None]:
        """Option name -> raw column, ``None`` where it is not mapped."""
        return {name: getattr(self, name) for name in REQUIRED_COLUMNS + OPTIONAL_COLUMNS}


def empty_feedback() -> ibis.Table:
    """No rows, in the contract's columns."""
    return ibis.memtable({name: [] for name in SCHEMA}, schema=SCHEMA)


def unmapped_columns(columns: Sequence[str], options: FeedbackOptions) -> list[str]:
    """Optional columns that a table has under the contract's own name, but no option maps.

    Example:
        >>> unmapped_columns(["user_id", "slot", "propensity"], FeedbackOptions(slot="slot"))
        ['propensity']
    """
    return [name for name in OPTIONAL_COLUMNS if options.columns()[name] is None and name in columns]
