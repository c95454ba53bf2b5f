"""Leave out rare items and users (k-core), on the training window unless a paper is to be reproduced."""

from __future__ import annotations

from typing import Literal

import ibis

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.events.engines import keep
from nextact.events.reasons import TOO_RARE
from nextact.options import Count, options

__all__ = ["TOO_RARE", "FilterOptions", "core_items_and_users", "mark_too_rare"]


@options
class FilterOptions:
    """How few events an item or a user may have.

    Attributes:
        min_item_events: Fewest events an item needs to stay in the catalogue.
        min_user_events: Fewest events a user needs to be learnt from.
        window: ``training`` counts training events only. ``all`` is the legacy protocol of many papers: it counts
            held-out events too and leaves out before anything is held out. It leaks: an item seen once in training
            stays only because it is held out elsewhere.
    """

    min_item_events: Count = 1
    min_user_events: Count = 1
    window: Literal["training", "all"] = "training"


def core_items_and_users(events: ibis.Table, options: FilterOptions) -> tuple[ibis.Table, ibis.Table]:
    """The ids that stay in the k-core.

    Args:
        events: Accepted events, with ``split`` unless ``window`` is ``all``.
        options: The two limits and the window they are counted in.

    Returns:
        ``(items, users)``: tables of one id column each. Repeated until nothing more falls below a limit.

    Raises:
        NextactError: If nothing is left.
    """
    window = events.filter(events[c.SPLIT] == "train") if options.window == "training" else events
    kept = window.select(c.ITEM_ID, c.USER_ID)
    limits = {c.ITEM_ID: options.min_item_events, c.USER_ID: options.min_user_events}
    limits = {column: at_least for column, at_least in limits.items() if at_least > 1}
    for column, at_least in limits.items():
        kept = _frequent(kept, column, at_least)
    if len(limits) > 1:
        kept = _until_nothing_falls(keep(kept), limits)
    items, users = (kept.select(column).distinct() for column in (c.ITEM_ID, c.USER_ID))
    items, users = keep(items), keep(users) if options.min_user_events > 1 else users  # else hardly anyone asks
    if not int(items.count().execute()):
        raise NextactError(
            f"filter: no event is left with min_item_events={options.min_item_events} and "
            f"min_user_events={options.min_user_events} on the {options.window} window; lower them"
        )
    return items, users


def _until_nothing_falls(kept: ibis.Table, limits: dict[str, int]) -> ibis.Table:
    n_before, n_now = -1, int(kept.count().execute())
    while n_now not in (n_before, 0):
        for column, at_least in limits.items():
            kept = _frequent(kept, column, at_least)
        kept = keep(kept)  # each round from the last one's rows, not from an ever deeper query
        n_before, n_now = n_now, int(kept.count().execute())
    return kept


def mark_too_rare(events: ibis.Table, options: FilterOptions) -> ibis.Table:
    """Give training events outside the k-core the reason :data:`TOO_RARE`.

    Held-out events of such items and users stay: they really happened, and a model that cannot recommend them misses
    them. With ``window="all"`` every event outside goes, before the split: a user's newest step is one that stayed.

    Args:
        events: Accepted events, with ``split`` unless ``window`` is ``all``.
        options: The limits.

    Returns:
        The events with ``rejected_reason``.
    """
    items, users = core_items_and_users(events, options)
    in_core = ibis.literal(True)
    if options.min_item_events > 1:  # without a limit every item of a user in the core is in it, too; so are users
        in_core &= events[c.ITEM_ID].isin(items[c.ITEM_ID])
    if options.min_user_events > 1:
        in_core &= events[c.USER_ID].isin(users[c.USER_ID])
    concerned = ibis.literal(True) if options.window == "all" else events[c.SPLIT] == "train"
    reason = (concerned & ~in_core).ifelse(ibis.literal(TOO_RARE), ibis.null("string"))
    return events.mutate(**{c.REJECTED_REASON: reason})


def _frequent(events: ibis.Table, column: str, at_least: int) -> ibis.Table:
    counts = events.group_by(column).aggregate(n=events.count()).filter(lambda t: t.n >= at_least)
    return events.semi_join(counts, column)
