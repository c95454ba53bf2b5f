"""Responses to shown items as events, ready to be learnt from."""

from __future__ import annotations

import ibis

from nextact.events import columns as c
from nextact.feedback import columns as f
from nextact.feedback.contract import FEEDBACK


def response_events(shown: ibis.Table) -> ibis.Table:
    """One event for each shown item that was answered, in the columns of the events contract.

    Args:
        shown: Accepted feedback.

    Returns:
        ``user_id``, ``item_id``, ``event_type`` (the outcome), ``timestamp`` (int64 microseconds since 1970 UTC: the
        time of the response, or of the showing where none was logged) and ``source`` (``feedback``), without repeats,
        oldest first.
    """
    answered = shown.filter(shown[f.OUTCOME].notnull())
    events = answered.select(
        **{
            c.USER_ID: answered[c.USER_ID],
            c.ITEM_ID: answered[c.ITEM_ID],
            c.EVENT_TYPE: answered[f.OUTCOME],
            c.TIMESTAMP: answered[f.RESPONDED_AT].coalesce(answered[f.SHOWN_AT]),
            c.SOURCE: ibis.literal(FEEDBACK),
        }
    )
    return events.distinct().order_by(c.TIMESTAMP, c.USER_ID, c.ITEM_ID, c.EVENT_TYPE)
