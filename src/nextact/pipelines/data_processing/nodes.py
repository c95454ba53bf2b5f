"""Thin nodes over :mod:`nextact.events` and :mod:`nextact.sequences`."""

import logging
from typing import Any

import ibis
import pandas as pd

from nextact.events import columns as c
from nextact.events import filtering, items, labelling, splitting
from nextact.events.contract import EventOptions
from nextact.events.erase import ErasedUsers
from nextact.events.steps import describe_ties
from nextact.protocol import Certificate, Data, EvaluationProtocol, Filter, PolicyOptions, write_certificate
from nextact.results.data import EventCounts
from nextact.sequences import build
from nextact.sequences.checks import check_holdouts
from nextact.sequences.fingerprint import data_fingerprint
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts

logger = logging.getLogger(__name__)


def clean_items(raw_items: Any, options: items.ItemOptions) -> ibis.Table:
    """One row per item, its id as text under ``item_id``; the other columns as they are."""
    return items.clean_items(raw_items, options)


def label_events(
    raw_events: Any,
    item_table: ibis.Table,
    erased_users: ErasedUsers,
    events: EventOptions,
    split: splitting.SplitOptions,
    keep: filtering.FilterOptions,
) -> tuple[ibis.Table, ibis.Table, EventCounts]:
    """Accepted events with step, split and target; rejected rows with their reason; counts."""
    labelled = labelling.label_events(raw_events, item_table, events, split, keep, erased_users)
    counts = EventCounts(**labelling.count_rows(labelled), moments=labelled.moments)
    reasons = counts.rows_by_reason.items()
    logger.info("Rows by reason: %s", ", ".join(f"{reason} {n:,}" for reason, n in reasons))
    return labelled.accepted, labelled.rejected, counts


def fit_vocabulary(events: ibis.Table, item_table: ibis.Table, options: build.VocabularyOptions) -> pd.DataFrame:
    """Item indices from training events."""
    return build.fit_vocabulary(events, item_table, options)


def build_histories(
    events: ibis.Table, vocabulary: pd.DataFrame, options: EventOptions, split: splitting.SplitOptions, seed: int
) -> tuple[pd.DataFrame, Histories, Cuts, Cuts]:
    """User ids, arrays, and the cuts of validation and of test, after a check that both hold users."""
    built = build.build_histories(events, vocabulary, options.event_types)
    logger.info("%d users, %d events, %d items", built.histories.n_users, built.histories.n_events, len(vocabulary))
    check_holdouts(built.histories, built.validation, built.test, split, seed)
    return built.user_ids, built.histories, built.validation, built.test


def certify(
    histories: Histories,
    vocabulary: pd.DataFrame,
    counts: EventCounts,
    events: EventOptions,
    split: splitting.SplitOptions,
    keep: filtering.FilterOptions,
    policy: PolicyOptions,
    seed: int,
) -> Certificate:
    """The certificate of a new run: everything that changes what a metric means."""
    protocol = EvaluationProtocol(
        data=Data(
            sha256=data_fingerprint(histories, vocabulary[c.ITEM_ID]), users=histories.n_users, items=len(vocabulary)
        ),
        split=splitting.describe_split(split, counts.moments),
        ties=describe_ties(split, events.has_positions),
        target_event_types=tuple(split.target_event_types or events.event_types),
        filter=Filter(item=keep.min_item_events, user=keep.min_user_events, window=keep.window),
        exclude_seen=policy.exclude_seen,
        refit=policy.refit_in_words,
        metrics="full ranking, binary gains, ties by expectation, unreachable targets count as missed",
    )
    return write_certificate(protocol, seed, {"events": events, "split": split, "filter": keep, "policy": policy})
