"""A user's rows go, everybody else's stay as they were, and a failure changes nothing."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextact.erasing import texts
from nextact.erasing.arrays import cuts_without, histories_without
from nextact.erasing.erase import Stored, erase_user, files_naming, receipt_text
from nextact.erasing.models import models_to_refit
from nextact.erasing.staged import stage_text
from nextact.erasing.tables import count_by_split, count_rows, stage_table
from nextact.errors import NextactError
from nextact.sequences.fingerprint import data_fingerprint
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, make_holdout

from ...protocols import make_certificate

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
USERS = ["u0", "u1", "u2", "u3"]
ITEMS = [[1, 2, 3, 1], [2, 2], [], [3, 1, 2]]


def histories():
    return Histories.from_lists(ITEMS, timestamps=[[1, 1, 5, 9], [2, 7], [], [3, 3, 8]])


def cuts():
    return Cuts(np.array([2, 5, 6, 8]), np.array([4, 6, 6, 9]), np.array([0, 1, 0, 2]))


def same_user(one, one_at, other, other_at):
    first, second = one.take(np.array([one_at])), other.take(np.array([other_at]))
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("offsets", "item_index", "event_type", "timestamp", "starts_step")
    )


@pytest.mark.parametrize("user", range(4))
def test_histories_of_the_others_keep_every_event(user):
    before, after = histories(), histories_without(histories(), user)
    others = [other for other in range(4) if other != user]
    assert after.n_users == 3
    assert after.n_events == before.n_events - len(ITEMS[user])
    assert all(same_user(before, other, after, at) for at, other in enumerate(others))


@pytest.mark.parametrize("user", range(4))
def test_holdouts_of_the_others_are_the_same(user):
    rest = cuts_without(cuts(), user, len(ITEMS[user]))
    before = make_holdout(histories(), cuts(), 1)
    after = make_holdout(histories_without(histories(), user), rest, 1)
    kept = before.take(np.flatnonzero(before.users != user))
    assert np.array_equal(after.users, kept.users - (kept.users > user))
    assert np.array_equal(after.targets.item_index, kept.targets.item_index)
    assert np.array_equal(after.targets.n_missing, kept.targets.n_missing)
    assert np.array_equal(after.histories.item_index, kept.histories.item_index)


@pytest.fixture
def stored(tmp_path):
    """A small project's data: tables, arrays, a summary, a model of this run and one of another."""
    events = pd.DataFrame(
        {
            "user_id": [user for user, items in zip(USERS, ITEMS, strict=True) for _ in items],
            "item_id": "i1",
            "split": ["train", "train", "validation", "test", "train", "test", "train", "train", "validation"],
        }
    )
    places = {name: tmp_path / f"{name}.parquet" for name in ("events", "rejected_events", "recommendations", "users")}
    events.to_parquet(places["events"])
    pd.DataFrame({"user_id": ["u1", None, "u9"], "rejected_reason": "x"}).to_parquet(places["rejected_events"])
    recommended = pd.DataFrame({"user_id": np.repeat(USERS, 2), "rank": [1, 2] * 4}, index=np.arange(8) * 3)
    recommended.to_parquet(places["recommendations"])
    pd.DataFrame({"user_index": range(4), "user_id": USERS}).to_parquet(places["users"])
    pd.DataFrame({"item_index": [1, 2, 3], "item_id": ["a", "b", "c"]}).to_parquet(tmp_path / "vocabulary.parquet")
    histories().save(tmp_path / "histories")
    for name in ("validation_cuts", "test_cuts"):
        np.save(tmp_path / f"{name}.npy", np.stack([cuts().history_end, cuts().target_end, cuts().n_missing]))
    certificate = make_certificate(seed=7, data_options={"events": {"event_types": ["view", "buy"]}})
    certificate = certificate.model_copy(update={"run_id": "old"})
    (tmp_path / "certificate.json").write_text(json.dumps(certificate.as_json()))
    (tmp_path / "summary.txt").write_text("leaderboard\n\nuser u1\n  did x\n\nuser u10\n  did y")
    for name, run in (("mine", "old"), ("other", "older")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "fitted.json").write_text(json.dumps({"run_id": run}))
    places |= {name: tmp_path / f"{name}.npy" for name in ("validation_cuts", "test_cuts")}
    places |= {
        "histories": tmp_path / "histories",
        "vocabulary": tmp_path / "vocabulary.parquet",
        "certificate": tmp_path / "certificate.json",
        "run_summary": tmp_path / "summary.txt",
        "erased_users": tmp_path / "private" / "erased_users.json",
        "behaviour_predictions": tmp_path / "never_written.parquet",
    }
    models = {name: tmp_path / name for name in ("mine", "other", "never_fitted")}
    return Stored(places, models, {"raw_events": "the shop's database"}, tmp_path)


def contents(folder):
    return {file: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_the_rows_of_one_user_go_and_all_others_stay(stored):
    before = {name: pd.read_parquet(stored.places[name]) for name in ("events", "rejected_events", "recommendations")}
    receipt = erase_user("u1", stored, NOW)
    for name, table in before.items():
        expected = table[table["user_id"].isna() | (table["user_id"] != "u1")]
        found = pd.read_parquet(stored.places[name])
        pd.testing.assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True))
    assert receipt["rows_removed"] == {
        "events": 2,
        "rejected_events": 1,
        "recommendations": 2,
        "users": 1,
        "histories": 2,
        "validation_cuts": 1,
        "test_cuts": 1,
        "run_summary": 1,
    }
    users = pd.read_parquet(stored.places["users"])
    assert users.to_dict("list") == {"user_index": [0, 1, 2], "user_id": ["u0", "u2", "u3"]}
    assert stored.places["run_summary"].read_text() == "leaderboard\n\nuser u10\n  did y"
    assert receipt["still_named_in"] == []


def test_nothing_is_left_beside_the_data(stored):
    names = {file.name for file in stored.root.rglob("*")}
    erase_user("u1", stored, NOW)
    assert {file.name for file in stored.root.rglob("*")} - names == {"private", "erased_users.json"}


def test_the_certificate_names_a_new_run_over_the_data_that_are_left(stored):
    receipt = erase_user("u1", stored, NOW)
    certificate = json.loads(stored.places["certificate"].read_text())
    rest = Histories.open(stored.places["histories"])
    data = {"sha256": data_fingerprint(rest, ["a", "b", "c"]), "users": 3, "items": 24}
    assert certificate["protocol"]["data"] == data
    assert certificate["provenance"]["seed"] == 7
    assert certificate["data_options"] == {"events": {"event_types": ["view", "buy"]}}
    assert receipt["run_id"] == {"before": "old", "after": certificate["run_id"]}
    assert certificate["run_id"] != "old"


def test_neither_the_receipt_nor_the_list_of_hashes_holds_the_id(stored):
    receipt = erase_user("u1", stored, NOW)
    text = stored.places["erased_users"].read_text()
    remembered = json.loads(text)
    expected = hashlib.sha256((remembered["salt"] + "u1").encode()).hexdigest()
    assert remembered["erased_at"] == {expected: "2026-01-02T03:04:05+00:00"}
    assert receipt["user_sha256"] == expected
    assert "u1" not in json.dumps(receipt).replace(expected, "") + text.replace(expected, "").replace(
        remembered["salt"], ""
    )


def test_a_second_user_shares_the_salt(stored):
    erase_user("u1", stored, NOW)
    salt = json.loads(stored.places["erased_users"].read_text())["salt"]
    erase_user("u3", stored, NOW)
    remembered = json.loads(stored.places["erased_users"].read_text())
    assert remembered["salt"] == salt
    assert len(remembered["erased_at"]) == 2
    assert pd.read_parquet(stored.places["users"])["user_id"].tolist() == ["u0", "u2"]


def test_models_are_named_with_their_run(stored):
    assert erase_user("u1", stored, NOW)["refit"] == [
        {"model": "mine", "run_id": "old", "why": "its run learnt from 1 events of the user"},
        {"model": "other", "run_id": "older", "why": "its run may have held the user"},
    ]


def test_a_user_of_test_alone_was_not_learnt_from(stored):
    found = models_to_refit(stored.models, "old", {"test": 5})
    assert [one["model"] for one in found] == ["other"]
    assert [one["model"] for one in models_to_refit(stored.models, "old", {"validation": 1})] == ["mine", "other"]


def test_an_unknown_user_changes_nothing(stored):
    before = contents(stored.root)
    with pytest.raises(
        NextactError, match=r"no user 'u7' in events, rejected_events, recommendations.*nothing was changed"
    ):
        erase_user("u7", stored, NOW)
    assert contents(stored.root) == before


def test_an_id_that_contains_another_is_another_user(stored):
    with pytest.raises(NextactError, match="no user 'u'"):
        erase_user("u", stored, NOW)


def test_a_user_erased_before_is_named_as_such(stored):
    erase_user("u1", stored, NOW)
    with pytest.raises(NextactError, match="'u1' was erased at 2026-01-02T03:04:05"):
        erase_user("u1", stored, NOW)


def test_a_user_of_rejected_rows_alone_is_erased(stored):
    receipt = erase_user("u9", stored, NOW)
    assert receipt["rows_removed"] == {"rejected_events": 1}
    assert [one["model"] for one in receipt["refit"]] == ["other"]
    assert receipt["run_id"] == {"before": "old", "after": "old"}


def test_a_failure_while_writing_changes_nothing(stored, monkeypatch):
    before = contents(stored.root)

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(texts, "stage_text", fail)
    with pytest.raises(OSError, match="disk full"):
        erase_user("u1", stored, NOW)
    assert contents(stored.root) == before


def test_what_is_half_written_is_removed(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        stage_text("x", tmp_path / "x.txt", "fine, then \ud800", 1)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_attempt_do_no_harm(stored):
    (stored.root / "events.parquet.erasing").write_text("half")
    (stored.root / "histories.erasing").mkdir()
    (stored.root / "histories.before").mkdir()
    erase_user("u1", stored, NOW)
    assert not [file for file in stored.root.rglob("*") if file.name.endswith((".erasing", ".before"))]


def test_a_table_that_is_no_parquet_is_refused_before_any_change(stored):
    places = {**stored.places, "recommendations": stored.root / "recommendations.csv"}
    places["recommendations"].write_text("user_id\nu1\n")
    before = contents(stored.root)
    with pytest.raises(NextactError, match=r"'recommendations' is stored as recommendations\.csv; only Parquet"):
        erase_user("u1", Stored(places, {}), NOW)
    assert contents(stored.root) == before


def test_tables_by_user_index_lose_the_user_and_move_the_later_ones(stored):
    scores = pd.DataFrame(
        {"user_index": [0, 1, 1, 3], "history_end": [2, 5, 5, 8], "score": [0.1, 0.2, 0.3, 0.4]}
    ).astype({"user_index": "int32"})
    scores.to_parquet(stored.root / "scores.parquet")
    receipt = erase_user("u1", stored, NOW)
    found = pd.read_parquet(stored.root / "scores.parquet")
    assert found.to_dict("list") == {"user_index": [0, 2], "history_end": [2, 6], "score": [0.1, 0.4]}
    assert found["user_index"].dtype == "int32"
    assert receipt["rows_removed"]["scores"] == 2


def test_a_copy_among_the_data_that_nobody_owns_is_named(stored):
    pd.DataFrame({"user_id": ["u1"]}).to_parquet(stored.root / "my_copy.parquet")
    receipt = erase_user("u1", stored, NOW)
    assert receipt["still_named_in"] == [str(stored.root / "my_copy.parquet")]
    assert "my_copy.parquet" in receipt_text(receipt)


def test_the_receipt_in_words_says_what_is_left_to_do(stored):
    text = receipt_text(erase_user("u1", stored, NOW))
    assert "events: 2" in text
    assert "mine of run old" in text
    assert "raw_events: the shop's database" in text


def test_a_folder_of_parquet_files_is_rewritten_file_by_file(tmp_path):
    folder = tmp_path / "events.parquet"
    folder.mkdir()
    for at, users in enumerate((["a", "b"], ["b", "c"], ["c"])):
        pd.DataFrame({"user_id": users, "n": at}).to_parquet(folder / f"part-{at}.parquet")
    untouched = (folder / "part-2.parquet").stat().st_mtime_ns
    for one in stage_table("events", folder, "b"):
        one.put_in_place()
    assert pd.read_parquet(folder).to_dict("list") == {"user_id": ["a", "c", "c"], "n": [0, 1, 2]}
    assert (folder / "part-2.parquet").stat().st_mtime_ns == untouched


def test_columns_types_and_compression_are_kept(tmp_path):
    file = tmp_path / "t.parquet"
    table = pa.table(
        {
            "user_id": pa.array(["a", None, "b"], pa.large_string()),
            "when": pa.array([1, 2, 3], pa.timestamp("us", "UTC")),
            "tags": pa.array([["x"], [], None]),
        }
    )
    pq.write_table(table, file, compression="zstd")
    for one in stage_table("t", file, "b"):
        one.put_in_place()
    assert pq.read_table(file).equals(table.slice(0, 2))
    assert pq.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"


def test_rows_are_counted_over_batches_and_splits(tmp_path):
    file = tmp_path / "events.parquet"
    n = 200_000
    users = np.where(np.arange(n) % 3 == 0, "a", "b")
    splits = np.where(np.arange(n) < 90_000, "train", "test")
    pq.write_table(pa.table({"user_id": users, "split": splits}), file, row_group_size=70_000)
    assert count_rows(file, "a") == (users == "a").sum()
    assert count_by_split(file, "a") == {"train": 30_000, "test": 36_667}
    assert files_naming("c", Path(tmp_path)) == []


def test_examples_lose_the_user_and_their_page_is_emptied(stored):
    told = {
        "run_id": "old",
        "right": [{"user_id": "u1", "history": ["a"]}, {"user_id": "u10"}],
        "wrong": [{"user_id": "u2"}],
    }
    places = {
        name: stored.root / file
        for name, file in {"evaluation_examples": "x.json", "evaluation_page": "x.html"}.items()
    }
    places["evaluation_examples"].write_text(json.dumps(told))
    places["evaluation_page"].write_text("<td>u1</td>")
    receipt = erase_user("u1", Stored({**stored.places, **places}, {}, root=stored.root), NOW)
    left = json.loads(places["evaluation_examples"].read_text())
    assert left == {"run_id": "old", "right": [{"user_id": "u10"}], "wrong": [{"user_id": "u2"}]}
    assert "u1" not in places["evaluation_page"].read_text()
    assert receipt["rows_removed"]["evaluation_examples"] == receipt["rows_removed"]["evaluation_page"] == 1
    assert receipt["still_named_in"] == []


def test_a_page_of_other_users_stays(stored):
    places = {
        name: stored.root / file
        for name, file in {"evaluation_examples": "x.json", "evaluation_page": "x.html"}.items()
    }
    places["evaluation_examples"].write_text('{"right": [{"user_id": "u10"}]}')
    places["evaluation_page"].write_text("<td>u10</td>")
    erase_user("u1", Stored({**stored.places, **places}, {}), NOW)
    assert places["evaluation_page"].read_text() == "<td>u10</td>"


def test_json_that_names_the_user_and_belongs_to_nobody_is_named(stored):
    (stored.root / "note.json").write_text('[{"about": {"user_id": "u1"}}]')
    (stored.root / "other.json").write_text('[{"item_id": "u1"}]')
    (stored.root / "broken.json").write_text('{"user_id": ')
    assert erase_user("u1", stored, NOW)["still_named_in"] == [str(stored.root / "note.json")]
