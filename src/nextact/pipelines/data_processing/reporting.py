"""Nodes that look at the accepted events and write down what they found."""

import logging
from typing import Any

import ibis
import pandas as pd

from nextact.events.contract import EventOptions
from nextact.events.quality.report import report_quality
from nextact.events.quality.warnings import QualityOptions
from nextact.printing import printable
from nextact.protocol import Certificate
from nextact.reports.pages import quality_page
from nextact.results.data import EventCounts
from nextact.results.quality import QualityReport

logger = logging.getLogger(__name__)


def describe_quality(
    events: ibis.Table,
    rejected: ibis.Table,
    item_table: ibis.Table,
    vocabulary: pd.DataFrame,
    counts: EventCounts,
    certificate: Certificate,
    options: EventOptions,
    text_columns: list[str],
    limits: QualityOptions,
) -> QualityReport:
    """The data quality report, which leaves the test split closed; its warnings are logged too."""
    report = report_quality(
        events,
        rejected,
        item_table,
        vocabulary,
        counts.rows_by_split,
        certificate,
        options.event_types,
        options.has_times,
        text_columns,
        limits,
    )
    for warning in report.warnings:
        logger.warning("Data quality: %s", printable(warning.message))
    return report


def write_quality_page(report: QualityReport) -> dict[str, Any]:
    """The report as one ``page`` of HTML that needs nothing but a browser, and its figures for Kedro-Viz."""
    drawn = quality_page.draw_quality(report)
    return {"page": quality_page.quality_page(report, drawn), **drawn}
