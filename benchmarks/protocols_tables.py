"""Write the tables of ``docs/protocols.md`` anew from ``benchmarks/results/protocols.jsonl``.

    python benchmarks/protocols_tables.py

A table stands between ``<!-- numbers: NAME -->`` and ``<!-- end -->``. Of several lines of one model and variant the
newest counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "results" / "protocols.jsonl", HERE.parent / "docs" / "protocols.md"
PLACE = re.compile(r"(<!-- numbers: ([\w -]+) -->\n).*?(<!-- end -->)", re.DOTALL)
METRIC = "ndcg@10"
DATASETS = {"complete_journey": "Complete Journey", "beauty": "Beauty"}

Row = dict[str, Any]


def newest(lines: Sequence[str]) -> list[Row]:
    """One row a data set, choice, value and model: the last one written."""
    rows = [json.loads(line) for line in lines]
    kept = {(row["dataset"], row["choice"], row["value"], row["model"]): row for row in rows}
    return list(kept.values())


def variants(rows: Sequence[Row], choices: Sequence[str]) -> list[Row]:
    """The first protocol of each data set and the variants of these choices, data set by data set."""
    wanted = ("protocol", *choices)
    concerned = {row["dataset"] for row in rows if row["choice"] in choices}
    return [
        row
        for name in DATASETS
        if name in concerned
        for row in rows
        if row["dataset"] == name and row["choice"] in wanted
    ]


def models_table(rows: Sequence[Row], choices: Sequence[str], more: Sequence[str] = ()) -> str:
    """A row a variant: NDCG@10 of the three models, and numbers of the split."""
    lines = []
    for dataset, choice, value in dict.fromkeys(
        (r["dataset"], r["choice"], r["value"]) for r in variants(rows, choices)
    ):
        own = {r["model"]: r for r in rows if (r["dataset"], r["choice"], r["value"]) == (dataset, choice, value)}
        first = next(iter(own.values()))
        name = "first protocol" if choice == "protocol" else f"{choice}: {value}"
        cells = [_mean(own[model]) if model in own else "-" for model in MODELS]
        lines.append([DATASETS[dataset], name, *cells, f"{first['users']:,}", *(_shown(first[key]) for key in more)])
    return markdown(["", "", *MODELS, "users", *(COLUMNS[key] for key in more)], lines)


MODELS = ("popularity", "transition", "own_most_bought")
COLUMNS = {
    "missing_share": "targets outside the catalogue",
    "in_history_share": "targets in the history",
    "targets_per_training_event": "targets per training event, times the mean",
    "items": "items",
}


def reachable_table(rows: Sequence[Row]) -> str:
    """All beside reachable targets, first protocols and ``exclude_seen``."""
    lines = [
        [
            DATASETS[row["dataset"]],
            _variant(row),
            row["model"],
            _mean(row),
            f"{row[f'reachable_{METRIC}']:.4f}",
            f"{row['users']:,}",
            f"{row['users_reachable']:,}",
        ]
        for row in variants(rows, ["exclude_seen"])
    ]
    return markdown(["", "", "model", "all targets", "reachable", "users", "users with a reachable one"], lines)


def candidates_table(rows: Sequence[Row]) -> str:
    """Full ranking beside sampled negatives."""
    found = [row for name in DATASETS for row in rows if row["choice"] == "candidates" and row["dataset"] == name]
    lines = [
        [
            DATASETS[dataset],
            model,
            *(f"{row[METRIC]:.4f}" for row in found if (row["dataset"], row["model"]) == (dataset, model)),
        ]
        for dataset, model in dict.fromkeys((row["dataset"], row["model"]) for row in found)
    ]
    return markdown(["", "model", "against the whole catalogue", "against 100 drawn at random"], lines)


def halves_table(rows: Sequence[Row]) -> str:
    """The best blend where it was chosen, and elsewhere."""
    found = [
        row for name in DATASETS for row in rows if row["choice"] == "validation halves" and row["dataset"] == name
    ]
    lines = [
        [DATASETS[row["dataset"]], f"{row['users']:,}", f"{row['chosen_on']:.4f}", f"{row['others']:.4f}"]
        for row in found
    ]
    return markdown(["", "users that chose", "the winner on them", "on as many others"], lines)


def intervals_table(rows: Sequence[Row]) -> str:
    """How wide the interval of a difference is, paired and not."""
    found = [row for name in DATASETS for row in rows if row["choice"] == "intervals" and row["dataset"] == name]
    lines = [
        [
            DATASETS[row["dataset"]],
            f"{row['users']:,}",
            f"{row['difference']:+.4f} [{row['paired_low']:+.4f}, {row['paired_high']:+.4f}]",
            f"{row['paired_width']:.4f}",
            f"{row['unpaired_width']:.4f}",
            f"{row['p_value']:.4f}",
        ]
        for row in found
    ]
    names = ["", "users", "transition minus popularity", "width, paired", "width, not paired", "p"]
    return markdown(names, lines)


TABLES: dict[str, Callable[[Sequence[Row]], str]] = {
    "split": lambda rows: models_table(rows, ["split"], ["missing_share", "items"]),
    "core": lambda rows: models_table(
        rows, ["k-core window", "k-core"], ["missing_share", "targets_per_training_event"]
    ),
    "refit": lambda rows: models_table(rows, ["refit"]),
    "ties": lambda rows: models_table(rows, ["ties"]),
    "baskets": lambda rows: models_table(rows, ["baskets"]),
    "seen": lambda rows: models_table(rows, ["exclude_seen"], ["in_history_share"]),
    "reachable": reachable_table,
    "candidates": candidates_table,
    "halves": halves_table,
    "intervals": intervals_table,
}


def markdown(names: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table."""
    rows = [names, ["---"] * len(names), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def fill(page: str, rows: Sequence[Row]) -> str:
    """The page with its tables made anew."""
    return PLACE.sub(lambda found: f"{found[1]}{TABLES[found[2]](rows)}{found[3]}", page)


def _mean(row: Row) -> str:
    return f"{row[METRIC]:.4f} [{row[f'{METRIC}_low']:.4f}, {row[f'{METRIC}_high']:.4f}]"


def _variant(row: Row) -> str:
    return "first protocol" if row["choice"] == "protocol" else f"{row['choice']}: {row['value']}"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {ratio:g}" for name, ratio in list(value.items())[:3])
    return f"{value:.1%}" if isinstance(value, float) else f"{value:,}"


def main() -> None:
    """Read, fill, write."""
    rows = newest(RESULTS.read_text(encoding="utf-8").splitlines())
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")


if __name__ == "__main__":
    main()
