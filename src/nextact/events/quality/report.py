"""The data quality report: what a data scientist should know of the tables before trusting a model of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import pandas as pd

from nextact.events import columns as c
from nextact.events.engines import keep
from nextact.events.quality.counts import count_over_time, count_rows, count_texts, iso_second, records
from nextact.events.quality.holdout import (
    ItemGroup,
    by_training_count,
    describe_core,
    describe_drift,
    describe_targets,
    items_of,
    users_of,
)
from nextact.events.quality.shapes import (
    describe_histories,
    describe_popularity,
    describe_repeats,
    describe_ties,
    ratio,
    resolution,
)
from nextact.events.quality.warnings import QualityOptions, find_warnings
from nextact.events.tables import require_columns
from nextact.protocol import Certificate
from nextact.results.quality import Overview, QualityReport, Rules


def report_quality(
    events: ibis.Table,
    rejected: ibis.Table,
    items: ibis.Table | None,
    vocabulary: pd.DataFrame,
    rows_by_split: Mapping[str, int],
    certificate: Certificate,
    event_types: Sequence[str],
    has_times: bool,
    text_columns: Sequence[str],
    options: QualityOptions,
) -> QualityReport:
    """Describe the tables of a run, and warn of what is worth acting on.

    Everything is worked out by the tables' own engine; only small tables of counts are read. Rows of the test split
    are left out of every statistic: their number is known, and nothing else.

    Args:
        events: Accepted events with ``step``, ``split`` and ``is_target``.
        rejected: Rejected rows with ``rejected_reason``; they belong to no split.
        items: The item table, if there is one.
        vocabulary: The catalogue.
        rows_by_split: Accepted rows.
        certificate: Names the run and says whether baskets are steps, seen items are left out, and the filter's window.
        event_types: Declared behaviours.
        has_times: Whether ``timestamp`` holds times, or only positions.
        text_columns: Columns of the item text; none where there is no text.
        options: From when on a finding is a warning.

    Raises:
        NextactError: If a text column is missing.
    """
    if items is not None:
        require_columns(items, {name: name for name in text_columns}, "items")
    events = events.filter(events[c.SPLIT] != "test")
    users = keep(users_of(events))
    by_item = keep(items_of(events, vocabulary))
    groups = by_training_count(by_item)
    protocol = certificate.protocol
    report = QualityReport(
        **certificate.stamp,
        split=Rules(**dict(protocol.split), exclude_seen=protocol.exclude_seen, window=protocol.filter.window),
        rows=count_rows(events, rejected, rows_by_split),
        overview=_overview(events, users, groups, has_times),
        over_time=count_over_time(events, event_types) if has_times else None,
        history_length=describe_histories(users),
        popularity=describe_popularity(by_item),
        repeats=describe_repeats(events),
        ties=describe_ties(events),
        text=None if items is None or not text_columns else count_texts(items, vocabulary, text_columns),
        drift=describe_drift(events, users, groups, event_types),
        targets=describe_targets(events, vocabulary),
        core=describe_core(groups),
    )
    return report.model_copy(update={"warnings": find_warnings(report, options)})


def _overview(events: ibis.Table, users: ibis.Table, groups: Sequence[ItemGroup], has_times: bool) -> Overview:
    """Sizes, event types and the span of time outside test."""
    row = records(events.aggregate(first=events[c.TIMESTAMP].min(), last=events[c.TIMESTAMP].max()))[0]
    types = records(events.group_by(c.EVENT_TYPE).aggregate(n=events.count()).order_by(ibis.desc("n")))
    n_users, most = records(users.aggregate(n=users.count(), most=users["n_events"].max()))[0].values()
    n_events = sum(one["n"] for one in types)
    return Overview(
        events=n_events,
        users=n_users,
        items=sum(one.items for one in groups if one.n_training or one.n_validation),
        catalogue_items=sum(one.items for one in groups if one.in_catalogue),
        event_types={one[c.EVENT_TYPE]: one["n"] for one in types},
        first=iso_second(row["first"]) if has_times and n_events else None,
        last=iso_second(row["last"]) if has_times and n_events else None,
        resolution=resolution(events) if has_times and n_events else None,
        busiest_user_share=ratio(most, n_events),
    )
