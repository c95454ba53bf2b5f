"""What tables of measurements are made of: rows of results, and the commands behind them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nextact.errors import MODELS_RENAMED

RESULTS = Path(__file__).parent / "results"

Row = dict[str, Any]
Show = Callable[[Row], str]
Rows = list[Row]
Lines = list[list[str]]  # of a table, its header first

DATASETS = {
    "base": "Complete Journey",  # the environment of the embedded sample
    "complete_journey": "Complete Journey",
    "beauty": "Beauty",
    "movielens": "MovieLens-1M",
    "yelp": "Yelp",
    "online_retail": "Online Retail",
    "mind_zh": "MIND-zh",
    "purchases": "CDNOW",
}


@dataclass(frozen=True)
class Table:
    """One table of a page.

    Attributes:
        results: Name of the file of results.
        key: What tells measurements apart: of several lines alike in these the newest counts.
        lines: Makes header and lines of the rows that count.
        keep: Which rows the table is about.
    """

    results: str
    key: tuple[str, ...]
    lines: Callable[[Rows], Lines]
    keep: Callable[[Row], bool] = lambda row: True

    def markdown(self) -> str:
        """The table and the commands that measured it.

        Raises:
            ValueError: If no row is left.
        """
        rows = [row for row in newest(read(self.results), self.key) if self.keep(row)]
        if not rows:
            raise ValueError(f"{self.results}.jsonl has no row for a table of it")
        return f"{markdown(self.lines(rows))}\n{commands(rows)}"


def read(results: str) -> Rows:
    """All lines of a file of results, oldest first; models by the names that they have now."""
    lines = (RESULTS / f"{results}.jsonl").read_text(encoding="utf-8").splitlines()
    return [_renamed(json.loads(line)) for line in lines]


def _renamed(row: Row) -> Row:
    return row | {
        name: MODELS_RENAMED.get(row[name], row[name]) for name in ("model",) if isinstance(row.get(name), str)
    }


def newest(rows: Sequence[Row], key: Sequence[str]) -> Rows:
    """Of rows alike in ``key`` the last one, at the place of the first.

    Example:
        >>> newest([{"model": "a", "value": 1}, {"model": "b", "value": 2}, {"model": "a", "value": 3}], ["model"])
        [{'model': 'a', 'value': 3}, {'model': 'b', 'value': 2}]
    """
    return list({tuple(str(row.get(name)) for name in key): row for row in rows}.values())


def columns(shown: Mapping[str, Show]) -> Callable[[Rows], Lines]:
    """A line a row."""
    return lambda rows: [list(shown), *([show(row) for show in shown.values()] for row in rows)]


def across(lines: Mapping[str, Show], names: Show, cell: Show) -> Callable[[Rows], Lines]:
    """A line for rows alike in ``lines``, a column for each of ``names``."""

    def made(rows: Rows) -> Lines:
        heads = list(dict.fromkeys(names(row) for row in rows))
        found: dict[tuple[str, ...], dict[str, str]] = {}
        for row in rows:
            found.setdefault(tuple(show(row) for show in lines.values()), {})[names(row)] = cell(row)
        return [[*lines, *heads], *([*line, *(cells.get(head, "") for head in heads)] for line, cells in found.items())]

    return made


def markdown(lines: Lines) -> str:
    """A table.

    Example:
        >>> print(markdown([["model", "value"], ["a", "1"]]), end="")
        | model | value |
        | --- | --- |
        | a | 1 |
    """
    header, *body = lines
    return "".join("| " + " | ".join(line) + " |\n" for line in [header, ["---"] * len(header), *body])


def commands(rows: Sequence[Row]) -> str:
    """The commands that measured these rows, each with its date and, where a line has them, commit and machine."""
    found = dict.fromkeys(f"`{row['command']}`, {_when(row)}" for row in rows)
    if len(found) == 1:
        return f"Measured by {next(iter(found))}.\n"
    listed = "".join(f"- {one}\n" for one in found)
    return f"<details><summary>Measured by {len(found)} commands</summary>\n\n{listed}\n</details>\n"


def _when(row: Row) -> str:
    return ", ".join([row["date"], *(f"{name} {row[name]}" for name in ("commit", "machine") if row.get(name))])


def dataset(row: Row) -> str:
    """Name of the data set."""
    return DATASETS[row["dataset"]]


def text(name: str) -> Show:
    """As it is; empty where there is none."""
    return lambda row: "" if row.get(name) is None else str(row[name])


def number(name: str, digits: int = 4) -> Show:
    """To so many digits behind the point, thousands apart; empty where there is none."""
    return lambda row: "" if row.get(name) is None else f"{row[name]:,.{digits}f}"


def mean(name: str, ends: str = "", digits: int = 4, sign: str = "") -> Show:
    """A mean with the ends of its interval, ``<ends>_low`` and ``<ends>_high``; empty where there is none."""
    low, high = f"{ends or name}_low", f"{ends or name}_high"

    def shown(row: Row) -> str:
        if row.get(name) is None:
            return ""
        return f"{row[name]:{sign}.{digits}f} [{row[low]:{sign}.{digits}f}, {row[high]:{sign}.{digits}f}]"

    return shown


def three_digits(name: str) -> Show:
    """Numbers of any size to three digits; empty where there is none."""

    def shown(row: Row) -> str:
        value = row.get(name)
        if value is None:
            return ""
        return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"

    return shown


def bold(show: Show, where: Callable[[Row], bool]) -> Show:
    """In bold where something holds."""
    return lambda row: f"**{show(row)}**" if where(row) else show(row)
