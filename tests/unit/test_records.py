import json
import os

import pytest

from nextact.options import options
from nextact.records import Record, RecordBook, Staleness, as_read, files_of, fingerprint_of


@options
class Example:
    """Two options, of which an older version knew one."""

    n_rows: int = 3
    shuffled: bool = False


@pytest.fixture
def book(tmp_path):
    return RecordBook(tmp_path / "records")


def save(book, name, place, content, inputs=None, parameters=None):
    """Write a dataset and its record, as a run does."""
    place.write_text(content)
    book.write(
        Record(
            dataset=name,
            node=f"make_{name}",
            fingerprint=fingerprint_of(place),
            files=files_of(place),
            inputs={one: book.read(one).fingerprint for one in inputs or ()},
            parameters=parameters or {},
        )
    )


@pytest.fixture
def chain(book, tmp_path):
    """Three datasets, each made from the one before; the first with options."""
    places = {name: tmp_path / name for name in ("events", "model", "lists")}
    save(book, "events", places["events"], "a", parameters={"split": {"n_rows": 3, "shuffled": False}})
    save(book, "model", places["model"], "b", ["events"])
    save(book, "lists", places["lists"], "c", ["model"])
    return places


def stale(book, places, n_rows=3):
    parameters = {"split": {"n_rows": n_rows, "shuffled": False}}
    return Staleness(book, places, parameters, {"split": Example}, frozenset(places)).of(["lists"])


def test_what_stands_as_it_was_written_is_not_stale(book, chain):
    assert stale(book, chain) == {}


def test_other_options_are_named_at_the_node_that_read_them(book, chain):
    assert stale(book, chain, n_rows=4) == {"events": ["split.n_rows: 3 when make_events ran, 4 now"]}


def test_changed_content_is_named_even_where_the_size_stays(book, chain):
    chain["model"].write_text("B")
    assert stale(book, chain) == {"model": ["'model' was changed after make_model wrote it"]}


def test_a_dataset_made_of_what_is_there_no_more_is_named(book, chain):
    save(book, "events", chain["events"], "another", parameters={"split": {"n_rows": 3}})
    assert stale(book, chain) == {"model": ["'model' was made from another 'events'"]}


def test_made_anew_with_the_same_content_nothing_is_stale(book, chain):
    save(book, "events", chain["events"], "a", parameters={"split": {"n_rows": 3, "shuffled": False}})
    assert stale(book, chain) == {}


def test_a_dataset_without_a_record_is_refused(book, chain):
    book.remove("model")
    assert list(stale(book, chain)) == ["model"]


def test_a_record_of_another_version_counts_as_none(book, chain):
    file = book.folder / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 2}))
    assert book.read("model") is None
    assert list(stale(book, chain)) == ["model"]


def test_a_cut_record_counts_as_none(book, chain):
    file = book.folder / "model.json"
    file.write_text(file.read_text()[:40])
    assert book.read("model") is None


def test_an_option_that_an_older_version_did_not_know_has_its_default_of_today(book, chain):
    save(book, "events", chain["events"], "a", parameters={"split": {"n_rows": 3}})
    assert stale(book, chain) == {}
    assert as_read({"n_rows": 3}, Example) == {"n_rows": 3, "shuffled": False}


def test_a_touched_file_with_the_same_content_is_not_stale(book, chain):
    os.utime(chain["model"], ns=(1, 1))
    assert stale(book, chain) == {}


def test_after_a_change_that_was_meant_nothing_is_stale(book, chain):
    chain["events"].write_text("without a user")
    book.restamp({"events": chain["events"]})
    assert stale(book, chain) == {}


def test_a_meant_change_that_was_interrupted_is_recorded_by_the_next_call(book, chain):
    for name in ("events", "model"):
        chain[name].write_text(f"{name} without a user")
    book.restamp({"events": chain["events"]})  # killed here
    for _ in range(2):
        book.restamp({name: chain[name] for name in ("events", "model")})
    assert stale(book, chain) == {}
    assert len(book.read("events").before_erasure) == 1


def test_two_users_may_be_erased_from_a_dataset(book, chain):
    for content in ("without a user", "without two"):
        chain["events"].write_text(content)
        book.restamp({"events": chain["events"]})
    assert stale(book, chain) == {}


def test_all_that_was_made_from_the_events_of_an_erased_user_is_marked_until_it_is_made_anew(book, chain, tmp_path):
    save(book, "certificate", tmp_path / "certificate", "d", ["events"])
    save(book, "texts", tmp_path / "texts", "e", ["certificate"])
    for moment in ("2026-01-02", "2026-01-03"):
        book.mark_erased("events", moment, but=["certificate"])
    names = ["events", "model", "lists", "certificate", "texts", "nothing"]
    assert book.erased_since(names) == {"model": "2026-01-03", "lists": "2026-01-03"}
    assert stale(book, chain) == {}
    save(book, "model", chain["model"], "b", ["events"])
    assert book.erased_since(names) == {"lists": "2026-01-03"}


def test_what_was_stale_before_a_meant_change_stays_stale(book, chain):
    save(book, "events", chain["events"], "another", parameters={"split": {"n_rows": 3}})
    chain["events"].write_text("without a user")
    book.restamp({"events": chain["events"]})
    assert stale(book, chain) == {"model": ["'model' was made from another 'events'"]}


def test_the_fingerprint_of_a_folder_knows_names_contents_and_absences(tmp_path):
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.npy").write_text("1")
    (folder / "deep/b.npy").write_text("2")
    whole = fingerprint_of(folder)
    assert whole == fingerprint_of(folder)
    (folder / "a.npy").write_text("2")
    (folder / "deep/b.npy").write_text("1")
    swapped = fingerprint_of(folder)
    (folder / "a.npy").unlink()
    assert len({whole, swapped, fingerprint_of(folder)}) == 3
    assert fingerprint_of(tmp_path / "nothing") is None
