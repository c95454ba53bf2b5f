"""A part of the rows through the contract: what would be accepted, what not and why, and what suits such a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.events.cleaning import ACCEPTED, EXAMPLE_COLUMNS, accepted, clean_events, count_reasons, shown
from nextact.events.contract import EventOptions
from nextact.events.moments import iso_moment
from nextact.events.splitting import TEST, TRAIN, VALIDATION, SplitOptions, split_events
from nextact.events.steps import StepOptions, add_steps

PAUSE_MINUTES = 30
CORES = (1, 2, 3, 5, 10, 20, 50)
CATALOGUE = 20_000  # items that every default model can be fitted on in a few GiB
FEW_USERS = 200  # fewer validated users make wide intervals
SEEN_AGAIN = 0.1  # share of the targets from which on people are taken to come back to items
SHOWN_ROWS = 5


@dataclass(frozen=True)
class Figures:
    """A log in numbers.

    Attributes:
        users: Users of accepted rows.
        items: Items of accepted rows.
        events: Accepted rows.
        first: First moment, ISO.
        last: Last moment, ISO.
        seen_again: Share of the targets whose user had the item before, in any event type.
        ties: Share of the events that share their moment with another one of their user.
        session_events: Median events of a session, which ends with a pause of half an hour; ``None`` without hours.
    """

    users: int
    items: int
    events: int
    first: str
    last: str
    seen_again: float
    ties: float
    session_events: float | None


@dataclass(frozen=True)
class HeldOut:
    """What a split holds out: users with a target, the fewer of validation and test, and how new the items are."""

    users: int
    new_items: float


@dataclass(frozen=True)
class Advice:
    """Options that suit a log.

    Attributes:
        kind: ``split.kind``.
        why_kind: Why, in words, as are the others.
        exclude_seen: ``policy.exclude_seen``.
        min_item_events: ``filter.min_item_events``.
        why_core: Why.
        held_out: What would be held out, by kind of split.
    """

    kind: str
    why_kind: str
    exclude_seen: bool
    min_item_events: int
    why_core: str
    held_out: Mapping[str, HeldOut]

    @property
    def new_items(self) -> float:
        """Share of the targets whose item no training event names, under the advised split."""
        return self.held_out[self.kind].new_items


@dataclass(frozen=True)
class Preview:
    """What became of the rows that were looked at.

    Attributes:
        counts: Rows by reason.
        examples: Reason -> one of its rows in words.
        rows: The first accepted ones, cells as text.
        figures: ``None`` where no row was accepted.
        advice: The same.
    """

    counts: Mapping[str, int]
    examples: Mapping[str, str]
    rows: tuple[Mapping[str, str], ...]
    figures: Figures | None
    advice: Advice | None

    @property
    def rejected_share(self) -> float:
        """Share of the rows that would be rejected."""
        return 1 - self.counts.get(ACCEPTED, 0) / max(sum(self.counts.values()), 1)


def preview(raw: Any, events: Mapping[str, Any], targets: tuple[str, ...], days_only: bool) -> Preview:
    """Read rows as a run would.

    Args:
        raw: A table, or one a source by name.
        events: The block ``events`` of the parameters.
        targets: Event types that are worth predicting.
        days_only: Whether times name no hour.
    """
    options = EventOptions(**{**events, "stop_above_rejected_share": 1.0})
    read = clean_events(raw, options).cache()
    counts = count_reasons(read)
    examples = {reason: _example(read, reason) for reason in counts if reason != ACCEPTED}
    good = accepted(read).cache()
    if not counts.get(ACCEPTED):
        return Preview(counts, examples, (), None, None)
    figures = _figures(good, targets, options, days_only)
    return Preview(counts, examples, _first_rows(good, options), figures, _advise(good, figures, options, targets))


def _example(read: ibis.Table, reason: str) -> str:
    found = read.filter(read[c.REJECTED_REASON] == reason).order_by(c.SOURCE, c.SOURCE_ROW).limit(1)
    row = found.to_pyarrow().to_pylist()[0]
    mapped = [name for name in EXAMPLE_COLUMNS if row[name] is not None and name != c.POSITION]
    if row[c.TIMESTAMP] is not None:
        row[c.TIMESTAMP] = iso_moment(row[c.TIMESTAMP])
    return f"row {row[c.SOURCE_ROW]:,}: {shown(row, mapped, reason)}"


def _first_rows(good: ibis.Table, options: EventOptions) -> tuple[Mapping[str, str], ...]:
    rows = good.order_by(c.SOURCE_ROW, c.SOURCE).limit(SHOWN_ROWS).to_pyarrow().to_pylist()
    names = [c.USER_ID, c.EVENT_TYPE, c.ITEM_ID, c.TIMESTAMP, c.VALUE, c.SESSION_ID]
    given = [name for name in names if any(row[name] is not None for row in rows)]
    time = iso_moment if options.has_times else str
    return tuple({name: time(row[name]) if name == c.TIMESTAMP else _cell(row[name]) for name in given} for row in rows)


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _figures(good: ibis.Table, targets: tuple[str, ...], options: EventOptions, days_only: bool) -> Figures:
    time = good[c.TIMESTAMP]
    row = good.aggregate(
        users=good[c.USER_ID].nunique(),
        items=good[c.ITEM_ID].nunique(),
        events=good.count(),
        first=time.min(),
        last=time.max(),
    )
    numbers = row.to_pyarrow().to_pylist()[0]
    first, last = (iso_moment(numbers.pop(name)) if options.has_times else "" for name in ("first", "last"))
    hours = options.has_times and not days_only
    return Figures(
        **numbers,
        first=first,
        last=last,
        seen_again=_seen_again(good, targets),
        ties=_ties(good) if options.has_times else 0.0,
        session_events=_session_events(good) if hours else None,
    )


def _seen_again(good: ibis.Table, targets: tuple[str, ...]) -> float:
    pairs = ibis.window(group_by=[good[c.USER_ID], good[c.ITEM_ID]], order_by=[good[c.TIMESTAMP], good[c.SOURCE_ROW]])
    nth = good.mutate(nth=ibis.row_number().over(pairs))
    of_targets = nth.filter(nth[c.EVENT_TYPE].isin(list(targets)))
    return float(
        of_targets.aggregate(share=(of_targets.nth > 0).cast("float64").mean()).execute()["share"].fillna(0).iloc[0]
    )


def _ties(good: ibis.Table) -> float:
    moments = good.group_by(c.USER_ID, c.TIMESTAMP).aggregate(n=good.count())
    tied = moments.aggregate(share=moments.n.sum(where=moments.n > 1) / moments.n.sum())
    return float(tied.execute()["share"].fillna(0).iloc[0])


def _session_events(good: ibis.Table) -> float:
    stepped = add_steps(good, StepOptions(session_gap_minutes=PAUSE_MINUTES))
    sizes = stepped.group_by(c.USER_ID, c.STEP).aggregate(n=stepped.count())
    return float(sizes.aggregate(median=sizes.n.median()).execute()["median"].iloc[0])


def _advise(good: ibis.Table, figures: Figures, options: EventOptions, targets: tuple[str, ...]) -> Advice:
    of_types = targets if set(targets) < set(options.event_types) else None
    kinds = ("global_time", "leave_one_out") if options.has_times else ("leave_one_out",)
    held_out = {kind: _held_out(good, SplitOptions(kind=kind, target_event_types=of_types), options) for kind in kinds}  # type: ignore[arg-type]
    core, why_core = _core(good, figures.items)
    kind, why = _kind(held_out)
    return Advice(kind, why, figures.seen_again < SEEN_AGAIN, core, why_core, held_out)


def _held_out(good: ibis.Table, split: SplitOptions, options: EventOptions) -> HeldOut:
    try:
        labelled, _ = split_events(good, split, options.has_times, options.row_order)
    except NextactError:  # the log is too short for this split
        return HeldOut(0, 0.0)
    targets = labelled.filter(labelled[c.IS_TARGET])
    learnt = labelled.filter(labelled[c.SPLIT] == TRAIN)[c.ITEM_ID]
    is_new = targets[c.ITEM_ID].notin(learnt).cast("float64").mean()
    users = {part: targets[c.USER_ID].nunique(where=targets[c.SPLIT] == part) for part in (VALIDATION, TEST)}
    row = targets.aggregate(**users, is_new=is_new).to_pyarrow().to_pylist()[0]
    return HeldOut(min(row[VALIDATION], row[TEST]), row["is_new"] or 0.0)


def _kind(held_out: Mapping[str, HeldOut]) -> tuple[str, str]:
    one_each = held_out["leave_one_out"].users
    if "global_time" not in held_out:
        return "leave_one_out", "there are no times to split at"
    in_time = held_out["global_time"].users
    if in_time >= min(FEW_USERS, one_each) and in_time:
        return "global_time", f"as in use, the future is predicted; {in_time:,} or more users to validate and to test"
    return "leave_one_out", f"a split at one moment would leave {in_time:,} users to test, this one {one_each:,}"


def _core(good: ibis.Table, n_items: int) -> tuple[int, str]:
    if n_items <= CATALOGUE:
        return 1, f"all {n_items:,} items fit"
    sizes = good.group_by(c.ITEM_ID).aggregate(n=good.count())
    counts = (
        sizes.aggregate(**{f"n{at_least}": (sizes.n >= at_least).sum() for at_least in CORES})
        .to_pyarrow()
        .to_pylist()[0]
    )
    core = next((one for one in CORES if counts[f"n{one}"] <= CATALOGUE), CORES[-1])
    return core, f"leaves {counts[f'n{core}']:,} of {n_items:,} items, so that every default model fits in a few GiB"


def pause_in_words(figures: Figures) -> str:
    """How long sessions are."""
    if figures.session_events is None:
        return "times hold the day only" if figures.first else "no times"
    return f"a session (pauses of {PAUSE_MINUTES} minutes end it) has {figures.session_events:g} events in the median"
