"""Give every event a split and a step, and mark the held-out targets."""

from __future__ import annotations

from typing import Literal

import ibis

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.events.cleaning import iso_moment, microseconds
from nextact.options import options


@options
class SplitOptions:
    """What is held out for validation and test.

    Attributes:
        kind: ``global_time``: everything after one moment; ``leave_one_out``: each user's newest steps.
        validation_from: ISO date of the first validation event, or the share of events before it, in (0, 1).
        test_from: The same for test; later than ``validation_from``.
        baskets: Events of one user at one moment are one step, and the target is the whole next basket.
            Without it each event is a step; events at one moment keep the order of ``position``.
    """

    kind: Literal["global_time", "leave_one_out"] = "global_time"
    validation_from: float | str = 0.8
    test_from: float | str = 0.9
    baskets: bool = True

    def __post_init__(self) -> None:
        for name in ("validation_from", "test_from"):
            value = getattr(self, name)
            if isinstance(value, float) and not 0 < value < 1:
                raise ValueError(f"{name} must be an ISO date or a share in (0, 1), got {value}")


def split_events(events: ibis.Table, options: SplitOptions) -> tuple[ibis.Table, dict[str, str]]:
    """Add ``step``, ``split`` and ``is_target`` to accepted events.

    Under ``global_time`` train holds events before the validation moment, validation those before the test moment and
    test the rest; a user's target is the first step of each window. Under ``leave_one_out`` a user's newest step
    is the test target, the one before it the validation target; users with fewer than three steps hold out nothing.

    Args:
        events: Contract columns, one row per accepted event.
        options: What is held out.

    Returns:
        ``(events, moments)``: the table with the three columns, ordered by nothing, and the ISO moments
        ``validation_from`` and ``test_from`` (empty under ``leave_one_out``).

    Raises:
        NextactError: If a window would be empty or the moments are out of order.
    """
    events = _add_steps(events, options)
    if options.kind == "leave_one_out":
        return _leave_one_out(events), {}
    validation_from, test_from = _moments(events, options)
    split = ibis.cases(
        (events[c.TIMESTAMP] < validation_from, "train"), (events[c.TIMESTAMP] < test_from, "validation"), else_="test"
    )
    events = events.mutate(**{c.SPLIT: split})
    window = ibis.window(group_by=[c.USER_ID, c.SPLIT])
    first = (events[c.SPLIT] != "train") & (events[c.STEP] == events[c.STEP].min().over(window))
    moments = {"validation_from": iso_moment(validation_from), "test_from": iso_moment(test_from)}
    return events.mutate(**{c.IS_TARGET: first}), moments


def _add_steps(events: ibis.Table, options: SplitOptions) -> ibis.Table:
    if options.baskets:
        order = ibis.window(group_by=c.USER_ID, order_by=c.TIMESTAMP)
        return events.mutate(**{c.STEP: ibis.dense_rank().over(order)})
    order = ibis.window(group_by=c.USER_ID, order_by=[c.TIMESTAMP, c.POSITION, c.SOURCE_ROW])
    return events.mutate(**{c.STEP: ibis.row_number().over(order)})


def _leave_one_out(events: ibis.Table) -> ibis.Table:
    last = events[c.STEP].max().over(ibis.window(group_by=c.USER_ID))
    steps_back = last - events[c.STEP]
    enough = last >= 2
    split = ibis.cases((enough & (steps_back == 0), "test"), (enough & (steps_back == 1), "validation"), else_="train")
    events = events.mutate(**{c.SPLIT: split})
    return events.mutate(**{c.IS_TARGET: events[c.SPLIT] != "train"})


def _moments(events: ibis.Table, options: SplitOptions) -> tuple[int, int]:
    first, last = (
        int(v) for v in events.aggregate(a=events[c.TIMESTAMP].min(), b=events[c.TIMESTAMP].max()).execute().iloc[0]
    )
    moments = [_moment(events, getattr(options, name)) for name in ("validation_from", "test_from")]
    if not first < moments[0] < moments[1] <= last:
        raise NextactError(
            f"split: validation_from {iso_moment(moments[0])} and test_from {iso_moment(moments[1])} must follow each "
            f"other inside the log, which runs from {iso_moment(first)} to {iso_moment(last)}"
        )
    return moments[0], moments[1]


def _moment(events: ibis.Table, wanted: float | str) -> int:
    if isinstance(wanted, str):
        return microseconds(wanted)
    # the exact order statistic: approximate quantiles differ from engine to engine
    rank = int(wanted * events.count().execute())
    ordered = events.order_by([c.TIMESTAMP, c.SOURCE_ROW]).limit(1, offset=rank)
    return int(ordered[c.TIMESTAMP].execute().iloc[0])
