"""Name the rows that break the contract; none is dropped, each keeps its reason."""

from __future__ import annotations

from datetime import UTC, datetime

import ibis

from nextact.errors import NextactError, TableError
from nextact.events import columns as c
from nextact.events.contract import EventOptions, as_table, to_contract

MICROSECONDS_PER_SECOND = 1_000_000
MICROSECONDS_PER_DAY = 86_400 * MICROSECONDS_PER_SECOND


def clean_events(raw_events: object, options: EventOptions) -> ibis.Table:
    """Every raw row in the contract's columns, with ``rejected_reason`` null where the row is good.

    Args:
        raw_events: One row per logged action; an Ibis table or a frame.
        options: Column mapping and limits.

    Returns:
        The columns of :func:`~nextact.events.contract.to_contract` plus ``rejected_reason``. The first reason that
        applies is given: missing ids, unreadable or impossible times, undeclared event types, exact repeats (all but
        the first row of one user, item, event type and moment).

    Raises:
        TableError: If the table is empty, or more than ``broken_share_limit`` of its rows break the contract.
        NextactError: If a mapped column is missing.
    """
    events = to_contract(as_table(raw_events), options)
    events = events.mutate(**{c.REJECTED_REASON: _broken_reason(events, options)}).cache()
    events = _mark_repeats(events).cache()
    _stop_if_mostly_broken(events, options)
    return events


def accepted(events: ibis.Table) -> ibis.Table:
    """Rows without a reason, in the contract's columns."""
    return events.filter(events[c.REJECTED_REASON].isnull()).drop(c.REJECTED_REASON)


def rejected(events: ibis.Table) -> ibis.Table:
    """Rows with a reason."""
    return events.filter(events[c.REJECTED_REASON].notnull())


def count_reasons(events: ibis.Table) -> dict[str, int]:
    """Rows by reason, the accepted ones under ``"accepted"``."""
    reason = events[c.REJECTED_REASON].fill_null("accepted")
    counts = events.group_by(reason=reason).aggregate(n=events.count()).execute()
    return {str(k): int(n) for k, n in sorted(zip(counts["reason"], counts["n"], strict=True))}


def microseconds(iso_date: str) -> int:
    """Microseconds since 1970 of an ISO date or time, taken as UTC where it names no zone.

    Example:
        >>> microseconds("1970-01-02")
        86400000000
    """
    try:
        moment = datetime.fromisoformat(iso_date)
    except ValueError as error:
        raise NextactError(f"not an ISO date or time: {iso_date!r}") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp()) * MICROSECONDS_PER_SECOND + moment.microsecond


def iso_moment(timestamp: int) -> str:
    """The ISO text of microseconds since 1970 UTC.

    Example:
        >>> iso_moment(86400000000)
        '1970-01-02T00:00:00+00:00'
    """
    return datetime.fromtimestamp(timestamp / MICROSECONDS_PER_SECOND, tz=UTC).isoformat()


def _broken_reason(events: ibis.Table, options: EventOptions) -> ibis.Value:
    timestamp = events[c.TIMESTAMP]
    branches = [
        (events[c.USER_ID].isnull() | (events[c.USER_ID] == ""), "user_id is missing"),
        (events[c.ITEM_ID].isnull() | (events[c.ITEM_ID] == ""), "item_id is missing"),
        (events[c.EVENT_TYPE].isnull(), "event_type is missing"),
        (events[c.EVENT_TYPE].notin(list(options.event_types)), "event_type is not declared"),
        (timestamp.isnull(), "timestamp is missing or unreadable"),
        (events[c.POSITION].isnull(), "position is missing or unreadable"),
    ]
    if options.timestamp is not None:  # without times the column holds positions, which have no earliest and latest
        branches += [
            (timestamp < microseconds(options.earliest), "timestamp is before the earliest allowed"),
            (timestamp >= microseconds(options.latest), "timestamp is after the latest allowed"),
        ]
    if options.value is not None:
        value = events[c.VALUE]
        branches.append(((value.isnan() | value.isinf()).fill_null(False), "value is not finite"))
    return ibis.cases(*branches, else_=ibis.null("string"))


def _mark_repeats(events: ibis.Table) -> ibis.Table:
    same = ibis.window(
        group_by=[c.USER_ID, c.ITEM_ID, c.EVENT_TYPE, c.TIMESTAMP, c.SESSION_ID, c.REJECTED_REASON],
        order_by=c.SOURCE_ROW,
    )
    nth = ibis.row_number().over(same)
    reason = events[c.REJECTED_REASON]
    repeated = (reason.isnull() & (nth > 0)).ifelse(ibis.literal("repeats an earlier row"), reason)
    return events.mutate(**{c.REJECTED_REASON: repeated})


def _stop_if_mostly_broken(events: ibis.Table, options: EventOptions) -> None:
    counts = count_reasons(events)
    n_rows = sum(counts.values())
    if n_rows == 0:
        raise NextactError("raw_events: the table is empty")
    n_broken = n_rows - counts.pop("accepted", 0)
    if n_broken <= options.broken_share_limit * n_rows:
        return
    worst = max(counts, key=lambda reason: counts[reason])
    example = events.filter(events[c.REJECTED_REASON] == worst).limit(1).execute().iloc[0].to_dict()
    raise TableError(
        "raw_events",
        f"{n_broken / n_rows:.1%} of the rows break the contract, more than the "
        f"{options.broken_share_limit:.1%} allowed (broken_share_limit): "
        + "; ".join(f"{reason}: {n:,}" for reason, n in counts.items())
        + f"; the most frequent, {worst!r},",
        counts[worst],
        {key: value for key, value in example.items() if key != c.REJECTED_REASON},
    )
