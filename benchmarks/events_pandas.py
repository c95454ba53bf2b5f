"""The same cleaning, split and histories as a data scientist would write them in pandas, for ``events.py``.

python benchmarks/events_pandas.py LOG_FOLDER OUTPUT_FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from events_log import EVENT_TYPES, Log
from numpy.typing import NDArray

EARLIEST = 0  # microseconds
MOST_REJECTED = 0.05
LATEST = pd.Timestamp("2025-01-02").value // 1_000  # microseconds
MIN_ITEM_EVENTS = 5
DECLARED = [name for name in EVENT_TYPES if name != "scroll"]
KEYS = ["user_id", "item_id", "event_type", "timestamp"]


def main() -> None:
    """Clean, split, build, write."""
    log, output = Log(Path(sys.argv[1]), 0), Path(sys.argv[2])
    for name in ("02_intermediate", "03_primary", "05_model_input/histories"):
        (output / name).mkdir(parents=True)
    items = clean_items(pd.read_parquet(log.items))
    items.to_parquet(output / "03_primary" / "items.parquet")
    raw = clean(pd.read_parquet(log.events), items["item_id"])
    events, moments = split(raw[raw["reason"].isna()].drop(columns="reason"))
    counts = events.loc[events["split"] == "train", "item_id"].value_counts()
    rare = (events["split"] == "train") & ~events["item_id"].isin(counts.index[counts >= MIN_ITEM_EVENTS])
    too_rare = events[rare].assign(reason="its item or user has too few events")
    rejected = pd.concat([raw[raw["reason"].notna()], too_rare[raw.columns]])
    del raw
    events = events[~rare]
    rejected.to_parquet(output / "02_intermediate" / "rejected_events.parquet")
    events.to_parquet(output / "03_primary" / "events.parquet")
    by_reason = {"accepted": len(events)} | rejected["reason"].value_counts().to_dict()
    found = {
        "rows_by_reason": by_reason,
        "rows_by_source": {"raw_events": by_reason},
        "rows_by_split": events["split"].value_counts().to_dict(),
        "moments": moments,
    }
    (output / "03_primary" / "event_counts.json").write_text(json.dumps(found))
    build(events, output)


def clean_items(raw: pd.DataFrame) -> pd.DataFrame:
    """One row per item."""
    items = raw.rename(columns={"product": "item_id"})
    if absent(items["item_id"]).any() or items["item_id"].duplicated().any():
        sys.exit("items: ids are missing or repeat")
    return items


def absent(ids: pd.Series) -> pd.Series:
    """Where an id is missing or blank."""
    return ids.isna() | (ids.str.strip() == "")


def clean(raw: pd.DataFrame, known: pd.Series) -> pd.DataFrame:
    """Contract columns and the first reason that applies."""
    names = {"visitor": "user_id", "product": "item_id", "kind": "event_type", "amount": "value"}
    events = raw.rename(columns=names).assign(timestamp=raw["millis"] * 1_000).drop(columns="millis")
    events["source"], events["source_row"] = "raw_events", np.arange(len(events))
    events["session_id"] = pd.Series(pd.NA, index=events.index, dtype="str")
    reason = pd.Series(pd.NA, index=events.index, dtype="str")
    for text, broken in (
        ("user_id is missing", absent(events["user_id"])),
        ("item_id is missing", absent(events["item_id"])),
        ("event_type is missing", events["event_type"].isna() | (events["event_type"] == "")),
        ("event_type is not declared", ~events["event_type"].isin(DECLARED)),
        ("timestamp is missing or unreadable", events["timestamp"].isna()),
        ("timestamp is before the earliest allowed", events["timestamp"] < EARLIEST),
        ("timestamp is after the latest allowed", events["timestamp"] >= LATEST),
        ("value is not finite", np.isinf(events["value"])),
        ("item_id is not in the item table", ~events["item_id"].isin(known)),
    ):
        reason[broken & reason.isna()] = text
    good = events.loc[reason.isna(), KEYS]
    reason[good.index[good.duplicated()]] = "repeats an earlier row"
    if reason.notna().mean() > MOST_REJECTED:
        sys.exit(f"{reason.notna().mean():.1%} of the rows are rejected")
    return events.assign(reason=reason)


def split(events: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Steps, parts and targets of a split by time; events sorted by user and time."""
    times = np.sort(events["timestamp"].to_numpy())
    bounds = [int(times[int(share * len(times))]) for share in (0.8, 0.9)]
    events = events.sort_values(["user_id", "timestamp", "source_row"], ignore_index=True)
    new_user = events["user_id"] != events["user_id"].shift()
    new_moment = new_user | (events["timestamp"] != events["timestamp"].shift())
    user, moment, row = new_user.cumsum(), new_moment.cumsum(), np.arange(len(events))
    starts = pd.Series(row).where(new_moment).ffill()
    events["position"] = row - starts
    events["place"] = row - pd.Series(row).where(new_user).ffill()
    events["step"] = moment - moment.groupby(user).transform("first")
    n_before = starts - pd.Series(row).where(new_user).ffill()
    part = np.searchsorted(bounds, events["timestamp"].to_numpy(), side="right")
    events["split"] = pd.Categorical.from_codes(part, ["train", "validation", "test"]).astype(str)
    first = events["step"].groupby([user, part]).transform("min")
    events["is_target"] = (part > 0) & (n_before >= 1) & (events["step"] == first)
    iso = [pd.Timestamp(bound, unit="us", tz="UTC").isoformat() for bound in bounds]
    return events, {"validation_from": iso[0], "test_from": iso[1]}


def build(events: pd.DataFrame, output: Path) -> None:
    """Vocabulary, users, histories and cuts."""
    counts = events.loc[events["split"] == "train", "item_id"].value_counts().sort_index()
    vocabulary = pd.DataFrame({"item_id": counts.index, "n_training_events": counts.to_numpy()})
    vocabulary.insert(0, "item_index", np.arange(1, len(counts) + 1))
    vocabulary.to_parquet(output / "03_primary" / "vocabulary.parquet")
    code, user_ids = pd.factorize(events["user_id"], sort=True)
    users = pd.DataFrame({"user_index": np.arange(len(user_ids)), "user_id": user_ids})
    users.to_parquet(output / "05_model_input" / "users.parquet")
    item = pd.Index(vocabulary["item_id"]).get_indexer(events["item_id"]) + 1
    known, n_users = item > 0, len(users)
    user, step = code[known], events["step"].to_numpy()[known]
    starts = np.ones(len(user), bool)
    starts[1:] = (user[1:] != user[:-1]) | (step[1:] != step[:-1])
    offsets = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=n_users))])
    arrays = {
        "offsets": offsets,
        "item_index": item[known].astype(np.int32),
        "event_type": pd.Index(DECLARED).get_indexer(events["event_type"])[known].astype(np.int8),
        "timestamp": events["timestamp"].to_numpy()[known],
        "starts_step": starts,
    }
    for name, array in arrays.items():
        np.save(output / "05_model_input" / "histories" / f"{name}.npy", array)
    for name, before in (("validation", ["train"]), ("test", ["train", "validation"])):
        np.save(output / "05_model_input" / f"{name}_cuts.npy", cuts(events, code, known, offsets, name, before))


def cuts(events: pd.DataFrame, code: Any, known: Any, offsets: Any, name: str, before: list[str]) -> NDArray[np.int64]:
    """Rows of the project's cuts: ends of history and target, missing targets, ends of training and window."""
    n_users, step, part = len(offsets) - 1, events["step"].to_numpy(), events["split"].to_numpy()
    is_target = events["is_target"].to_numpy() & (part == name)
    target_step = np.full(n_users, -1)
    target_step[code[is_target]] = step[is_target]
    wanted = target_step[code]
    past = np.where(wanted < 0, np.isin(part, before), step < wanted)
    lost = events[is_target & ~known].groupby(code[is_target & ~known])["item_id"].nunique()
    n_missing = np.zeros(n_users, np.int64)
    n_missing[lost.index] = lost
    history_end = offsets[:-1] + np.bincount(code[past & known], minlength=n_users)
    target_end = history_end + np.bincount(code[is_target & known], minlength=n_users)
    learnt = offsets[:-1] + np.bincount(code[(part == "train") & known], minlength=n_users)
    window_end = offsets[:-1] + np.bincount(code[np.isin(part, [*before, name]) & known], minlength=n_users)
    return np.stack([history_end, target_end, n_missing, learnt, window_end])


if __name__ == "__main__":
    main()
