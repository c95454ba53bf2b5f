"""Give every event a step and a split, and mark the held-out targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import ibis
import pandas as pd

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.events.engines import keep
from nextact.events.moments import DAY, SECOND, iso_moment, microseconds, require_moment
from nextact.events.steps import IS_TARGET_TYPE, N_BEFORE, ROW_ORDER, StepOptions, add_steps
from nextact.options import Count, Seed, options
from nextact.protocol import Split

TRAIN, VALIDATION, TEST = "train", "validation", "test"
WIDTHS = (DAY, SECOND, 1)  # the last one is a moment
HASH_DIGITS = 8  # of the hexadecimal digest by which users are drawn


@options
class SplitOptions(StepOptions):
    """What is held out for validation and test.

    Attributes:
        kind: ``global_time``: everything after one moment; ``leave_one_out``: each user's newest steps;
            ``unseen_users``: some users as a whole, whose newest step is the target.
        validation_from: ISO date of the first validation event, or the share of events before it, in (0, 1). For
            unseen users the share of users who are learnt from.
        test_from: The same for test; later than ``validation_from``. For unseen users the share of users who are
            learnt from or validated on.
        users_seed: Seed of the draw of unseen users.
        min_history: Fewest events before the target that a user needs to be evaluated, at least 1.
    """

    kind: Literal["global_time", "leave_one_out", "unseen_users"] = "global_time"
    validation_from: float | str = 0.8
    test_from: float | str = 0.9
    users_seed: Seed = 0
    min_history: Count = 1

    @property
    def compared_texts(self) -> tuple[str, ...]:
        """Columns whose text decides about order, steps or parts."""
        of_parts = (c.USER_ID,) if self.kind == "unseen_users" else ()
        return (*of_parts, *super().compared_texts)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("validation_from", "test_from"):
            self._check_beginning(name, getattr(self, name))
        self._check_order()

    def _check_order(self) -> None:
        """Of two dates or two shares; how a date and a share lie to each other depends on the log."""
        first, second = self.validation_from, self.test_from
        if self.kind == "leave_one_out" or isinstance(first, str) != isinstance(second, str):
            return
        early, late = (microseconds(one) if isinstance(one, str) else one for one in (first, second))
        if not early < late:
            raise ValueError(f"validation_from must come before test_from, got {first} and {second}")

    def _check_beginning(self, name: str, value: float | str) -> None:
        if isinstance(value, str) and self.kind == "unseen_users":
            raise ValueError(f"{name} must be a share of users in (0, 1) for unseen users, got {value!r}")
        if isinstance(value, str):
            require_moment(name, value, "an ISO date or a share in (0, 1)")
        elif not 0 < value < 1:
            raise ValueError(f"{name} must be an ISO date or a share in (0, 1), got {value}")


def split_events(
    events: ibis.Table,
    options: SplitOptions,
    has_times: bool = True,
    row_order: tuple[str, ...] = ROW_ORDER,
    kept: Callable[[ibis.Table], ibis.Table] = keep,
) -> tuple[ibis.Table, dict[str, str]]:
    """Add ``step``, ``split`` and ``is_target`` to accepted events.

    - ``global_time``: train holds events before the validation moment, validation those before the test moment and test
      the rest. A user's target is the first step of each window; where ``target_event_types`` are stated, the first
      such step, with the user's events before it as history.
    - ``leave_one_out``: a user's newest step (of the target event types) is the test target, the one before it the
      validation target, everything before that is train. Users without ``min_history`` events before both hold out
      nothing.
    - ``unseen_users``: all events of a user have one split, drawn by a hash of the user's id that every engine computes
      alike; a held-out user's newest step (of the target event types) is the target, the events before it the history.

    Args:
        events: Contract columns, one row per accepted event.
        options: What is held out.
        has_times: Whether ``timestamp`` holds times, or positions in their place.
        row_order: Columns that order the rows of one moment, as for :func:`~nextact.events.steps.add_steps`.
        kept: What works rows out once, as :func:`~nextact.events.engines.keep` does.

    Returns:
        ``(events, moments)``: the table with the three columns, ordered by nothing, and the ISO moments
        ``validation_from`` and ``test_from`` (empty unless the split is by time).

    Raises:
        NextactError: If a window would be empty, the moments are out of order, or times are needed and there are none.
    """
    if not has_times:
        _refuse_without_times(options)
    stepped = _stepped(events, options, row_order, kept)
    if options.kind == "global_time":
        moments = _moments(stepped, options)
        split = _global_time(stepped, options, *moments)
        return split, {"validation_from": iso_moment(moments[0]), "test_from": iso_moment(moments[1])}
    hold_out = _leave_one_out if options.kind == "leave_one_out" else _unseen_users
    return hold_out(stepped, options), {}


def _stepped(
    events: ibis.Table,
    options: SplitOptions,
    row_order: tuple[str, ...],
    kept: Callable[[ibis.Table], ibis.Table],
) -> ibis.Table:
    """Events with their steps, kept, in few bytes a row: what follows looks at them more than once."""
    stepped = add_steps(events, options, row_order)
    narrow = dict.fromkeys((c.POSITION, c.PLACE, c.STEP, N_BEFORE), "int32")
    return kept(stepped.cast(narrow)).cast({name: stepped[name].type() for name in narrow})


def describe_split(options: SplitOptions, moments: dict[str, str]) -> Split:
    """The split as the certificate names it."""
    of_users = options.kind == "unseen_users"
    ends = {"validation_from": options.validation_from, "test_from": options.test_from} if of_users else moments
    return Split(
        kind=options.kind,
        baskets=options.baskets,
        min_history=options.min_history,
        session_gap_minutes=options.session_gap_minutes,
        users_seed=options.users_seed if of_users else None,
        **ends,
    )


def _refuse_without_times(options: SplitOptions) -> None:
    if options.kind == "global_time":
        raise NextactError(
            "split.kind: 'global_time' needs times, but events.timestamp maps no column; map one, or set split.kind to "
            "leave_one_out or unseen_users"
        )
    if options.session_gap_minutes is not None:
        raise NextactError("split.session_gap_minutes needs times, but events.timestamp maps no column")


def _targets(events: ibis.Table) -> ibis.Table:
    """Held-out events that may be targets."""
    return events.filter((events[c.SPLIT] != TRAIN) & events[IS_TARGET_TYPE])


def _global_time(events: ibis.Table, options: SplitOptions, validation_from: int, test_from: int) -> ibis.Table:
    time = events[c.TIMESTAMP]
    split = ibis.cases((time < validation_from, TRAIN), (time < test_from, VALIDATION), else_=TEST)
    events = events.mutate(**{c.SPLIT: split})
    targets = _targets(events)
    in_validation = targets[c.SPLIT] == VALIDATION
    firsts = {VALIDATION: targets[c.STEP].min(where=in_validation), TEST: targets[c.STEP].min(where=~in_validation)}
    return _mark_chosen(events, targets.group_by(c.USER_ID).aggregate(**firsts), options)


def _unseen_users(events: ibis.Table, options: SplitOptions) -> ibis.Table:
    seeded = ibis.literal(f"{options.users_seed}:").concat(events[c.USER_ID])
    digest = seeded.hexdigest("sha256").substr(0, HASH_DIGITS)
    shares = _threshold(options.validation_from), _threshold(options.test_from)
    split = ibis.cases((digest < shares[0], TRAIN), (digest < shares[1], VALIDATION), else_=TEST)
    events = events.mutate(**{c.SPLIT: split})
    _refuse_empty_parts(events)
    targets = _targets(events)
    newest = targets.group_by(c.USER_ID).aggregate(**dict.fromkeys((VALIDATION, TEST), targets[c.STEP].max()))
    return _mark_chosen(events, newest, options)


def _mark_chosen(events: ibis.Table, chosen: ibis.Table, options: SplitOptions) -> ibis.Table:
    """Mark the chosen step of each user and part, which ``chosen`` names in the columns of the parts."""
    joined = events.left_join(keep(chosen), c.USER_ID)
    held_out = (joined[c.SPLIT] != TRAIN) & (joined[N_BEFORE] >= options.min_history)
    step = (joined[c.SPLIT] == VALIDATION).ifelse(joined[VALIDATION], joined[TEST])
    is_target = held_out & (joined[c.STEP] == step).fill_null(False)
    return joined.mutate(**{c.IS_TARGET: is_target}).select(*_kept(events), c.IS_TARGET)


def _kept(events: ibis.Table) -> list[str]:
    return [name for name in events.columns if name not in (IS_TARGET_TYPE, N_BEFORE)]


def _leave_one_out(events: ibis.Table, options: SplitOptions) -> ibis.Table:
    joined = events.left_join(keep(_newest_two(events)), c.USER_ID)
    enough = (joined["n_before_second"] >= options.min_history).fill_null(False)
    step, newest, second = joined[c.STEP], joined["newest"], joined["second"]
    split = ibis.cases((enough & (step >= newest), TEST), (enough & (step >= second), VALIDATION), else_=TRAIN)
    is_target = (enough & ((step == newest) | (step == second))).fill_null(False)
    return joined.mutate(**{c.SPLIT: split, c.IS_TARGET: is_target}).select(*_kept(events), c.SPLIT, c.IS_TARGET)


def _newest_two(events: ibis.Table) -> ibis.Table:
    """The newest and second newest target step of each user who has two, and the events before the second."""
    targets = events.filter(events[IS_TARGET_TYPE])
    newest = targets.group_by(c.USER_ID).aggregate(newest=targets[c.STEP].max())
    pairs = targets.inner_join(newest, c.USER_ID)
    older = pairs.filter(pairs[c.STEP] < pairs["newest"])  # n_before grows with the step
    return older.group_by(c.USER_ID).aggregate(
        newest=older["newest"].max(), second=older[c.STEP].max(), n_before_second=older[N_BEFORE].max()
    )


def _threshold(share: float | str) -> str:
    """The digest below which so large a share of users falls, as text: digests compare as text on every engine."""
    return f"{int(float(share) * 16**HASH_DIGITS):0{HASH_DIGITS}x}"


def _refuse_empty_parts(events: ibis.Table) -> None:
    found = set(events.select(c.SPLIT).distinct().execute()[c.SPLIT])
    for name in (TRAIN, VALIDATION, TEST):
        if name not in found:
            raise NextactError(f"split: no user falls into {name}; there are too few users for these shares")


def _moments(events: ibis.Table, options: SplitOptions) -> tuple[int, int]:
    time = events[c.TIMESTAMP]
    daily = _stretches(time, WIDTHS[0])
    first, last, n_events = int(daily["first"].min()), int(daily["last"].max()), int(daily["n"].sum())
    wanted = [getattr(options, name) for name in ("validation_from", "test_from")]
    moments = [
        microseconds(one) if isinstance(one, str) else nth_smallest(time, int(one * n_events), daily) for one in wanted
    ]
    if not first < moments[0] < moments[1] <= last:
        raise NextactError(
            f"split: validation_from {iso_moment(moments[0])} and test_from {iso_moment(moments[1])} must follow each "
            f"other inside the log, which runs from {iso_moment(first)} to {iso_moment(last)}"
        )
    return moments[0], moments[1]


def _stretches(values: ibis.Value, width: int) -> pd.DataFrame:
    """``start``, ``n``, ``first`` and ``last`` of the values in each stretch, in ascending order."""
    rows = values.as_table()
    column = rows[values.get_name()]
    start = column - (column % width + width) % width  # rounds down negative values as well
    counted = rows.group_by(start=start).aggregate(n=rows.count(), first=column.min(), last=column.max())
    return counted.execute().sort_values("start")  # type: ignore[no-any-return]


def nth_smallest(values: ibis.Value, n: int, daily: pd.DataFrame | None = None) -> int:
    """The value before which ``n`` others come in ascending order, exactly, on every engine.

    Approximate quantiles differ from engine to engine, and sorting a whole log takes long. Values are counted in
    stretches of a day, then of a second of the day in which the wanted one lies, then one by one.

    Args:
        values: int64 column without nulls, of more than ``n`` rows.
        n: At least 0.
        daily: The values counted by day, where that was done already.
    """
    rows = values.as_table()
    for width in WIDTHS:
        column = rows[values.get_name()]
        counts = _stretches(column, width) if daily is None or width != WIDTHS[0] else daily
        n_until = counts["n"].cumsum().to_numpy()
        at = int((n_until <= n).sum())
        chosen, n = int(counts["start"].iloc[at]), n - int(n_until[at - 1] if at else 0)
        rows = rows.filter((column >= chosen) & (column < chosen + width))
    return chosen
