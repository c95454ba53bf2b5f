"""The data quality report as one page that stands alone, and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nextact.events.quality.warnings import percent
from nextact.reports.figures import quality_figures as figures
from nextact.reports.figures.drawing import as_svg
from nextact.reports.numbers import decimal, share, whole
from nextact.reports.pages.tables import Table
from nextact.reports.pages.templating import render
from nextact.results.quality import Bar, QualityReport, QualityWarning, Quantiles, Shift

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUANTILES = ("min", "q25", "median", "q75", "q90", "q99", "max")
SPLITS = ("train", "validation", "test")
DRIFTS = {
    "event_types": "Event types",
    "popularity": "Events by training events of their item, items unseen in training left out",
}


def draw_quality(report: QualityReport) -> dict[str, Figure]:
    """The figures of a report, for the page and for Kedro-Viz."""
    return {
        "events_over_time": figures.events_over_time(report),
        "history_lengths": figures.history_lengths(report),
        "item_popularity": figures.item_popularity(report),
        "rejected_rows": figures.rejected_rows(report),
        "held_out_beside_seen": figures.held_out_beside_seen(report),
    }


def quality_page(report: QualityReport, drawn: Mapping[str, Figure]) -> str:
    """The page of a report.

    Figures stand in it as SVG rather than by a plotting library in the browser: about 100 kB instead of 5 MB, no
    script that a mail filter or a browser's policy could refuse, and it prints.

    Args:
        report: Of :func:`nextact.events.quality.report.report_quality`, stamped with its run.
        drawn: Of :func:`draw_quality`.
    """
    return render(
        "quality.html",
        report=report,
        figures={name: as_svg(figure) for name, figure in drawn.items()},
        tables=_tables(report),
        drifts=[_shift(getattr(report.drift, name), title) for name, title in DRIFTS.items()],
        warnings=[_in_sentences(one) for one in report.warnings],
        tops=[f"the top {percent(float(top))} have {percent(n)}" for top, n in report.popularity.top_shares.items()],
        reachable=_reachable(report),
        n_test=report.rows.by_split.get("test", 0),
    )


def _tables(report: QualityReport) -> dict[str, Table]:
    """Every table that is always there, by a name for the template; empty where the report has no such part."""
    return {
        "splits": _splits(report),
        "sources": _sources(report),
        "types": _types(report),
        "over_time": _over_time(report),
        "histories": Table(
            "A user's training",
            ["", "users", "mean", *QUANTILES],
            [_quantiles(report.history_length.events, "events"), _quantiles(report.history_length.steps, "steps")],
        ),
        "lengths": _histogram("Users by training events", "users", report.history_length.histogram),
        "popularity": Table(
            "An item's training",
            ["", "items", "mean", *QUANTILES],
            [_quantiles(report.popularity.events, "events")],
        ),
        "text": _texts(report),
        "targets": Table("", ["", "number", "share"], _targets(report)),
        "core": _core(report),
    }


def _splits(report: QualityReport) -> Table:
    rows, read = report.rows.by_split, report.rows.read
    cells = [[name, whole(rows[name]), share(rows[name], read)] for name in SPLITS if name in rows]
    return Table("Accepted rows by split", ["split", "rows", "of all"], cells)


def _sources(report: QualityReport) -> Table:
    read = report.rows.read
    cells = [
        [row.source or "raw_events", row.reason, whole(row.n), share(row.n, read)] for row in report.rows.by_source
    ]
    title = "By source; accepted rows are those outside test"
    return Table(title, ["source", "reason", "rows", "of all"], cells, 2)


def _types(report: QualityReport) -> Table:
    overview = report.overview
    cells = [[name, whole(n), share(n, overview.events)] for name, n in overview.event_types.items()]
    return Table("Event types outside test", ["event type", "events", "of all"], cells)


def _over_time(report: QualityReport) -> Table:
    over_time = report.over_time
    if over_time is None:
        return Table("Events over time", [], [])
    cells = [
        [start, *(whole(n) for n in counts)]
        for start, *counts in zip(over_time.starts, *over_time.counts.values(), strict=True)
    ]
    return Table("Events over time", [f"{over_time.bucket} (UTC)", *over_time.counts], cells)


def _histogram(title: str, of: str, bars: Sequence[Bar]) -> Table:
    return Table(title, ["training events", of], [[bar.bin, whole(bar.n)] for bar in bars])


def _targets(report: QualityReport) -> list[list[str]]:
    targets, drift = report.targets, report.drift
    return [
        ["users with a target", whole(targets.users), ""],
        ["of them without a history, so not evaluated", whole(targets.users_without_history), ""],
        ["targets", whole(targets.all), ""],
        ["reachable: in the catalogue", whole(targets.reachable), share(targets.reachable, targets.all)],
        ["seen: the user had the item before", whole(targets.seen), share(targets.seen, targets.all)],
        ["validation events", whole(drift.validation_events), ""],
        ["of them on items without a training event", "", share(drift.unseen_items)],
        ["users of validation without a training event", "", share(drift.new_users)],
    ]


def _shift(shift: Shift, title: str) -> Table:
    cells = [
        [name, share(train), share(validation)]
        for name, train, validation in zip(shift.classes, shift.train, shift.validation, strict=True)
    ]
    numbers = (
        f"{title}: stability index {decimal(shift.stability_index, 3)}, "
        f"Jensen-Shannon {decimal(shift.jensen_shannon, 4)} bits"
    )
    return Table(numbers, ["", "train", "validation"], cells)


def _core(report: QualityReport) -> Table:
    per = ["per item", "times the mean", "per event", "times the mean"]
    cells = [
        [
            row.bin,
            whole(row.items),
            whole(row.events),
            whole(row.targets),
            decimal(row.targets_per_item, 3),
            decimal(row.ratio_per_item),
            decimal(row.targets_per_event, 4),
            decimal(row.ratio),
        ]
        for row in report.core
    ]
    return Table("", ["training events", "items", "events", "targets", *per], cells)


def _quantiles(found: Quantiles, name: str) -> list[str]:
    return [name, whole(found.n), decimal(found.mean, 1), *(whole(getattr(found, key)) for key in QUANTILES)]


def _texts(report: QualityReport) -> Table:
    filled = {} if report.text is None else report.text.filled
    return Table("", ["text column", "items that have it"], [[name, share(part)] for name, part in filled.items()])


def _reachable(report: QualityReport) -> str:
    targets = report.targets
    return percent(1 - targets.unreachable_share) if targets.all else "-"


def _in_sentences(warning: QualityWarning) -> QualityWarning:
    return warning.model_copy(update={"message": _sentence(warning.message), "advice": _sentence(warning.advice)})


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
