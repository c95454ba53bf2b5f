"""What in a quality report is worth acting on, in words with numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nextact.events import reasons
from nextact.events.erase import ERASED
from nextact.options import NotNegative, Share, WholeNumber, options
from nextact.results.quality import QualityReport, QualityWarning

UNEVEN = 5  # times the mean user: in a small log every user makes a large share of the events
FEWEST_TARGETS = 20  # fewer targets of an item once seen say nothing about a ratio


@options
class QualityOptions:
    """From when on a finding of the quality report is a warning; shares in [0, 1].

    Attributes:
        rejected_share: Of the rows read, broken ones and those of rare items and users each.
        tie_share: Of neighbouring events of a user, where events of a moment are not one step.
        no_text_share: Of the catalogue items.
        unreachable_share: Of the validation targets, outside the catalogue.
        seen_share: Of the validation targets, in the user's own history though seen items are excluded.
        one_user_share: Of all events, made by one user who does far more than the mean.
        new_user_share: Of the users of validation, without a training event.
        unseen_item_share: Of the validation events, on items without a training event.
        stability_index: Of event types or popularity, between training and validation.
        once_seen_ratio: How much more often, per training event, items seen once are held out than items in general.
        short_history: A median history of this many training events or fewer is called short.
        few_users: Validation users below this number make wide intervals.
    """

    rejected_share: Share = 0.05
    tie_share: Share = 0.1
    no_text_share: Share = 0.05
    unreachable_share: Share = 0.05
    seen_share: Share = 0.02
    one_user_share: Share = 0.01
    new_user_share: Share = 0.2
    unseen_item_share: Share = 0.1
    stability_index: NotNegative = 0.25
    once_seen_ratio: NotNegative = 2.0
    short_history: WholeNumber = 3
    few_users: WholeNumber = 500


def find_warnings(report: QualityReport, limits: QualityOptions) -> tuple[QualityWarning, ...]:
    """What of a report is worth acting on."""
    return tuple(
        QualityWarning(topic=topic, message=message, advice=advice)
        for check in CHECKS
        for topic, message, advice in check(report, limits)
    )


def percent(share: float) -> str:
    """A share as people read it: two digits, but never 0 % or 100 % of something that is there.

    Example:
        >>> percent(0.4444), percent(0.0123), percent(0.0002), percent(0.9996), percent(1.0)
        ('44 %', '1.2 %', '0.02 %', '99.96 %', '100 %')
    """
    value = 100 * share
    if value in (0.0, 100.0):
        return f"{value:.0f} %"
    if 1 <= value < 99.5:
        return f"{value:.2g} %"
    digits = 2
    while digits < 6 and round(value, digits) in (0.0, 100.0):
        digits += 1
    return f"{value:.{digits}f} %"


Found = Iterator[tuple[str, str, str]]


def _rejected(report: QualityReport, limits: QualityOptions) -> Found:
    rows, reasons_found = report.rows, dict(report.rows.by_reason)
    reasons_found.pop(ERASED, 0)  # as asked for
    rare = reasons_found.pop(reasons.TOO_RARE, 0)
    if rare > limits.rejected_share * rows.read:
        yield (
            "rows",
            f"the filter leaves out {percent(rare / rows.read)} of the rows ({rare:,}): {reasons.TOO_RARE}",
            "lower filter.min_item_events and filter.min_user_events if rare items or users matter",
        )
    broken = sum(reasons_found.values())
    if broken > limits.rejected_share * rows.read:
        reason, n = next(iter(reasons_found.items()))
        yield (
            "rows",
            f"{percent(broken / rows.read)} of the rows break the contract ({broken:,}), most of them ({n:,}): "
            f"{reason}",
            "look at rejected_events: each row names its place in the raw table",
        )


def _ties(report: QualityReport, limits: QualityOptions) -> Found:
    share, baskets = report.ties.share, report.split.baskets
    if share > limits.tie_share and not baskets:
        yield (
            "ties",
            f"{percent(share)} of neighbouring events tie: their order is not known",
            "set split.baskets: true so that events of one moment are one step, or compare results in the given order "
            "with results in shuffled order",
        )
    if report.overview.resolution == "day" and baskets:
        yield (
            "ties",
            f"times hold the day only, so all events of a user's day are one step ({percent(share)} of neighbouring "
            "events)",
            "where the order of the rows is real, map events.position and set split.baskets: false",
        )


def _text(report: QualityReport, limits: QualityOptions) -> Found:
    text = report.text
    if text is None or not text.items:
        return
    share = text.without_text / text.items
    if share > limits.no_text_share:
        absent = f", {text.not_in_item_table:,} of them because they are not in the item table"
        yield (
            "text",
            f"{percent(share)} of the catalogue items have no text ({text.without_text:,} of {text.items:,}"
            f"{absent if text.not_in_item_table else ''})",
            "text can say nothing about them; name more item_text.text_columns, or complete the item table",
        )


def _targets(report: QualityReport, limits: QualityOptions) -> Found:
    targets = report.targets
    if targets.unreachable_share > limits.unreachable_share:
        yield (
            "targets",
            f"{percent(targets.unreachable_share)} of the validation targets are not in the catalogue: no model can "
            f"name them ({targets.all - targets.reachable:,} of {targets.all:,})",
            "lower filter.min_item_events, retrain more often, or let text score new items (vocabulary.cold_items)",
        )
    if report.split.exclude_seen and targets.seen_share > limits.seen_share:
        yield (
            "targets",
            f"{percent(targets.seen_share)} of the validation targets are items that the user had before, which "
            "policy.exclude_seen leaves out of every list",
            "set policy.exclude_seen: false where people come back to items",
        )
    n_users = targets.users - targets.users_without_history
    if n_users < limits.few_users:
        yield (
            "targets",
            f"only {n_users:,} users can be validated: intervals will be wide",
            "hold out a longer window (split.validation_from, split.test_from), or use leave_one_out",
        )


def _users(report: QualityReport, limits: QualityOptions) -> Found:
    busiest = report.overview.busiest_user_share
    if busiest > max(limits.one_user_share, UNEVEN / max(report.overview.users, 1)):
        yield (
            "history_length",
            f"one user makes {percent(busiest)} of all events",
            "a robot, a test account or a till? set events.max_events_per_day, or leave the rows out of the raw table",
        )
    median = report.history_length.events.median
    if median is not None and median <= limits.short_history:
        yield (
            "history_length",
            f"the median history is {median} training {'event' if median == 1 else 'events'} long",
            "order can teach little; popularity, item-to-item and text models are the ones to look at",
        )


def _drift(report: QualityReport, limits: QualityOptions) -> Found:
    drift = report.drift
    if drift.unseen_items > limits.unseen_item_share:
        yield (
            "drift",
            f"{percent(drift.unseen_items)} of validation events are on items without accepted training events",
            "the catalogue turns over quickly: retrain often, and let text score new items (vocabulary.cold_items)",
        )
    # where whole users are held out, all of them are new by design
    if drift.new_users > limits.new_user_share and report.split.kind != "unseen_users":
        yield (
            "drift",
            f"{percent(drift.new_users)} of the users of validation have no training event",
            "look at results by length of history; what new users are shown matters as much as the model",
        )
    for title, shift in (("event types", drift.event_types), ("item popularity", drift.popularity)):
        if shift.stability_index > limits.stability_index:
            yield (
                "drift",
                f"{title} shift between training and validation: stability index {shift.stability_index:.2f} (above "
                f"{limits.stability_index:g} is a shift), Jensen-Shannon {shift.jensen_shannon:.3f} bits",
                "did logging, the assortment or the season change? train on a window that looks like tomorrow",
            )


def _core(report: QualityReport, limits: QualityOptions) -> Found:
    once = next((row for row in report.core if row.bin == "1"), None)
    if once is None or once.ratio is None or once.targets < FEWEST_TARGETS or once.ratio <= limits.once_seen_ratio:
        return
    cause = (
        "filter.window: all keeps an item that is rare in training only because it is held out"
        if report.split.window == "all"
        else "a k-core over the whole log before the data came here leaves this trace; so do items new at the split"
    )
    yield (
        "core",
        f"items seen once in training are held out {once.ratio:.1f} times as often per training event as items in "
        f"general ({once.targets:,} targets of {once.items:,} items)",
        f"{cause}; a model can harvest it, so report results without popularity features too",
    )


def _types(report: QualityReport, limits: QualityOptions) -> Found:
    types = report.drift.event_types
    missing = [name for name, train in zip(types.classes, types.train, strict=True) if train == 0]
    if missing:
        yield (
            "overview",
            f"declared event types without a training event: {', '.join(missing)}",
            "no model can predict them; correct events.event_types or the column they come from",
        )


CHECKS: tuple[Callable[[QualityReport, QualityOptions], Found], ...] = (
    _rejected,
    _types,
    _users,
    _ties,
    _text,
    _targets,
    _drift,
    _core,
)
