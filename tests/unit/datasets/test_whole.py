"""What is stored between pipelines: damaged files are named, and failed writes leave the old content whole."""

import errno
import resource
from contextlib import contextmanager
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pytest
import torch
from kedro.io import DatasetError
from safetensors.torch import load_file

from nextact.checks.remedies import chain
from nextact.datasets.arrays import CutsDataset, HistoriesDataset
from nextact.datasets.models import CandidateDataset, CandidatesDataset, ModelFolderDataset, TemperatureDataset
from nextact.datasets.results import CertificateDataset
from nextact.datasets.texts import TextTableDataset
from nextact.datasets.vectors import ItemVectorsDataset, NpyDataset
from nextact.datasets.whole import WholeCSV, WholeJSON, WholeParquet, WholePlotly, WholeTable, WholeText
from nextact.errors import NextactError
from nextact.models.baselines.als import ALS
from nextact.models.baselines.baseline_options import ALSOptions
from nextact.models.registry import open_model
from nextact.models.sequence.fitting.checkpoint import Checkpoints
from nextact.models.storage import FittedModel
from nextact.results.horizons import HorizonSection
from nextact.results.models import Candidate, Candidates, Fit
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts
from nextact.stored import StoredError
from nextact.text.blocks import ItemVectors
from nextact.text.cleaning.table import TextTable

MUCH = 1 << 16  # numbers or letters: more than a file may hold while a disk is as good as full
RANDOM = np.random.default_rng(0)


def als(n_items):
    model = ALS(ALSOptions())
    model.factors, model.of_types = np.ones((n_items + 1, 8), np.float32), np.ones(1, np.float32)
    return FittedModel(model, Fit.outside_a_run("baselines", "als"))


def candidate():
    fit = Fit.outside_a_run("baselines", "ease")
    return Candidate(**fit.fields, folder="a", users=1, validation={}, validation_horizons=HorizonSection())


def histories(n):
    return Histories.from_lists([[1] * n])


def table(n):
    return ibis.memtable({"item_id": RANDOM.integers(0, 1 << 40, n)})


def texts(n):
    words = RANDOM.integers(0, 1 << 40, n).astype(str).tolist()
    return TextTable.of(pd.DataFrame({"item_text": words}))


def vectors():
    return ItemVectors.of({"one": np.ones((9, 9), np.float32)})


# dataset, what it is given (more of it for a larger n), and how two loads are compared
KINDS = {
    "json": (WholeJSON, "a.json", lambda n: {"text": "a" * n}, lambda found: found),
    "parquet": (WholeParquet, "a.parquet", lambda n: pd.DataFrame({"a": RANDOM.random(n)}), len),
    "csv": (WholeCSV, "a.csv", lambda n: pd.DataFrame({"a": RANDOM.random(n)}), len),
    "plotly": (
        WholePlotly,
        "a.json",
        lambda n: go.Figure(go.Bar(y=RANDOM.random(n).tolist())),
        lambda found: len(found.data[0].y),
    ),
    "text": (WholeText, "a.txt", lambda n: "a" * n, lambda found: found),
    "table": (WholeTable, "a.parquet", table, lambda found: int(found.count().execute())),
    "cuts": (CutsDataset, "a.npy", lambda n: Cuts(*np.zeros((3, n), np.int64)), lambda found: len(found.history_end)),
    "histories": (HistoriesDataset, "a", histories, lambda found: found.n_events),
    "npy": (NpyDataset, "a.npy", lambda n: np.zeros((n, 1), np.float32), lambda found: found.shape),
    "item vectors": (
        ItemVectorsDataset,
        "a",
        lambda n: ItemVectors.of({"encoder": np.ones((n, 1), np.float32)}),
        lambda found: found.hashes,
    ),
    "texts": (TextTableDataset, "a.parquet", texts, len),
    "model": (ModelFolderDataset, "a", als, lambda found: open_model(found).factors.shape),
}
ALL = pytest.mark.parametrize(("kind", "name", "of", "seen"), KINDS.values(), ids=KINDS)


@contextmanager
def little_room():
    """No file grows beyond a few pages meanwhile: every writer meets a failing system call half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 13, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def cause(caught):
    """The first error in the chain that is the user's to put right."""
    return next(error for error in chain(caught.value) if isinstance(error, NextactError))


@ALL
def test_a_write_that_fails_names_the_place_and_leaves_the_old_content_whole(kind, name, of, seen, tmp_path):
    dataset = kind(filepath=str(tmp_path / name))
    dataset.save(of(3))
    before, data = seen(dataset.load()), of(MUCH)
    with little_room(), pytest.raises(DatasetError) as caught:
        dataset.save(data)
    assert str(cause(caught)).startswith(f"{tmp_path / name} cannot be written: ")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert seen(kind(filepath=str(tmp_path / name)).load()) == before


@ALL
def test_what_is_saved_again_takes_the_place_of_the_old_content(kind, name, of, seen, tmp_path):
    dataset = kind(filepath=str(tmp_path / "made" / name))
    dataset.save(of(3))
    dataset.save(of(5))
    fresh = kind(filepath=str(tmp_path / "again" / name))
    fresh.save(of(5))
    assert seen(dataset.load()) == seen(fresh.load())
    assert [path.name for path in (tmp_path / "made").iterdir()] == [name]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_called_so(code, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(code, "whatever the library says")

    monkeypatch.setattr(np, "save", full)
    words = "No space left on device" if code == errno.ENOSPC else "Disk quota exceeded"
    with pytest.raises(DatasetError) as caught:
        NpyDataset(filepath=str(tmp_path / "a.npy")).save(np.zeros((2, 2)))
    assert str(cause(caught)) == f"{tmp_path / 'a.npy'} cannot be written: {words}; make room and run again"


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(tmp_path):
    checkpoints = Checkpoints(tmp_path, key="k")
    checkpoints.write({"a": torch.zeros(2)}, {})
    with little_room(), pytest.raises(NextactError, match=r"checkpoint.safetensors cannot be written: "):
        checkpoints.write({"a": torch.zeros(MUCH)}, {})
    assert load_file(checkpoints.path)["a"].shape == (2,)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


def test_texts_that_do_not_fit_the_folder_for_temporary_files_are_said_so():
    words = [(text,) for text in RANDOM.integers(0, 1 << 40, MUCH).astype(str)]
    with little_room(), pytest.raises(NextactError, match=r"nextact-texts-.*table.parquet cannot be written: "):
        TextTable.write(words, pa.schema([("text", pa.string())]))


DAMAGES = {
    "cut in half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "empty": lambda file: file.write_bytes(b""),
    "of another kind": lambda file: file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4),
    "an archive": lambda file: np.savez(file.open("wb"), a=np.zeros(3), b=np.zeros(3)),
    "missing": lambda file: file.unlink(),
}
# dataset, what it stores, the file that is damaged, and what uses all of it
STORED = {
    "json": (WholeJSON, "a.json", lambda: {"text": "a"}, "", None),
    "candidate": (CandidateDataset, "a.json", candidate, "", None),
    "candidates": (CandidatesDataset, "a.json", lambda: Candidates(models=(candidate(),)), "", None),
    "temperature": (TemperatureDataset, "a.json", lambda: 1.25, "", None),
    "parquet": (WholeParquet, "a.parquet", lambda: pd.DataFrame({"a": range(9)}), "", None),
    "table": (WholeTable, "a.parquet", lambda: ibis.memtable({"item_id": range(9)}), "", None),
    "cuts": (CutsDataset, "a.npy", lambda: Cuts(*np.zeros((3, 40), np.int64)), "", None),
    "vectors": (NpyDataset, "a.npy", lambda: np.zeros((40, 4), np.float32), "", None),
    "offsets": (HistoriesDataset, "a", lambda: histories(90), "offsets.npy", None),
    "timestamps": (HistoriesDataset, "a", lambda: histories(90), "timestamp.npy", None),
    "block": (ItemVectorsDataset, "a", vectors, "one.npy", None),
    "blocks": (
        ItemVectorsDataset,
        "a",
        vectors,
        "blocks.json",
        None,
    ),
    "texts": (TextTableDataset, "a.parquet", lambda: texts(9), "", lambda found: list(found.rows("item_text"))),
    "fitted": (ModelFolderDataset, "a", lambda: als(9), "fitted.json", open_model),
    "options": (ModelFolderDataset, "a", lambda: als(9), "model.json", open_model),
    "weights": (ModelFolderDataset, "a", lambda: als(9), "model.safetensors", open_model),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize(("kind", "name", "of", "inside", "use"), STORED.values(), ids=STORED)
def test_a_damaged_file_is_named_with_what_is_wrong(kind, name, of, inside, use, damage, tmp_path):
    if damage is DAMAGES["missing"] and kind in (CandidateDataset, CandidatesDataset):
        return  # a model may not have been validated
    place = tmp_path / name
    kind(filepath=str(place)).save(of())
    file = place / inside if inside else place
    damage(file)
    with pytest.raises((DatasetError, StoredError)) as caught:
        (use or len)(kind(filepath=str(place)).load())
    found = cause(caught)
    assert isinstance(found, StoredError)
    assert found.path == file
    wanted = {"empty": "is empty", "missing": "does not exist"}.get(next(n for n, d in DAMAGES.items() if d is damage))
    assert found.problem == wanted if wanted else found.problem.startswith(("cannot be read: ", "holds "))


FOREIGN = {
    "a list for an object": (WholeJSON, "a.json", "[]", {"must_have": ["run_id"]}, "is no object but []"),
    "another object": (WholeJSON, "a.json", '{"a": 1}', {"must_have": ["run_id"]}, "lacks 'run_id', so it is not"),
    "an object for a number": (TemperatureDataset, "a.json", "{}", {}, "is no number above 0 but {}"),
    "no number": (TemperatureDataset, "a.json", "NaN", {}, "is no number above 0 but nan"),
    "zero": (TemperatureDataset, "a.json", "0", {}, "is no number above 0 but 0"),
    "true": (TemperatureDataset, "a.json", "true", {}, "is no number above 0 but True"),
    "no object": (CandidatesDataset, "a.json", "[]", {}, "is no object but []"),
    "another version": (
        CandidateDataset,
        "a.json",
        '{"version": 0}',
        {},
        "has version 0, and this release of nextact reads version 2 of Candidate",
    ),
    "no version": (
        CertificateDataset,
        "a.json",
        '{"run_id": "one"}',
        {},
        "states no version, and this release of nextact reads version 1 of Certificate",
    ),
    "another candidate": (CandidateDataset, "a.json", '{"version": 2}', {}, "is no Candidate: run_id: Field required"),
}


@pytest.mark.parametrize(("kind", "name", "text", "options", "problem"), FOREIGN.values(), ids=FOREIGN)
def test_a_sound_file_that_holds_something_else_is_refused(kind, name, text, options, problem, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError) as caught:
        kind(filepath=str(tmp_path / name), **options).load()
    assert str(cause(caught)).startswith(f"{tmp_path / name} {problem}")


@pytest.mark.parametrize("kind", [WholeParquet, WholeTable])
def test_a_table_of_other_columns_is_refused(kind, tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DatasetError) as caught:
        kind(filepath=str(tmp_path / "a.parquet"), must_have=["a", "user_id"]).load()
    assert str(cause(caught)) == f"{tmp_path / 'a.parquet'} has no column 'user_id', so it is not what belongs there"


def test_arrays_of_other_histories_or_kinds_are_refused(tmp_path):
    dataset = HistoriesDataset(filepath=str(tmp_path / "a"))
    dataset.save(histories(9))
    np.save(tmp_path / "a/item_index.npy", np.ones(8, np.int32))
    with pytest.raises(DatasetError) as caught:
        dataset.load()
    assert str(cause(caught)) == f"{tmp_path / 'a/item_index.npy'} holds 8 events, but offsets 9"
    np.save(tmp_path / "a/item_index.npy", np.ones(9, np.int64))
    with pytest.raises(DatasetError) as caught:
        dataset.load()
    assert str(cause(caught)).startswith(f"{tmp_path / 'a/item_index.npy'} holds int64 [9], not int32")


def test_blocks_of_other_catalogues_are_refused(tmp_path):
    dataset = ItemVectorsDataset(filepath=str(tmp_path / "a"))
    dataset.save(ItemVectors.of({"one": np.ones((9, 2), np.float32), "two": np.ones((9, 3), np.float32)}))
    np.save(tmp_path / "a/two.npy", np.ones((8, 3), np.float32))
    with pytest.raises(DatasetError, match="blocks of different catalogues"):
        dataset.load()


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(tmp_path, monkeypatch):
    dataset = HistoriesDataset(filepath=str(tmp_path / "a"))
    dataset.save(histories(3))
    rename = Path.rename

    def fail_for_the_new(self, target):
        if self.name.endswith(".new"):
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(DatasetError, match="Input/output error"):
        dataset.save(histories(5))
    monkeypatch.undo()
    assert dataset.load().n_events == 3
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
