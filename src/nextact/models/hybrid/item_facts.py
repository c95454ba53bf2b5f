"""What the training events say of an item by itself: how often, how lately, since when."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextact.models.baselines.history_weights import MICROSECONDS_PER_DAY
from nextact.sequences.histories import Histories

FACTS = ("log_popularity", "log_recent_popularity", "newest_share", "last_day", "first_day")
HALF_LIFE_DAYS = 60.0


def item_facts(histories: Histories, n_items: int) -> NDArray[np.float32]:
    """Facts of every item, float32 [n_items + 1, len(FACTS)].

    Log of one plus the training events; the same with events that count half every 60 days before the newest of all;
    the share of the events that are their user's newest; and the days (since 1970) of the item's last and first event.
    An item without an event has NaN from the share on.
    """
    facts = np.full((n_items + 1, len(FACTS)), np.nan, np.float32)
    counts = np.bincount(histories.item_index, minlength=n_items + 1)
    days = histories.timestamp / MICROSECONDS_PER_DAY
    faded = np.exp2((days - days.max(initial=-np.inf)) / HALF_LIFE_DAYS)
    facts[:, 0] = np.log1p(counts)
    facts[:, 1] = np.log1p(np.bincount(histories.item_index, weights=faded, minlength=n_items + 1))
    newest = histories.item_index[histories.offsets[1:][histories.lengths > 0] - 1]
    share = np.bincount(newest, minlength=n_items + 1) / np.maximum(counts, 1)
    last, first = np.full(n_items + 1, -np.inf), np.full(n_items + 1, np.inf)
    np.maximum.at(last, histories.item_index, days)
    np.minimum.at(first, histories.item_index, days)
    known = counts > 0
    facts[known, 2:] = np.stack([share, last, first], axis=1)[known]
    return facts
