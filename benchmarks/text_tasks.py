"""The data sets of ``text_blocks.py`` under leave-one-out, and what names a measurement."""

from __future__ import annotations

import datetime
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts


@dataclass(frozen=True)
class Task:
    """A data set under one protocol."""

    name: str
    texts: list[str]
    language: str
    exclude_seen: bool
    histories: Histories

    @property
    def n_items(self) -> int:
        """Items of the catalogue."""
        return len(self.texts)


def beauty(folder: Path) -> Task:
    """Amazon Beauty 2014, the 5-core of S3-Rec; text is title and category path."""
    items = pd.read_csv(folder / "amazon_beauty_s3rec" / "items.csv.gz").sort_values("item_id")
    events = pd.read_csv(folder / "amazon_beauty_s3rec" / "interactions.csv.gz").sort_values(["user_id", "position"])
    categories = items["categories"].fillna("").str.replace(r"[\[\]'\"]", "", regex=True)
    texts = (items["title"].fillna("") + ", " + categories).tolist()
    return Task("beauty", texts, "en", True, histories_of(events["user_id"], events["item_id"].to_numpy(np.int32)))


def mind_zh(folder: Path) -> Task:
    """MIND news with Chinese text, users with five clicks on such; text is title and abstract."""
    items = pd.read_csv(folder / "mind_sample_zh" / "items.csv.gz").dropna(subset=["title_zh"])
    events = pd.read_csv(folder / "mind_sample_zh" / "interactions.csv.gz")
    events = events[events["news_id"].isin(items["news_id"])]
    events = events[events.groupby("user_id")["news_id"].transform("size") >= 5].sort_values(["user_id", "position"])
    items = items[items["news_id"].isin(events["news_id"])]
    index = pd.Series(np.arange(1, len(items) + 1), index=items["news_id"])
    texts = (items["title_zh"] + "," + items["abstract_zh"].fillna("")).tolist()
    item_index = index.loc[events["news_id"]].to_numpy(np.int32)
    return Task("mind_zh", texts, "zh", False, histories_of(events["user_id"], item_index))


def histories_of(users: pd.Series, item_index: np.ndarray) -> Histories:
    """Rows that are sorted by user, oldest first, one event a step."""
    sizes = users.groupby(users, sort=True).size().to_numpy()
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    places = np.arange(len(item_index), dtype=np.int64)
    return Histories(offsets, item_index, np.zeros(len(places), np.int8), places, np.ones(len(places), np.bool_))


def cuts(histories: Histories, held_back: int) -> Cuts:
    """The target is the event ``held_back`` places from the end; users with fewer than three events have none."""
    ends = np.maximum(histories.offsets[1:] - held_back, histories.offsets[:-1])
    has_target = histories.lengths >= 3
    return Cuts(ends, np.where(has_target, ends + 1, ends), np.zeros(histories.n_users, np.int64))


def without(histories: Histories, items: np.ndarray) -> Histories:
    """Histories in which these items stand only as a user's last event."""
    last = np.zeros(histories.n_events, np.bool_)
    last[histories.offsets[1:] - 1] = True
    kept = ~np.isin(histories.item_index, items) | last
    offsets = np.concatenate([[0], np.cumsum(kept)])[histories.offsets]
    return Histories(
        offsets.astype(np.int64),
        histories.item_index[kept],
        histories.event_type[kept],
        histories.timestamp[kept],
        histories.starts_step[kept],
    )


def stamp(command: str) -> dict[str, str]:
    """Command, commit and date of a measurement."""
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"command": command, "commit": commit(), "date": date}


def commit() -> str:
    """The commit that is checked out."""
    command = ["git", "rev-parse", "--short=10", "HEAD"]
    return subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout.strip()
