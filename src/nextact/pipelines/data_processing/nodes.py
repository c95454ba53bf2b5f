"""Thin nodes over :mod:`nextact.events` and :mod:`nextact.sequences`."""

import hashlib
import logging
from typing import Any

import ibis
import pandas as pd

from nextact.errors import NextactError
from nextact.events import cleaning, filtering, splitting
from nextact.events import columns as c
from nextact.events.contract import EventOptions, as_table, require_columns
from nextact.protocol import Certificate, PolicyOptions, write_certificate
from nextact.sequences import build
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts

logger = logging.getLogger(__name__)


def clean_items(raw_items: Any, id_column: str) -> ibis.Table:
    """One row per item, its id as text under ``item_id``; the other columns as they are."""
    items = as_table(raw_items)
    require_columns(items, {"item_id": id_column}, "raw_items")
    items = items.rename({c.ITEM_ID: id_column}).mutate(**{c.ITEM_ID: lambda t: t[c.ITEM_ID].cast("string")})
    repeats = items.group_by(c.ITEM_ID).aggregate(n=items.count()).filter(lambda t: t.n > 1).limit(1).execute()
    if len(repeats):
        raise NextactError(f"raw_items[{id_column!r}]: ids must be distinct, {repeats[c.ITEM_ID][0]!r} repeats")
    return items


def label_events(
    raw_events: Any, events: EventOptions, split: splitting.SplitOptions, keep: filtering.FilterOptions
) -> tuple[ibis.Table, ibis.Table, dict[str, Any]]:
    """Accepted events with step, split and target; rejected rows with their reason; counts."""
    cleaned = cleaning.clean_events(raw_events, events)
    labelled, moments = splitting.split_events(cleaning.accepted(cleaned), split)
    marked = filtering.mark_too_rare(labelled, keep).cache()
    rare = cleaning.rejected(marked).drop(c.STEP, c.SPLIT, c.IS_TARGET)
    rejected = cleaning.rejected(cleaned).union(rare.select(*cleaned.columns))
    counts = cleaning.count_reasons(cleaned) | cleaning.count_reasons(marked)
    logger.info("Rows by reason: %s", ", ".join(f"{reason} {n:,}" for reason, n in counts.items()))
    report = {"rows_by_reason": counts, "moments": moments, "rows_by_split": _by_split(marked)}
    return cleaning.accepted(marked), rejected, report


def _by_split(events: ibis.Table) -> dict[str, int]:
    kept = cleaning.accepted(events)
    counts = kept.group_by(c.SPLIT).aggregate(n=kept.count()).execute()
    return {str(name): int(n) for name, n in sorted(zip(counts[c.SPLIT], counts["n"], strict=True))}


def fit_vocabulary(events: ibis.Table, items: ibis.Table, options: build.VocabularyOptions) -> pd.DataFrame:
    """Item indices from training events."""
    return build.fit_vocabulary(events, items, options)


def build_histories(
    events: ibis.Table, vocabulary: pd.DataFrame, options: EventOptions
) -> tuple[pd.DataFrame, Histories, Cuts, Cuts]:
    """User ids, arrays, and the cuts of validation and of test."""
    built = build.build_histories(events, vocabulary, options.event_types)
    logger.info("%d users, %d events, %d items", built.histories.n_users, built.histories.n_events, len(vocabulary))
    return built.user_ids, built.histories, built.validation, built.test


def certify(
    histories: Histories,
    vocabulary: pd.DataFrame,
    report: dict[str, Any],
    split: splitting.SplitOptions,
    keep: filtering.FilterOptions,
    policy: PolicyOptions,
    seed: int,
) -> Certificate:
    """The certificate of a new run: everything that changes what a metric means."""
    fingerprint = hashlib.sha256("\n".join(vocabulary[c.ITEM_ID]).encode())
    for array in (histories.offsets, histories.item_index, histories.event_type, histories.timestamp):
        fingerprint.update(array.tobytes())
    protocol = {
        "data": {"sha256": fingerprint.hexdigest(), "users": histories.n_users, "items": len(vocabulary)},
        "split": {"kind": split.kind, "baskets": split.baskets, **report["moments"]},
        "filter": {"item": keep.min_item_events, "user": keep.min_user_events, "window": keep.window},
        "exclude_seen": policy.exclude_seen,
        "refit": "none: test is scored by the model fitted on training events",
        "metrics": "full ranking, binary gains, ties by expectation, unreachable targets count as missed",
    }
    return write_certificate(protocol, seed)
