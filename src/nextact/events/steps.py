"""The order of a user's events, and which of them form one step."""

from __future__ import annotations

from typing import Any, Literal

import ibis

from nextact.errors import NextactError, suggest
from nextact.events import columns as c
from nextact.options import options

IS_TARGET_TYPE = "is_target_type"
MICROSECONDS_PER_MINUTE = 60_000_000


@options
class StepOptions:
    """How events are ordered, and grouped into steps.

    Attributes:
        baskets: Events of one user at one moment are one step, and the target is the whole next basket.
            Without it each event is a step.
        session_gap_minutes: With ``baskets``: events with no gap above it are one step (a session); ``None``: moments.
        target_event_types: Event types that count as targets; ``None`` for all. A step then never mixes them with
            others: at one moment they come first, so that no target is predicted from events of its own moment.
        ties: Order of events at one moment. ``position``: as mapped, else the file's; ``file``: the order of the rows,
            by source name where there are several; ``shuffled``: by a hash of the row that every engine computes alike.
        ties_seed: Seed of ``shuffled``.
    """

    baskets: bool = True
    session_gap_minutes: float | None = None
    target_event_types: tuple[str, ...] | None = None
    ties: Literal["position", "file", "shuffled"] = "position"
    ties_seed: int = 0

    def __post_init__(self) -> None:
        if self.session_gap_minutes is not None and not (self.baskets and self.session_gap_minutes > 0):
            raise ValueError("session_gap_minutes must be above 0 and goes with baskets: true")
        if self.target_event_types is not None and not self.target_event_types:
            raise ValueError("target_event_types must name an event type; null counts all")

    def require_event_types(self, declared: tuple[str, ...]) -> None:
        """Raise unless the target event types are declared ones."""
        for name in self.target_event_types or ():
            if name not in declared:
                raise NextactError(f"split.target_event_types: no event type {name!r}; {suggest(name, declared)}")


def add_steps(events: ibis.Table, options: StepOptions) -> ibis.Table:
    """Add ``step`` and ``is_target_type``, and make ``position`` the order of events at one moment.

    Args:
        events: Contract columns, one row per accepted event.
        options: Ties and steps.

    Returns:
        The events; ``position`` counts from 0 within a user's moment, ``step`` from 0 within a user, oldest first.
        Ordering by user, ``timestamp`` and ``position`` leaves nothing open.
    """
    types = options.target_event_types
    is_target_type = ibis.literal(True) if types is None else events[c.EVENT_TYPE].isin(list(types))
    events = events.mutate(**{IS_TARGET_TYPE: is_target_type})
    moment = ibis.window(
        group_by=[c.USER_ID, c.TIMESTAMP], order_by=[ibis.desc(IS_TARGET_TYPE), *_tie_order(events, options)]
    )
    events = events.mutate(**{c.POSITION: ibis.row_number().over(moment).cast("float64")})
    return _number_steps(events, options)


def describe_ties(options: StepOptions, has_positions: bool) -> dict[str, Any]:
    """The order of ties as the certificate names it: what was asked for where it could be had."""
    if options.ties == "shuffled":
        return {"order": "shuffled", "seed": options.ties_seed}
    return {"order": "position" if options.ties == "position" and has_positions else "file"}


def _tie_order(events: ibis.Table, options: StepOptions) -> list[Any]:
    in_file = [c.SOURCE, c.SOURCE_ROW]
    if options.ties == "file":
        return in_file
    if options.ties == "position":
        return [c.POSITION, *in_file]
    content = [events[name].fill_null("") for name in (c.USER_ID, c.ITEM_ID, c.EVENT_TYPE, c.SESSION_ID)]
    text = ibis.literal("\x1f").join([ibis.literal(str(options.ties_seed)), *content])
    return [text.hexdigest("sha256"), *in_file]


def _number_steps(events: ibis.Table, options: StepOptions) -> ibis.Table:
    in_order = {"group_by": c.USER_ID, "order_by": [c.TIMESTAMP, c.POSITION]}
    if not options.baskets:
        step = ibis.row_number().over(ibis.window(**in_order))
    elif options.session_gap_minutes is None:
        moments = ibis.window(group_by=c.USER_ID, order_by=[c.TIMESTAMP, ibis.desc(IS_TARGET_TYPE)])
        step = ibis.dense_rank().over(moments)
    else:
        gap = round(options.session_gap_minutes * MICROSECONDS_PER_MINUTE)
        events = events.mutate(starts=_starts_step(events, gap, ibis.window(**in_order)))
        step = events["starts"].sum().over(ibis.cumulative_window(**in_order))
        return events.mutate(**{c.STEP: step.cast("int64")}).drop("starts")
    return events.mutate(**{c.STEP: step.cast("int64")})


def _starts_step(events: ibis.Table, gap: int, in_order: Any) -> ibis.Value:
    """1 where a session starts, or where target event types and others take turns; else 0, the first event too."""
    pause = (events[c.TIMESTAMP] - events[c.TIMESTAMP].lag().over(in_order)) > gap
    turn = events[IS_TARGET_TYPE] != events[IS_TARGET_TYPE].lag().over(in_order)
    return (pause | turn).fill_null(False).cast("int64")
