"""MIND, the news clicks of Microsoft Research, as it is handed out: ``behaviors.tsv`` and ``news.tsv``.

Terms: Microsoft Research License Terms, non-commercial research only. Source: Wu et al., ACL 2020.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from nextact.datasets.public_lines import Columns, PublicDataset, fields, lines, read_table
from nextact.errors import NextactError

NEWS: Columns = {"item_id": "text", "category": "text", "subcategory": "text", "title": "text", "abstract": "text"}
RAW: Columns = {
    "user_id": "text",
    "item_id": "text",
    "timestamp": "moment",
    "impression_id": "text",
    "clicked": "flag",
    "rank": "integer",  # -1 in the history
}
TIME = "%m/%d/%Y %I:%M:%S %p"
HISTORY = -1


class MindDataset(PublicDataset):
    """``clicks``, ``shown`` or ``news``; see :func:`read_clicks`, :func:`read_shown` and :func:`read_news`."""

    def __init__(
        self, *, filepath: str, table: Literal["clicks", "shown", "news"], metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.table = table

    def load(self) -> pd.DataFrame:
        """The table."""
        readers = {"clicks": read_clicks, "shown": read_shown, "news": read_news}
        return readers[self.table](self._filepath)


def read_clicks(path: Path) -> pd.DataFrame:
    """Clicks of ``behaviors.tsv``: each user's history, once, then what they clicked of what they were shown.

    Returns:
        ``user_id``, ``item_id``, ``position``, ``timestamp``. A history has an order but no times (missing here); a
        user's ``position`` counts through the history, then through the clicks in the order of their impressions.

    Raises:
        TableError: If a line is broken; it is named.
        NextactError: If the impressions carry no clicks, as in the test set.
    """
    rows = read_table(path, lines(path), _behaviour, RAW)
    in_history = rows["rank"] == HISTORY
    clicked = rows[rows["clicked"]]
    if clicked.empty and not rows[~in_history].empty:
        raise NextactError(f"{path}: no impression says what was clicked; the test set of MIND keeps that back")
    clicked = clicked.sort_values(["timestamp", "impression_id", "rank"], kind="stable")
    clicks = pd.concat([_longest_histories(rows[in_history]), clicked])
    clicks = clicks.assign(position=clicks.groupby("user_id").cumcount())
    return clicks[["user_id", "item_id", "position", "timestamp"]].reset_index(drop=True)


def read_shown(path: Path) -> pd.DataFrame:
    """Everything shown: ``impression_id``, ``user_id``, ``item_id``, ``timestamp``, ``rank`` (from 0), ``clicked``.

    Raises:
        TableError: If a line is broken; it is named.
    """
    rows = read_table(path, lines(path), _behaviour, RAW)
    shown = rows[rows["rank"] != HISTORY].reset_index(drop=True)
    return shown[["impression_id", "user_id", "item_id", "timestamp", "rank", "clicked"]]


def read_news(path: Path) -> pd.DataFrame:
    """``item_id``, ``category``, ``subcategory``, ``title``, ``abstract`` of ``news.tsv``; quotation marks are text.

    Raises:
        TableError: If a line is broken; it is named.
    """
    return read_table(path, lines(path), lambda line: [tuple(fields(line, "\t", 8)[:5])], NEWS)


def _behaviour(line: str) -> list[tuple[Any, ...]]:
    impression, user, time, history, shown = fields(line, "\t", 5)
    if not user:
        raise ValueError("no user")
    moment = datetime.strptime(time, TIME)
    events: list[tuple[Any, ...]] = [(user, item, None, impression, False, HISTORY) for item in history.split()]
    for rank, entry in enumerate(shown.split()):
        item, _, clicked = entry.rpartition("-")
        if clicked not in {"0", "1"}:
            item, clicked = entry, "0"  # the test set says nothing about clicks
        events.append((user, item, moment, impression, clicked == "1", rank))
    return events


def _longest_histories(history: pd.DataFrame) -> pd.DataFrame:
    """Each user's longest history: every impression repeats it, and later ones may have grown."""
    lengths = history.groupby(["user_id", "impression_id"], sort=False).size().reset_index(name="n")
    longest = lengths.sort_values("n", kind="stable", ascending=False).drop_duplicates("user_id")
    return history.merge(longest[["user_id", "impression_id"]], on=["user_id", "impression_id"], how="inner")
