"""From raw tables to accepted events with their step, split and target, and to rejected rows with their reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import ibis

from nextact.events import cleaning
from nextact.events import columns as c
from nextact.events.coding import Texts
from nextact.events.contract import EventOptions
from nextact.events.erase import ErasedUsers, reject_erased
from nextact.events.filtering import FilterOptions, mark_too_rare
from nextact.events.splitting import SplitOptions, split_events


@dataclass(frozen=True)
class LabelledEvents:
    """What became of every raw row; ``accepted`` and ``rejected`` together are all of them.

    Attributes:
        stayed: Accepted rows, with codes for text where the engine is the better for it.
        left: Rejected rows, the same: by cleaning, by the k-core.
        moments: ISO moments of a split by time, else none.
        texts: What the codes stand for.
    """

    stayed: ibis.Table
    left: tuple[ibis.Table, ibis.Table]
    moments: dict[str, str]
    texts: Texts

    @property
    def accepted(self) -> ibis.Table:
        """Contract columns with ``place``, ``step``, ``split`` and ``is_target``."""
        return self.texts.decoded(self.stayed)

    @property
    def rejected(self) -> ibis.Table:
        """Contract columns with ``rejected_reason`` and ``rejected_cells``."""
        broken, rare = (self.texts.decoded(rows) for rows in self.left)
        return broken.union(rare.mutate(**{c.REJECTED_CELLS: ibis.null("string")}).select(*broken.columns))


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
    cleaned = cleaning.clean_coded(raw_events, events, items)
    texts, all_rows, broken = cleaned.texts, cleaned.events, cleaned.rejected
    if erased is not None and erased.erased_at:
        all_rows = reject_erased(texts.decoded(all_rows, [c.REJECTED_REASON]), erased, texts)
        broken = texts.keep(cleaning.rejected(all_rows))
    good = texts.decoded(cleaning.accepted(all_rows), split.compared_texts)
    ordered = events.has_times, events.row_order, texts.keep
    if keep.window == "all":
        marked = texts.keep(mark_too_rare(good, keep))
        labelled, moments = split_events(cleaning.accepted(marked), split, *ordered)
    else:
        labelled, moments = split_events(good, split, *ordered)
        marked = mark_too_rare(labelled, keep)
        labelled = cleaning.accepted(marked)
    rare = texts.keep(cleaning.rejected(marked).select(*all_rows.drop(c.REJECTED_CELLS).columns))
    return LabelledEvents(labelled, (broken, rare), moments, texts)


def count_rows(labelled: LabelledEvents) -> dict[str, dict[str, Any]]:
    """Rows by reason (``accepted`` for those that stayed), the same by source, and accepted rows by split."""
    stayed = labelled.stayed.mutate(reason=ibis.literal(cleaning.ACCEPTED), part=labelled.stayed[c.SPLIT])
    told = (labelled.texts.decoded(rows, [c.REJECTED_REASON]) for rows in labelled.left)
    left = (rows.mutate(reason=rows[c.REJECTED_REASON], part=ibis.null("string")) for rows in told)
    keys = [c.SOURCE, "reason", "part"]
    first, *others = (rows.group_by(keys).aggregate(n=rows.count()) for rows in (stayed, *left))
    counts = labelled.texts.decoded(first.union(*others)).execute()
    by_reason, by_source, by_split = Counter[str](), defaultdict[str, Counter[str]](Counter), Counter[str]()
    for source, reason, part, n in zip(*(counts[name] for name in (*keys, "n")), strict=True):
        by_reason[reason] += int(n)
        by_source[source][reason] += int(n)
        if reason == cleaning.ACCEPTED:
            by_split[part] += int(n)
    return {
        "rows_by_reason": dict(sorted(by_reason.items())),
        "rows_by_source": {source: dict(sorted(found.items())) for source, found in sorted(by_source.items())},
        "rows_by_split": dict(sorted(by_split.items())),
    }
