"""The data quality report as one page that stands alone."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from nextact.events.quality_warnings import percent
from nextact.reports.html import page, section, table, text, tiles
from nextact.reports.numbers import decimal, share, whole
from nextact.reports.svg import Axes, bar_chart, legend, log_log_chart

Report = Mapping[str, Any]

QUANTILES = ("min", "q25", "median", "q75", "q90", "q99", "max")
SPLITS = ("train", "validation", "test")
TITLE = "Data quality"


def quality_page(report: Report) -> str:
    """The page of a report of :func:`nextact.events.quality.report_quality`, stamped with its run.

    Hand-written SVG rather than an embedded plotting library: about 50 kB instead of 5 MB, no script that a mail
    filter or a browser's policy could refuse, and it prints. The same figures stand in Kedro-Viz as Plotly.
    """
    parts = (_head, _warnings, _rows, _over_time, _histories, _items, _validation, _core)
    return page(f"{TITLE} · run {report['run_id']}", "\n".join(part(report) for part in parts))


def _head(report: Report) -> str:
    overview, rows, targets = report["overview"], report["rows"], report["targets"]
    numbers = [
        (whole(overview["events"]), "events outside test"),
        (whole(overview["users"]), "users"),
        (whole(overview["catalogue_items"]), "items in the catalogue"),
        (whole(report["history_length"]["events"]["median"]), "median training events a user"),
        (percent(report["repeats"]["share"]), "of events repeat an item"),
        (percent(1 - targets["unreachable_share"]) if targets["all"] else "-", "of validation targets are reachable"),
    ]
    closed = (
        f"Run {report['run_id']}. All figures are of training and validation. The "
        f"{whole(rows['by_split'].get('test', 0))} rows of the test split are counted; nothing else is read of them."
    )
    return f"<h1>{TITLE}</h1>{text(closed, 'soft')}{tiles(numbers)}"


def _warnings(report: Report) -> str:
    found = report["warnings"]
    if not found:
        return section("warnings", "Worth acting on", text("Nothing found above the limits of the quality options."))
    lines = [
        f'<li><a href="#{one["topic"]}">{_sentence(one["message"])}</a><span>{_sentence(one["advice"])}</span></li>'
        for one in found
    ]
    return section("warnings", "Worth acting on", f'<ul class="warnings">{"".join(lines)}</ul>')


def _sentence(words: str) -> str:
    return escape(words[:1].upper() + words[1:])


def _rows(report: Report) -> str:
    rows = report["rows"]
    read = rows["read"]
    split = rows["by_split"]
    by_split = [[name, whole(split[name]), share(split[name], read)] for name in SPLITS if name in split]
    by_source = [
        [row["source"] or "raw_events", row["reason"], whole(row["n"]), share(row["n"], read)]
        for row in rows["by_source"]
    ]
    return section(
        "rows",
        "Rows",
        text(
            f"{whole(rows['read'])} rows were read, "
            + (
                f"{whole(rows['rejected'])} rejected; each of these keeps its reason."
                if rows["rejected"]
                else "all kept."
            )
        ),
        table("Accepted rows by split", ["split", "rows", "of all"], by_split),
        table("By source; accepted rows are those outside test", ["source", "reason", "rows", "of all"], by_source, 2),
    )


def _over_time(report: Report) -> str:
    overview, over_time = report["overview"], report["over_time"]
    types = [[name, whole(n), share(n, overview["events"])] for name, n in overview["event_types"].items()]
    parts = [table("Event types outside test", ["event type", "events", "of all"], types)]
    if over_time is None:
        parts.append(text("The log has no times, so events cannot be laid out over time."))
    else:
        axes = Axes("Events over time by type", f"{over_time['bucket']} (UTC)", f"events a {over_time['bucket']}")
        parts.insert(0, bar_chart(over_time["starts"], over_time["counts"], axes))
        parts.insert(1, legend(list(over_time["counts"])))
        parts.append(
            text(
                f"From {overview['first']} to {overview['last']} UTC; the clock shows the {overview['resolution']}. "
                "The first and the last bar may cover a part only."
            )
        )
    return section("overview", "Events over time", *parts)


def _histories(report: Report) -> str:
    lengths, ties, repeats = report["history_length"], report["ties"], report["repeats"]
    bars = lengths["histogram"]
    axes = Axes("Users by number of training events", "training events", "users")
    return section(
        "history_length",
        "Histories",
        bar_chart([bar["bin"] for bar in bars], {"users": [bar["n"] for bar in bars]}, axes),
        table(
            "A user's training",
            ["", "users", "mean", *QUANTILES],
            [_quantiles(lengths[k], k) for k in ("events", "steps")],
        ),
        text(
            f"{percent(repeats['share'])} of the events are on an item that the user had in an earlier step "
            f"({whole(repeats['n'])} of {whole(repeats['events'])})."
        ),
        '<h3 id="ties">Ties</h3>',
        text(
            f"{percent(ties['share'])} of a user's neighbouring events share a moment ({whole(ties['n'])} of "
            f"{whole(ties['neighbours'])}). " + _tie_meaning(report)
        ),
    )


def _tie_meaning(report: Report) -> str:
    if report["split"]["baskets"]:
        return "Events of one moment are one step here, so no order is invented inside."
    return "Each event is a step here, so their order is the given one, which may mean nothing."


def _items(report: Report) -> str:
    popularity, found = report["popularity"], report["text"]
    axes = Axes("Training events of items, most popular first", "rank of the item", "training events")
    tops = " and ".join(
        f"the top {percent(float(top))} of the items have {percent(value)}"
        for top, value in popularity["top_shares"].items()
    )
    parts = [
        log_log_chart(popularity["curve"], axes),
        text(f"Of all training events {tops}."),
        table("An item's training", ["", "items", "mean", *QUANTILES], [_quantiles(popularity["events"], "events")]),
        '<h3 id="text">Text</h3>',
    ]
    if found is None:
        return section("popularity", "Items", *parts, text("The project names no text columns."))
    filled = [[name, share(part)] for name, part in found["filled"].items()]
    absent = (
        f"{whole(found['without_text'])} of {whole(found['items'])} catalogue items have no text; "
        f"{whole(found['not_in_item_table'])} are not in the item table."
    )
    return section(
        "popularity", "Items", *parts, text(absent), table("", ["text column", "items that have it"], filled)
    )


def _validation(report: Report) -> str:
    targets, drift = report["targets"], report["drift"]
    rows = [
        ["users with a target", whole(targets["users"]), ""],
        ["of them without a history, so not evaluated", whole(targets["users_without_history"]), ""],
        ["targets", whole(targets["all"]), ""],
        ["reachable: in the catalogue", whole(targets["reachable"]), share(targets["reachable"], targets["all"])],
        ["seen: the user had the item before", whole(targets["seen"]), share(targets["seen"], targets["all"])],
        ["validation events", whole(drift["validation_events"]), ""],
        ["of them on items without a training event", "", share(drift["unseen_items"])],
        ["users of validation without a training event", "", share(drift["new_users"])],
    ]
    policy = "left out of" if report["split"]["exclude_seen"] else "kept in"
    return section(
        "targets",
        "Validation beside training",
        table("", ["", "number", "share"], rows),
        text(f"Seen items are {policy} the lists of this run (policy.exclude_seen)."),
        '<h3 id="drift">Drift</h3>',
        text(
            "Stability index: below 0.1 is stable, above 0.25 a shift. Jensen-Shannon: 0 for equal shares, at most 1."
        ),
        _drift_table("Event types", drift["event_types"]),
        _drift_table("Events by training events of their item, items unseen in training left out", drift["popularity"]),
    )


def _drift_table(caption: str, drift: Mapping[str, Any]) -> str:
    rows = [
        [name, share(train), share(validation)]
        for name, train, validation in zip(drift["classes"], drift["train"], drift["validation"], strict=True)
    ]
    numbers = (
        f"{caption}: stability index {decimal(drift['stability_index'], 3)}, "
        f"Jensen-Shannon {decimal(drift['jensen_shannon'], 4)} bits"
    )
    return table(numbers, ["", "train", "validation"], rows)


def _core(report: Report) -> str:
    core = report["core"]
    shown = [row for row in core if row["ratio"] is not None]
    axes = Axes(
        "Validation targets per training event, relative to all items", "training events of the item", "times the mean"
    )
    names = [
        "training events",
        "items",
        "events",
        "targets",
        "per item",
        "times the mean",
        "per event",
        "times the mean",
    ]
    rows = [
        [
            row["bin"],
            *(whole(row[name]) for name in ("items", "events", "targets")),
            decimal(row["targets_per_item"], 3),
            decimal(row["ratio_per_item"]),
            decimal(row["targets_per_event"], 4),
            decimal(row["ratio"]),
        ]
        for row in core
    ]
    return section(
        "core",
        "Held out beside seen",
        text(
            "How often items are held out for validation, by how often they were seen in training. Where the past "
            "foretells the future, targets per training event are alike in all rows (1 times the mean). A k-core over "
            "the whole log keeps items that are rare in training only because they are held out: the first rows then "
            "stand far above 1, and a model can harvest that."
        ),
        bar_chart(
            [row["bin"] for row in shown], {"targets per event": [row["ratio"] for row in shown]}, axes, mark=1.0
        ),
        table("", names, rows),
    )


def _quantiles(found: Mapping[str, Any], name: str) -> list[str]:
    return [name, whole(found["n"]), decimal(found["mean"], 1), *(whole(found[key]) for key in QUANTILES)]
