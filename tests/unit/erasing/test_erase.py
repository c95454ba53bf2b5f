"""A user's rows go, everybody else's stay, a failure changes nothing, and a killed call is finished by the next one."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextact.erasing import erase as erasing
from nextact.erasing.arrays import cuts_without, find, histories_without
from nextact.erasing.changes import Erased, stage, tidy
from nextact.erasing.erase import Stored, begin, end, put_in_place, receipt_text
from nextact.erasing.tables import stage_table
from nextact.errors import NextactError
from nextact.events.erase import ErasedUsers
from nextact.results.erasing import Receipt, Remains
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, make_holdout
from nextact.stored import StoredError, write_array

NOW = "2026-01-02T03:04:05+00:00"
USERS = ["u0", "u1", "u2", "u3"]
ITEMS = [[1, 2, 3, 1], [2, 2], [], [3, 1, 2]]
FIRST = [0, 4, 6, 6]
PAGE = '<table><tr class="user"><td>{}</td><td>tea</td></tr>\n<tr class="user"><td>u10</td><td>milk</td></tr></table>'


def histories():
    return Histories.from_lists(ITEMS, timestamps=[[1, 1, 5, 9], [2, 7], [], [3, 3, 8]])


def cuts():
    return Cuts(np.array([2, 5, 6, 8]), np.array([4, 6, 6, 9]), np.array([0, 1, 0, 2]))


def whom(user):
    return Erased(USERS[user], user, FIRST[user], len(ITEMS[user]))


@pytest.mark.parametrize("user", range(4))
def test_one_history_is_emptied_and_all_others_keep_their_place_and_every_event(user):
    before, after = histories(), histories_without(histories(), whom(user))
    assert after.n_users == 4
    for other in range(4):
        one, same = before.take(np.array([other])), after.take(np.array([other]))
        expected = [] if other == user else ITEMS[other]
        assert same.item_index.tolist() == expected
        if other != user:
            assert same.timestamp.tolist() == one.timestamp.tolist()
            assert same.starts_step.tolist() == one.starts_step.tolist()


@pytest.mark.parametrize("user", range(4))
def test_holdouts_of_the_others_are_the_same_and_the_user_has_none(user):
    rest = cuts_without(cuts(), whom(user))
    before = make_holdout(histories(), cuts(), 1)
    after = make_holdout(histories_without(histories(), whom(user)), rest, 1)
    kept = before.take(np.flatnonzero(before.users != user))
    assert after.users.tolist() == kept.users.tolist()
    assert after.targets.item_index.tolist() == kept.targets.item_index.tolist()
    assert after.targets.n_missing.tolist() == kept.targets.n_missing.tolist()
    assert after.histories.item_index.tolist() == kept.histories.item_index.tolist()
    assert rest.learnt_until[user] == rest.observed_until[user] == FIRST[user]


def fill(data):
    """A small project's data: tables, arrays, summary, examples, page, raw table."""
    for folder in ("raw", "derived"):
        (data / folder).mkdir(parents=True)
    places = {name: data / "derived" / f"{name}.parquet" for name in ("events", "rejected_events", "test_users")}
    users = [user for user, items in zip(USERS, ITEMS, strict=True) for _ in items]
    pd.DataFrame({"user_id": users, "item_id": "i1"}).to_parquet(places["events"])
    pd.DataFrame({"user_id": ["u1", None, "u9"], "rejected_reason": "x"}).to_parquet(places["rejected_events"])
    scores = pd.DataFrame({"user_index": [0, 1, 3], "history_end": [2, 5, 8], "score": [0.1, 0.2, 0.4]})
    scores.astype({"user_index": "int32"}).to_parquet(places["test_users"])
    places["users"] = data / "derived" / "users.parquet"
    pd.DataFrame({"user_index": range(4), "user_id": USERS}).to_parquet(places["users"])
    places["histories"] = data / "derived" / "histories"
    histories().save(places["histories"])
    for name in ("validation_cuts", "test_cuts"):
        places[name] = data / "derived" / f"{name}.npy"
        both = cuts()
        write_array(
            places[name], np.stack([both.history_end, both.target_end, both.n_missing, *([both.target_end] * 2)])
        )
    places["lists"] = data / "derived" / "lists"  # a folder, as Spark writes it
    places["lists"].mkdir()
    for part, of in enumerate((["u0", "u1"], ["u1", "u3"], ["u3"])):
        pd.DataFrame({"user_id": of, "rank": part}).to_parquet(places["lists"] / f"part-{part}.parquet")
    places["summary"], places["page"] = data / "derived" / "summary.json", data / "derived" / "page.html"
    told = {
        "leaderboard": ["best"],
        "users": [{"user_id": one, "lines": [f"user {one}", "\n\n"]} for one in ("u1", "u10")],
    }
    places["summary"].write_text(json.dumps(told))
    places["page"].write_text(PAGE.format("u1"))
    pd.DataFrame({"customer": ["u1", "u2"]}).to_parquet(data / "raw" / "log.parquet")
    places["behaviour_predictions"] = data / "derived" / "never_written.parquet"
    return Stored(places, data / "raw" / "erased_users.json")


REMOVED = {
    "events": 2,
    "rejected_events": 1,
    "test_users": 1,
    "users": 1,
    "histories": 2,
    "validation_cuts": 1,
    "test_cuts": 1,
    "lists": 2,
    "summary": 1,
    "page": 1,
}


@pytest.fixture
def stored(tmp_path):
    return fill(tmp_path / "data")


def erase(user_id, stored, in_raw=0):
    """As the command does it, without a catalog."""
    pending = stored.read().pending or begin(user_id, stored, NOW, lambda: in_raw)
    put_in_place(stored, pending)
    end(stored)
    return pending


def contents(folder):
    return {file.relative_to(folder): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def data_of(stored):
    return stored.erased_users.parents[1]


def test_the_rows_of_one_user_go_and_all_others_stay(stored):
    before = {name: pd.read_parquet(stored.derived[name]) for name in ("events", "rejected_events", "lists")}
    pending = erase("u1", stored)
    for name, table in before.items():
        expected = table[table["user_id"].isna() | (table["user_id"] != "u1")]
        found = pd.read_parquet(stored.derived[name])
        pd.testing.assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True))
    assert pending.rows_removed == REMOVED
    assert pending.events_learnt_from == 2
    users = pd.read_parquet(stored.derived["users"])
    assert users.to_dict("list") == {"user_index": [0, 1, 2, 3], "user_id": ["u0", "", "u2", "u3"]}


def test_tables_by_user_index_lose_the_user_and_follow_the_arrays(stored):
    erase("u1", stored)
    found = pd.read_parquet(stored.derived["test_users"])
    assert found.to_dict("list") == {"user_index": [0, 3], "history_end": [2, 6], "score": [0.1, 0.4]}
    assert found["user_index"].dtype == "int32"


def test_positions_follow_the_arrays_where_the_table_holds_no_row_of_the_user(stored):
    pd.DataFrame({"user_index": [0, 3], "target_end": [4, 9]}).to_parquet(stored.derived["test_users"])
    erase("u1", stored)
    assert pd.read_parquet(stored.derived["test_users"])["target_end"].tolist() == [4, 7]


def test_words_of_the_user_go_by_their_structure_and_raw_tables_stay(stored):
    raw = (data_of(stored) / "raw" / "log.parquet").read_bytes()
    erase("u1", stored)
    left = json.loads(stored.derived["summary"].read_text())
    assert left == {"leaderboard": ["best"], "users": [{"user_id": "u10", "lines": ["user u10", "\n\n"]}]}
    page = stored.derived["page"].read_text()
    assert page == '<table><tr class="user"><td>u10</td><td>milk</td></tr></table>'
    assert (data_of(stored) / "raw" / "log.parquet").read_bytes() == raw


@pytest.mark.parametrize("user_id", ["a\n\nuser u10", "<b>&'\"", "user 7", "über ☕\r\n", "\u2028x"])
def test_no_id_hides_a_user_in_words(stored, user_id):
    from jinja2 import Environment

    cell = Environment(autoescape=True).from_string("{{ cell }}").render(cell=user_id)
    stored.derived["page"].write_bytes(PAGE.format(cell).encode())
    told = {
        "users": [{"user_id": user_id, "lines": [f"user {user_id}", "bought\n\ntea"]}, {"user_id": "u10", "lines": []}]
    }
    stored.derived["summary"].write_text(json.dumps(told))
    pending = erase(user_id, stored)
    assert pending.rows_removed == {"summary": 1, "page": 1}
    assert "tea" not in stored.derived["page"].read_text() + stored.derived["summary"].read_text()


def photographed(monkeypatch, stored, user_id="u1"):
    """Copies of the data as a kill before each change of a name, and before each removal, would leave them."""
    data, taken = data_of(stored), []

    def photograph(change):
        def first_a_photograph(*arguments, **named):
            taken.append(data.with_name(f"killed_{len(taken)}"))
            shutil.copytree(data, taken[-1])
            return change(*arguments, **named)

        return first_a_photograph

    with monkeypatch.context() as patched:
        for owner, name in ((Path, "rename"), (Path, "replace"), (Path, "unlink"), (shutil, "rmtree")):
            patched.setattr(owner, name, photograph(getattr(owner, name)))
        erase(user_id, stored)
    return taken


def moved_to(stored, data):
    old = data_of(stored)
    derived = {name: data / place.relative_to(old) for name, place in stored.derived.items()}
    return Stored(derived, data / stored.erased_users.relative_to(old))


def test_wherever_a_call_is_killed_the_next_one_ends_with_nothing_of_the_user_left(stored, monkeypatch):
    killed = photographed(monkeypatch, stored)
    expected = contents(data_of(stored))
    hashes = stored.erased_users.relative_to(data_of(stored))
    assert len(killed) > 2 * len(REMOVED)
    assert any(list(one.rglob("*.before")) for one in killed)  # between the two steps that replace a folder
    for data in killed:
        again = moved_to(stored, data)
        pending = erase("u1", again)
        assert pending.rows_removed == REMOVED
        found = contents(data)
        erased = ErasedUsers.from_json(json.loads(found.pop(hashes)))
        assert erased.pending is None
        assert list(erased.erased_at) == [erased.hash_of("u1")] == [pending.user_sha256]
        assert found == {file: content for file, content in expected.items() if file != hashes}


def test_until_it_is_noted_a_killed_call_has_changed_nothing(stored, monkeypatch):
    before = contents(data_of(stored))
    for data in photographed(monkeypatch, stored):
        noted = moved_to(stored, data).read().pending is not None
        if not noted:
            found = contents(data)
            assert {file: found[file] for file in before} == before


def test_an_interrupted_erasure_is_finished_by_the_data_of_the_note_alone(stored):
    pending = begin("u1", stored, NOW, lambda: 0)
    assert "u1" not in pending.model_dump_json()
    assert "u1" in pd.read_parquet(stored.derived["events"])["user_id"].tolist()
    put_in_place(stored, stored.read().pending)
    put_in_place(stored, stored.read().pending)  # as often as it takes
    assert "u1" not in pd.read_parquet(stored.derived["events"])["user_id"].tolist()
    end(stored)
    assert stored.read().pending is None


def test_a_failure_while_writing_changes_nothing(stored, monkeypatch):
    before = contents(data_of(stored))

    def fail(*arguments):
        raise OSError("disk full")
        yield

    monkeypatch.setitem(erasing.STAGES, ".html", fail)
    with pytest.raises(OSError, match="disk full"):
        erase("u1", stored)
    assert contents(data_of(stored)) == before


def test_what_is_interrupted_right_after_it_was_noted_keeps_what_is_staged(stored, monkeypatch):
    def stopped_by_hand(self, erased):
        write(self, erased)
        raise KeyboardInterrupt

    write = Stored.write
    with monkeypatch.context() as patched:
        patched.setattr(Stored, "write", stopped_by_hand)
        with pytest.raises(KeyboardInterrupt):
            erase("u1", stored)
    assert erase("u1", stored).rows_removed == REMOVED
    assert "u1" not in pd.read_parquet(stored.derived["events"])["user_id"].tolist()


def test_a_failed_write_is_told_with_its_place(tmp_path):
    def fail(target):
        raise OSError(28, "No space left on device")

    with pytest.raises(NextactError, match=r"x\.txt cannot be written: No space left on device"):
        stage("x", tmp_path / "x.txt", 1, fail)


def test_parts_that_killed_runs_left_beside_the_data_go(stored):
    folder, file = stored.derived["lists"], stored.derived["events"]
    left = [
        folder / "part-0.parquet.erasing",
        file.with_name("events.parquet.new"),
        file.with_name("events.parquet.7.new"),
    ]
    for one in left:
        one.write_text("u1")
    file.with_name("events.parquet.before").mkdir()
    (file.with_name("events.parquet.new.txt")).write_text("of somebody else")
    tidy(stored.derived.values())
    assert not any(one.exists() for one in (*left, file.with_name("events.parquet.before")))
    assert file.with_name("events.parquet.new.txt").exists()
    assert file.exists()


def test_checksums_that_spark_keeps_of_changed_parts_go(stored):
    for part in (0, 2):
        (stored.derived["lists"] / f".part-{part}.parquet.crc").write_bytes(b"crc")
    erase("u1", stored)
    assert [file.name for file in stored.derived["lists"].glob(".*.crc")] == [".part-2.parquet.crc"]


def test_an_erasure_takes_what_killed_runs_left_with_it(stored):
    for name in ("events.parquet.new", "events.parquet.before", "events.parquet.erasing"):
        (data_of(stored) / "derived" / name).write_text("u1")
    erase("u1", stored)
    assert [file for file in contents(data_of(stored)) if file.suffix in (".new", ".before", ".erasing")] == []


def test_neither_the_note_nor_the_list_of_hashes_holds_the_id(stored):
    pending = erase("u1", stored)
    remembered = json.loads(stored.erased_users.read_text())
    expected = hashlib.sha256((remembered["salt"] + "u1").encode()).hexdigest()
    assert remembered["erased_at"] == {expected: NOW}
    assert pending.user_sha256 == expected


def test_a_second_user_shares_the_salt(stored):
    erase("u1", stored)
    salt = json.loads(stored.erased_users.read_text())["salt"]
    pending = erase("u3", stored)
    remembered = json.loads(stored.erased_users.read_text())
    assert remembered["salt"] == salt
    assert len(remembered["erased_at"]) == 2
    assert pending.events_learnt_from == 3
    assert pd.read_parquet(stored.derived["users"])["user_id"].tolist() == ["u0", "", "u2", ""]
    assert Histories.open(stored.derived["histories"]).lengths.tolist() == [4, 0, 0, 0]


def test_an_unknown_user_changes_nothing(stored):
    before = contents(data_of(stored))
    for user_id in ("u7", "u", "U1", " u1"):
        with pytest.raises(NextactError, match=rf"no user '{user_id}' in what is stored.*nothing was changed"):
            erase(user_id, stored)
    assert contents(data_of(stored)) == before


def test_a_user_of_raw_tables_alone_is_kept_out_of_later_runs(stored):
    pending = erase("u7", stored, in_raw=3)
    assert pending.rows_removed == {}
    assert pending.events_learnt_from == 0
    assert stored.read().hash_of("u7") in stored.read().erased_at


def test_a_user_erased_before_is_named_as_such(stored):
    erase("u1", stored)
    with pytest.raises(NextactError, match=f"'u1' was erased at {NOW[:10]}"):
        erase("u1", stored, in_raw=2)


def test_a_user_of_rejected_rows_alone_is_erased_and_was_not_learnt_from(stored):
    pending = erase("u9", stored)
    assert pending.rows_removed == {"rejected_events": 1}
    assert pending.events_learnt_from == 0
    assert find("u9", stored.derived) == Erased("u9")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"erased_at": {"a": "b"}}', '{"salt": "s"}', '{"salt": 1, "erased_at": {}}']
)
def test_damaged_hashes_end_in_one_message_and_change_nothing(stored, content):
    stored.erased_users.write_text(content)
    before = contents(data_of(stored))
    with pytest.raises(StoredError, match=r"erased_users\.json (is empty|cannot be read)"):
        erase("u1", stored)
    assert contents(data_of(stored)) == before


def test_a_damaged_table_ends_in_one_message_and_changes_nothing(stored):
    stored.derived["events"].write_bytes(b"PAR1 and no more")
    before = contents(data_of(stored))
    with pytest.raises(StoredError, match=r"events\.parquet cannot be read"):
        erase("u1", stored)
    assert contents(data_of(stored)) == before


def test_nothing_stored_is_nothing_changed(tmp_path):
    stored = Stored(
        {"users": tmp_path / "no/users.parquet", "events": tmp_path / "no/e.parquet"}, tmp_path / "no/e.json"
    )
    with pytest.raises(NextactError, match="no user 'u1'"):
        erase("u1", stored)
    assert list(tmp_path.iterdir()) == []


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
    stored = Stored({"t": file}, tmp_path / "erased_users.json")
    erase("b", stored)
    assert pq.read_table(file).equals(table.slice(0, 2))
    assert pq.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"


def test_rows_are_counted_over_batches(tmp_path):
    file, n = tmp_path / "events.parquet", 200_000
    users = np.where(np.arange(n) % 3 == 0, 17, 18)  # an id that this table keeps as a number
    pq.write_table(pa.table({"user_id": users}), file, row_group_size=70_000)
    (change,) = stage_table("events", file, Erased("17"))
    assert change.n_rows == (users == 17).sum()
    assert list(stage_table("events", file, Erased("1"))) == []


def test_the_receipt_in_words_says_what_is_left_to_do():
    receipt = Receipt(
        user_sha256="abc",
        erased_at=NOW,
        rows_removed={"events": 1_234},
        events_learnt_from=2,
        stale=("baselines.ease.model",),
        mlflow="1 run(s) tagged",
        run_id=None,
        remains=Remains(raw_rows={"raw_events['customer']": 12}, files=("/data/copy.csv",), not_searched=()),
        searched=("raw_events", "/data"),
    )
    text = receipt_text(receipt)
    assert "  events: 1,234\n" in text
    assert "replaced by the next `kedro run`:\n  baselines.ease.model\n" in text
    assert "runs leave it out:\n  raw_events['customer']: 12 rows\n" in text
    assert "  /data/copy.csv\n" in text
    assert "vector" not in text
