"""What the evaluation says of horizons: a section of the page and a part of the model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nextact.reports.evaluation_words import caption, interval, signed_interval
from nextact.reports.html import section, table, text
from nextact.reports.numbers import decimal, share, whole

Report = Mapping[str, Any]

NAMES = ["users", "left out", "predicted", "happened", "log loss, nats", "beside the share", "Brier", "ROC-AUC"]
PARTS = ("validation", "test")
EXPLANATION = (
    "Predicted and happened are means over users; an event is one on an item of the catalogue. Users whose window is "
    "not observed to its end are left out. Beside the share: log loss minus that of giving everybody the share of "
    "training, paired by user; below 0 is better."
)


def horizons_section(results: Report) -> str:
    """Whether an event comes within each horizon, on validation and on test."""
    of_parts = results.get("horizons")
    if of_parts is None:
        return ""
    parts = []
    for part in PARTS:
        found = of_parts[part]
        parts.append(f"<h3>{part.capitalize()}</h3>")
        if "why_not" in found:
            parts.append(text(found["why_not"]))
            continue
        rows = [[name, row["event_type"], days_of(row), *cells(row)] for name, row in _rows(found)]
        names = ["model", "event type", "within", *NAMES]
        parts += [text(window(found)), table(caption(f"Horizons on {part}", results), names, rows, 3)]
    return section("horizons", "Will they, within so many days?", *parts, text(EXPLANATION, "soft"))


def horizons_lines(results: Report) -> list[tuple[str, list[list[str]]]]:
    """For each part a sentence and rows of cells for a table, none where horizons were not scored."""
    lines: list[tuple[str, list[list[str]]]] = []
    for part, found in (results.get("horizons") or {}).items():
        if "why_not" in found:
            lines.append((f"{part.capitalize()}: {found['why_not']}", []))
        else:
            rows = [[name, row["event_type"], days_of(row), *cells(row)] for name, row in _rows(found)]
            lines.append((f"{part.capitalize()}: {window(found)}", rows))
    return lines


def window(found: Report) -> str:
    """The window in words."""
    left_out = "; ".join(f"{whole(n)} users: {why}" for why, n in found["users_left_out"].items() if n) or "nobody"
    return (
        f"Predicted at {found['moment']}, observed for {found['days_observed']} days; {whole(found['users'])} users. "
        f"Left out: {left_out}."
    )


def days_of(row: Report) -> str:
    """The horizon in words.

    Example:
        >>> days_of({"horizon_days": 1}), days_of({"horizon_days": 7})
        ('1 day', '7 days')
    """
    return "1 day" if row["horizon_days"] == 1 else f"{row['horizon_days']} days"


def cells(row: Report) -> list[str]:
    """The numbers of one event type and horizon; dashes where nobody was observed so long."""
    counts = [whole(row["users"]), whole(row["censored"])]
    if not row["users"]:
        return counts + ["-"] * (len(NAMES) - len(counts))
    return [
        *counts,
        share(row["predicted"]),
        share(row["happened"]),
        interval(row["log_loss"], digits=3),
        signed_interval(row["log_loss_against_share"], "difference"),
        decimal(row["brier"]["mean"], 4),
        interval(row["roc_auc"], digits=3),
    ]


def _rows(found: Report) -> list[tuple[str, Report]]:
    return [(name, row) for name, rows in found["models"].items() for row in rows]
