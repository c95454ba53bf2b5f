"""From raw tables to accepted events with their step, split and target, and to rejected rows with their reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis

from nextact.events import cleaning
from nextact.events import columns as c
from nextact.events.contract import EventOptions
from nextact.events.erase import ErasedUsers, reject_erased
from nextact.events.filtering import FilterOptions, mark_too_rare
from nextact.events.splitting import SplitOptions, split_events


@dataclass(frozen=True)
class LabelledEvents:
    """What became of every raw row; ``accepted`` and ``rejected`` together are all of them.

    Attributes:
        accepted: Contract columns with ``step``, ``split`` and ``is_target``.
        rejected: Contract columns with ``rejected_reason``.
        moments: ISO moments of a split by time, else none.
    """

    accepted: ibis.Table
    rejected: ibis.Table
    moments: dict[str, str]


def label_events(
    raw_events: object,
    items: ibis.Table | None,
    events: EventOptions,
    split: SplitOptions,
    keep: FilterOptions,
    erased: ErasedUsers | None = None,
) -> LabelledEvents:
    """Clean, filter and split.

    Args:
        raw_events: One row per logged action: an Ibis table or a frame, or one a source by name.
        items: The item table, with ``item_id``; needed where ``unknown_items`` is ``reject``.
        events: Column mapping and limits.
        split: What is held out.
        keep: The k-core. With ``window="all"`` it is applied before the split, else to training events after it.
        erased: Users whose rows are rejected and emptied; nobody, if left out.

    Raises:
        NextactError: See :func:`~nextact.events.cleaning.clean_events` and
            :func:`~nextact.events.splitting.split_events`.
    """
    split.require_event_types(events.event_types)
    cleaned = cleaning.clean_events(raw_events, events, items)
    if erased is not None:
        cleaned = reject_erased(cleaned, erased)
    good = cleaning.accepted(cleaned)
    if keep.window == "all":
        marked = mark_too_rare(good, keep).cache()
        labelled, moments = split_events(cleaning.accepted(marked), split, events.has_times)
        labelled = labelled.cache()
    else:
        labelled, moments = split_events(good, split, events.has_times)
        marked = mark_too_rare(labelled, keep).cache()
        labelled = cleaning.accepted(marked)
    rare = cleaning.rejected(marked).select(*cleaned.columns)
    return LabelledEvents(labelled, cleaning.rejected(cleaned).union(rare), moments)


def count_rows(labelled: LabelledEvents) -> dict[str, dict[str, Any]]:
    """Rows by reason (``accepted`` for those that stayed), the same by source, and accepted rows by split."""
    stayed = labelled.accepted.mutate(**{c.REJECTED_REASON: ibis.null("string")})
    names = [c.SOURCE, c.REJECTED_REASON]
    rows = stayed.select(names).union(labelled.rejected.select(names)).cache()
    by_split = labelled.accepted.group_by(c.SPLIT).aggregate(n=labelled.accepted.count()).execute()
    return {
        "rows_by_reason": cleaning.count_reasons(rows),
        "rows_by_source": cleaning.count_by_source(rows),
        "rows_by_split": {str(name): int(n) for name, n in sorted(zip(by_split[c.SPLIT], by_split["n"], strict=True))},
    }
