from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.events.contract import as_table
from nextact.sequences import build
from nextact.sequences.writing import HistoriesWriter, add_counts

N_USERS = 30


def rows(n_events=400, seed=0):
    random = np.random.default_rng(seed)
    user = np.sort(random.choice(np.arange(0, N_USERS, 2), n_events))  # odd users have no event
    step = np.concatenate([np.sort(random.integers(0, 5, (user == one).sum())) for one in np.unique(user)])
    return {
        "user_index": user,
        "item_index": random.integers(1, 50, n_events).astype(np.int32),
        "event_code": random.integers(0, 3, n_events).astype(np.int8),
        "timestamp": random.integers(0, 2**60, n_events),
        "step": step,
    }


def assert_same(one, other):
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


@pytest.mark.parametrize("size", [1, 2, 7, 399, 400, 1_000])
def test_batches_of_any_size_give_the_histories_of_all_rows_at_once(size):
    arrays = rows()
    writer = HistoriesWriter(400, N_USERS)
    for start in range(0, 400, size):
        writer.append({name: array[start : start + size] for name, array in arrays.items()})
    assert_same(writer.close(), build.histories_of_rows(arrays, N_USERS))


def test_arrays_are_memory_mapped_and_outlive_their_file():
    writer = HistoriesWriter(400, N_USERS)
    writer.append(rows())
    histories = writer.close()
    assert isinstance(histories.timestamp, np.memmap)
    np.testing.assert_array_equal(
        histories.take(np.array([2])).timestamp, rows()["timestamp"][rows()["user_index"] == 2]
    )


def test_no_events_make_empty_histories():
    writer = HistoriesWriter(0, 3)
    assert writer.close().offsets.tolist() == [0, 0, 0, 0]


def test_rows_that_went_missing_are_an_error():
    writer = HistoriesWriter(401, N_USERS)
    writer.append(rows())
    with pytest.raises(NextactError, match="401 events were counted, but 400 were read"):
        writer.close()


def test_counts_are_added_to_the_users_named():
    total = np.array([1, 0, 0, 5])
    add_counts(total, np.array([1, 1, 3]))
    add_counts(total, np.array([], np.int64))
    assert total.tolist() == [1, 2, 0, 6]


def labelled(seed=0):
    """Random events of 20 users; a user's target is one step of each held-out part, or missing."""
    random = np.random.default_rng(seed)
    found = []
    for user in range(20):
        parts = np.sort(random.integers(0, 3, random.integers(1, 12)))
        targets = {part: step for step, part in enumerate(parts) if part and random.random() < 0.7}
        for step, part in enumerate(parts):
            for _ in range(random.integers(1, 4)):
                item = f"i{random.integers(8)}"
                found.append((f"u{user:02}", item, "view", step, build.SPLITS[part], targets.get(part) == step))
    table = pd.DataFrame(found, columns=["user_id", "item_id", "event_type", "step", "split", "is_target"])
    table["timestamp"] = table["step"] * 10
    table["position"] = table["source_row"] = np.arange(len(table))
    return table


@pytest.mark.parametrize("batch_rows", [1, 3, 10_000])
def test_cuts_count_what_a_loop_over_users_counts(batch_rows, monkeypatch):
    monkeypatch.setattr(build, "BATCH_ROWS", batch_rows)
    table, catalogue = labelled(), ["i0", "i1", "i2", "i3", "i4", "i5"]
    vocabulary = pd.DataFrame({"item_index": np.arange(1, 7, dtype=np.int32), "item_id": catalogue})
    built = build.build_histories(as_table(table.sample(frac=1, random_state=0)), vocabulary, ("view",))
    known = table[table["item_id"].isin(catalogue)]
    assert built.histories.item_index.tolist() == [catalogue.index(item) + 1 for item in known["item_id"]]
    for cuts, name, before in (
        (built.validation, "validation", ["train"]),
        (built.test, "test", ["train", "validation"]),
    ):
        for at, (user, start) in enumerate(zip(built.user_ids["user_id"], built.histories.offsets[:-1], strict=True)):
            events, theirs = table[table["user_id"] == user], known[known["user_id"] == user]
            target = events[(events["split"] == name) & events["is_target"]]
            past = theirs["step"] < target["step"].iloc[0] if len(target) else theirs["split"].isin(before)
            assert cuts.history_end[at] == start + past.sum()
            assert cuts.target_end[at] - cuts.history_end[at] == target["item_id"].isin(catalogue).sum()
            assert cuts.n_missing[at] == target.loc[~target["item_id"].isin(catalogue), "item_id"].nunique()
            assert cuts.learnt_until[at] == start + (theirs["split"] == "train").sum()
