"""What the training events say of an item by itself: how often, how lately, since when, and whether it is repeated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.events.moments import DAY
from nextact.models.hybrid.pairs import pairs
from nextact.sequences.histories import Histories

# what stays the same however long after the log is asked, other than the days, from which ages are made
LASTING = ("repeat_share", "repeat_gap_days", "week_in_month", "month_share")
FACTS = ("log_popularity", "log_recent_popularity", "newest_share", "last_day", "first_day", *LASTING)
HALF_LIFE_DAYS, WEEK, MONTH = 60.0, 7.0, 28.0
Facts = NDArray[np.float32]


def item_facts(histories: Histories, n_items: int) -> Facts:
    """Facts of every item, float32 [n_items + 1, len(FACTS)].

    - log of one plus the training events, and the same with events that count half every 60 days before the newest
    - the share of the events that are their user's newest
    - the days (since 1970) of the item's last and first event
    - the share of the events that are not their user's first with the item, of whatever type and be it in the same
      basket, and the mean days from an event of a user with it to that user's next
    - of the events in the newest four weeks of the log the share of the newest week, and the share of all events that
      these four weeks hold

    What has no event to be told from is NaN. In a log without times positions stand in for them, and its newest weeks
    hold everything.
    """
    facts = np.full((n_items + 1, len(FACTS)), np.nan, np.float32)
    counts = np.bincount(histories.item_index, minlength=n_items + 1)
    days = histories.timestamp / DAY
    age = days.max(initial=-np.inf) - days
    faded = np.exp2(-age / HALF_LIFE_DAYS)
    facts[:, 0] = np.log1p(counts)
    facts[:, 1] = np.log1p(np.bincount(histories.item_index, weights=faded, minlength=n_items + 1))
    newest = histories.item_index[histories.offsets[1:][histories.lengths > 0] - 1]
    last, first = np.full(n_items + 1, -np.inf), np.full(n_items + 1, np.inf)
    np.maximum.at(last, histories.item_index, days)
    np.minimum.at(first, histories.item_index, days)
    known = counts > 0
    of_known = [share(np.bincount(newest, minlength=n_items + 1), counts), last, first]
    repeats, span = _repeats(histories, n_items)
    of_known += [share(repeats, counts), share(span, repeats)]
    week, month = (np.bincount(histories.item_index[age < most], minlength=n_items + 1) for most in (WEEK, MONTH))
    of_known += [share(week, month), share(month, counts)]
    facts[known, 2:] = np.stack(of_known, axis=1)[known]
    return facts


def share(part: NDArray[np.number], whole: NDArray[np.number]) -> NDArray[np.float64]:
    """A part of a whole; NaN of nothing.

    Example:
        >>> share(np.array([1, 0]), np.array([2, 0])).tolist()
        [0.5, nan]
    """
    result = np.full(len(whole), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def _repeats(histories: Histories, n_items: int) -> tuple[NDArray[Any], ...]:
    """Events of each item that are not their user's first with it; days from first to last, added up over users."""
    key = histories.users_of_events * np.int64(n_items + 1) + histories.item_index
    of_pair, first, last, counts = pairs(key)
    days = (histories.timestamp[last] - histories.timestamp[first]) / DAY
    item = of_pair % (n_items + 1)
    return tuple(np.bincount(item, weights=weights, minlength=n_items + 1) for weights in (counts - 1, days))
