"""The id is found where it stands as an id or as a word, and nowhere else."""

import gzip

import ibis
import pandas as pd
import pytest

from nextact.erasing.search import count_raw_rows, files_naming
from nextact.errors import NextactError


def named(folder, user_id, but=()):
    return [str(file.relative_to(folder)) for file in files_naming(user_id, [folder], but)]


def test_tables_texts_and_archives_that_name_the_user_are_found(tmp_path):
    pd.DataFrame({"customer": ["u1"], "n": [1]}).to_parquet(tmp_path / "copy.parquet")
    pd.DataFrame({"customer": ["u11", "au1"]}).to_parquet(tmp_path / "other.parquet")
    (tmp_path / "run_summary.txt").write_text("best\n\nuser u1\n  did x")
    (tmp_path / "note.json").write_text('[{"about": {"user_id": "u1"}}]')
    (tmp_path / "longer.txt").write_text("u10 xu1 u1_x überu1 u1ß")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 u1")
    (tmp_path / "inside").mkdir()
    with gzip.open(tmp_path / "inside" / "log.csv.gz", "wt") as file:
        file.write("a,b\nu1,3\n")
    found = ["broken.parquet", "copy.parquet", "inside/log.csv.gz", "note.json", "run_summary.txt"]
    assert named(tmp_path, "u1") == found
    assert named(tmp_path, "u1", [tmp_path / "inside", tmp_path / "note.json"]) == [
        "broken.parquet",
        "copy.parquet",
        "run_summary.txt",
    ]
    assert named(tmp_path, "u2") == []


@pytest.mark.parametrize(
    ("text", "is_theirs"),
    [
        ("user 17 did", True),
        ('{"user_id": "17"}', True),
        ("user_id=17", True),
        ("17 items, 17 events", False),
        ("user 170", False),
        ('{"n_users": 3, "items": 17}', False),
    ],
)
def test_an_id_that_is_a_number_counts_behind_the_word_user(tmp_path, text, is_theirs):
    (tmp_path / "page.html").write_text(text)
    assert named(tmp_path, "17") == (["page.html"] if is_theirs else [])


@pytest.mark.parametrize("written", ["a\n<b>", "a\\n<b>", "a\n&lt;b&gt;"])
def test_an_id_is_found_as_texts_json_and_pages_write_it(tmp_path, written):
    (tmp_path / "note.txt").write_text(f"user {written}!")
    assert named(tmp_path, "a\n<b>") == ["note.txt"]


def test_a_word_across_two_reads_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("nextact.erasing.search.CHUNK", 64)
    (tmp_path / "long.txt").write_text("x" * 60 + " user-of-the-shop " + "y" * 300)
    assert named(tmp_path, "user-of-the-shop") == ["long.txt"]


def test_raw_rows_are_counted_by_the_id_as_runs_read_it():
    floats = pd.DataFrame({"customer": [12.0, 12.0, None, 13.0], "n": [12, 1, 1, 1]})
    assert count_raw_rows(floats, "raw_events", "customer", "12") == 2
    texts = pd.DataFrame({"customer": ["012", "12"]})
    assert count_raw_rows(texts, "raw_events", "customer", "12") == 1
    assert count_raw_rows(ibis.memtable(texts), "raw_events", "customer", "012") == 1
    with pytest.raises(NextactError, match=r"raw_events: option 'user_id' asks for column 'user'"):
        count_raw_rows(texts, "raw_events", "user", "12")
