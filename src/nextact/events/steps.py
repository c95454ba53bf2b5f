"""The order of a user's events, and which of them form one step."""

from __future__ import annotations

from typing import Any, Literal

import ibis

from nextact.errors import NextactError, suggest
from nextact.events import columns as c
from nextact.events.moments import MINUTE
from nextact.options import Positive, Seed, options
from nextact.protocol import Ties

IS_TARGET_TYPE = "is_target_type"
N_BEFORE = "n_before"


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
    session_gap_minutes: Positive | None = None
    target_event_types: tuple[str, ...] | None = None
    ties: Literal["position", "file", "shuffled"] = "position"
    ties_seed: Seed = 0

    def __post_init__(self) -> None:
        if self.session_gap_minutes is not None and not self.baskets:
            raise ValueError("session_gap_minutes goes with baskets: true")
        if self.target_event_types is not None and not self.target_event_types:
            raise ValueError("target_event_types must name an event type; null counts all")

    @property
    def compared_texts(self) -> tuple[str, ...]:
        """Columns whose text, and not only whether it is the same, decides about order and steps."""
        of_ties = (c.USER_ID, c.ITEM_ID, c.EVENT_TYPE, c.SESSION_ID) if self.ties == "shuffled" else ()
        return of_ties or ((c.EVENT_TYPE,) if self.target_event_types else ())

    def require_event_types(self, declared: tuple[str, ...]) -> None:
        """Raise unless the target event types are declared ones."""
        for name in self.target_event_types or ():
            if name not in declared:
                raise NextactError(f"split.target_event_types: no event type {name!r}; {suggest(name, declared)}")


ROW_ORDER = (c.POSITION, c.SOURCE, c.SOURCE_ROW)


def add_steps(events: ibis.Table, options: StepOptions, row_order: tuple[str, ...] = ROW_ORDER) -> ibis.Table:
    """Add ``step``, ``place``, ``n_before`` and ``is_target_type``; ``position`` becomes the order at one moment.

    Args:
        events: Contract columns, one row per accepted event.
        options: Ties and steps.
        row_order: Columns that order the rows of one moment; see
            :attr:`~nextact.events.contract.EventOptions.row_order`.

    Returns:
        The events; ``position`` counts from 0 within a user's moment, ``step`` from 0 within a user, oldest first;
        ``place`` counts a user's events from 0, oldest first; ``n_before`` is how many of them come before the step.
        Ordering by user, ``timestamp`` and ``position`` leaves nothing open.
    """
    types = options.target_event_types
    is_target_type = ibis.literal(True) if types is None else events[c.EVENT_TYPE].isin(list(types))
    events = events.mutate(**{IS_TARGET_TYPE: is_target_type})
    # every window is of one user, and each order starts like the longest: DuckDB then sorts the events once
    moments = [events[c.TIMESTAMP]] if types is None else [events[c.TIMESTAMP], events[IS_TARGET_TYPE].desc()]
    in_order = _of_user(events, [*moments, *_tie_order(events, options, row_order)])
    nth = ibis.row_number().over(in_order)
    numbers = {c.POSITION: (nth - ibis.rank().over(_of_user(events, [events[c.TIMESTAMP]]))).cast("float64")}
    numbers[c.PLACE] = nth.cast("int64")
    if not options.baskets:
        numbers |= {c.STEP: nth, N_BEFORE: nth}
    elif options.session_gap_minutes is None:
        of_moments = _of_user(events, moments)
        numbers |= {
            c.STEP: ibis.dense_rank().over(of_moments),
            N_BEFORE: ibis.rank().over(of_moments),
        }
    else:
        gap = round(options.session_gap_minutes * MINUTE)
        return _number_sessions(events.mutate(**numbers, starts=_starts_step(events, gap, in_order)))
    return events.mutate(**_as_int64(numbers))


def _of_user(events: ibis.Table, order_by: list[Any]) -> Any:
    return ibis.window(group_by=events[c.USER_ID], order_by=order_by)


def _as_int64(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: number if name == c.POSITION else number.cast("int64") for name, number in numbers.items()}


def describe_ties(options: StepOptions, has_positions: bool) -> Ties:
    """The order of ties as the certificate names it: what was asked for where it could be had."""
    if options.ties == "shuffled":
        return Ties(order="shuffled", seed=options.ties_seed)
    return Ties(order="position" if options.ties == "position" and has_positions else "file")


def _tie_order(events: ibis.Table, options: StepOptions, row_order: tuple[str, ...]) -> list[Any]:
    in_file = [events[name] for name in row_order if name != c.POSITION]
    if options.ties == "file":
        return in_file
    if options.ties == "position":
        return [events[name] for name in row_order]
    content = [events[name].fill_null("") for name in (c.USER_ID, c.ITEM_ID, c.EVENT_TYPE, c.SESSION_ID)]
    text = ibis.literal("\x1f").join([ibis.literal(str(options.ties_seed)), *content])
    return [text.hexdigest("sha256"), *in_file]


def _number_sessions(events: ibis.Table) -> ibis.Table:
    """Sessions counted by their starts."""
    so_far = ibis.cumulative_window(group_by=c.USER_ID, order_by=[c.TIMESTAMP, c.POSITION])
    events = events.mutate(**{c.STEP: events["starts"].sum().over(so_far).cast("int64")}).drop("starts")
    return events.mutate(**{N_BEFORE: ibis.rank().over(_of_user(events, [events[c.STEP]])).cast("int64")})


def _starts_step(events: ibis.Table, gap: int, in_order: Any) -> ibis.Value:
    """1 where a session starts, or where target event types and others take turns; else 0, the first event too."""
    pause = (events[c.TIMESTAMP] - events[c.TIMESTAMP].lag().over(in_order)) > gap
    turn = events[IS_TARGET_TYPE] != events[IS_TARGET_TYPE].lag().over(in_order)
    return (pause | turn).fill_null(False).cast("int64")
