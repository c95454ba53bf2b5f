"""The quality report, its figures and page, and the erasure of a user, on the tiny generated shop."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from ..conftest import run_kedro as kedro

ROOT = Path(__file__).parents[2]
USER = "u001"
PLOTS = (
    "events_over_time",
    "history_lengths",
    "item_popularity",
    "rejected_rows",
    "held_out_beside_seen",
    "leaderboard",
    "slices",
    "calibration",
    "trade_off",
    "training_curves",
)


def read(project, name):
    return json.loads((project / "data/test" / name).read_text())


def contents(project):
    """Hash by file of all data, the MLflow store left out."""
    files = [file for file in (project / "data").rglob("*") if file.is_file() and "mlruns" not in file.parts]
    return {file.relative_to(project): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def shop(project):
    """The shared run; nothing here writes into it."""
    return project


@pytest.fixture(scope="module")
def erased(shop, tmp_path_factory):
    """The shop after one user was erased, and what the command printed."""
    folder = tmp_path_factory.mktemp("erased") / "shop"
    shutil.copytree(shop, folder)
    done = kedro(folder, "erase-user", "--env", "test", "--user-id", USER)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, done.stdout


def test_the_report_names_its_run_and_agrees_with_the_counts_of_the_line(shop):
    report, certificate = read(shop, "08_reporting/quality_report.json"), read(shop, "05_model_input/certificate.json")
    counts = read(shop, "03_primary/event_counts.json")
    assert (report["run_id"], report["protocol_hash"]) == (certificate["run_id"], certificate["protocol_hash"])
    assert report["rows"]["by_split"] == counts["rows_by_split"]
    assert report["rows"]["read"] == sum(counts["rows_by_reason"].values())
    assert report["overview"]["catalogue_items"] == certificate["protocol"]["data"]["items"]


def test_the_targets_are_those_that_models_are_validated_on(shop):
    targets = read(shop, "08_reporting/quality_report.json")["targets"]
    events = pd.read_parquet(shop / "data/test/03_primary/events.parquet")
    asked = events[(events["split"] == "validation") & events["is_target"]].drop_duplicates(["user_id", "item_id"])
    assert (targets["all"], targets["users"]) == (len(asked), asked["user_id"].nunique())


@pytest.mark.parametrize("name", PLOTS)
def test_each_figure_is_a_picture_that_kedro_viz_previews(shop, name):
    from matplotlib.image import imread

    picture = imread(shop / f"data/test/08_reporting/plots/{name}.png")
    assert len(np.unique(picture[..., :3].reshape(-1, 3), axis=0)) > 10  # something is drawn on the white
    assert picture.shape[2] == 3 or (picture[..., 3] == 1).all()  # and reads on any background


def test_the_leaderboard_plot_of_the_page_shows_every_model_of_the_results(shop):
    results = read(shop, "08_reporting/test_results.json")
    page = (shop / "data/test/08_reporting/evaluation_report.html").read_text(encoding="utf-8")
    figure = page[page.index("<svg") : page.index("</svg>")]
    names = [name.removesuffix(" (chosen)") for name in re.findall(r"<text[^>]*>([^<]*)</text>", figure)]
    shown = {model["name"] for model in results["models"]}
    assert [name for name in names if name in shown] == [model["name"] for model in results["models"]]


def test_the_page_stands_alone(shop):
    page = (shop / "data/test/08_reporting/quality_report.html").read_text()
    assert read(shop, "05_model_input/certificate.json")["run_id"] in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_no_stored_table_names_an_erased_user(erased):
    folder, _ = erased
    tables = [file for file in (folder / "data").rglob("*.parquet") if "mlruns" not in file.parts]
    naming = [file for file in tables if "user_id" in pq.read_schema(file).names]
    assert len(naming) >= 5
    assert [file for file in naming if USER in set(pd.read_parquet(file)["user_id"])] == []
    texts = [file for pattern in ("*.json", "*.txt", "*.csv", "*.html") for file in (folder / "data").rglob(pattern)]
    assert [file for file in texts if "mlruns" not in file.parts and USER in file.read_text()] == []


def test_other_users_keep_their_rows_and_their_histories(shop, erased):
    from nextact.sequences.histories import Histories

    folder, _ = erased
    for name in ("03_primary/events", "07_model_output/recommendations"):
        before, after = (pd.read_parquet(one / f"data/test/{name}.parquet") for one in (shop, folder))
        expected = before[before["user_id"] != USER].reset_index(drop=True)
        pd.testing.assert_frame_equal(after.reset_index(drop=True), expected)
    users = [pd.read_parquet(one / "data/test/05_model_input/users.parquet")["user_id"] for one in (shop, folder)]
    before, after = (Histories.open(one / "data/test/05_model_input/histories") for one in (shop, folder))
    assert users[1].tolist() == [user for user in users[0] if user != USER]
    kept = before.take((users[0] != USER).to_numpy().nonzero()[0])
    assert (kept.offsets == after.offsets).all()
    assert (kept.item_index == after.item_index).all()


def test_tables_that_know_users_by_index_still_speak_of_the_same_users(shop, erased):
    told = []
    for folder in (shop, erased[0]):
        data = folder / "data/test"
        ids = pd.read_parquet(data / "05_model_input/users.parquet").set_index("user_index")["user_id"]
        offsets = np.load(data / "05_model_input/histories/offsets.npy")
        held_out = pd.read_parquet(data / "07_model_output/test_users.parquet")
        lengths = held_out["history_end"] - offsets[held_out["user_index"]]
        lists = pd.read_parquet(data / "07_model_output/test_lists.parquet")
        lists = lists.assign(user_index=ids[lists["user_index"]].to_numpy()).to_dict("records")
        told.append((dict(zip(ids[held_out["user_index"]], lengths, strict=True)), lists))
    (lengths, lists), (lengths_after, lists_after) = told
    assert lengths.pop(USER) > 0
    assert lengths_after == lengths
    assert lists_after == [row for row in lists if row["user_index"] != USER]


def test_the_receipt_is_printed_and_stored_without_the_id(shop, erased):
    folder, printed = erased
    (file,) = (folder / "data/test/08_reporting/erasures").glob("*.json")
    receipt = json.loads(file.read_text())
    assert receipt["rows_removed"]["events"] == 12
    assert receipt["rows_removed"]["recommendations"] == 10
    assert receipt["still_named_in"] == []
    run = read(shop, "05_model_input/certificate.json")["run_id"]
    refit = {one["model"]: one["run_id"] for one in receipt["refit"]}
    names = ("baselines.popularity.model", "baselines.popularity.refitted", "packaged_model")
    assert {refit[name] for name in names} == {run}
    assert "raw_events" in receipt["not_erased"]
    assert receipt["user_sha256"] in printed
    assert "remove the user there too" in printed
    assert USER not in printed + file.read_text()


def test_models_that_learnt_from_the_user_are_refused_until_they_are_fitted_again(erased, tmp_path):
    folder = shutil.copytree(erased[0], tmp_path / "shop")
    done = kedro(folder, "run", "--env", "test", "--pipelines", "recommendation")
    assert done.returncode == 1
    assert "error: 'chosen_model' belongs to run" in done.stderr


def test_the_next_run_rejects_the_raw_rows_of_the_user_and_keeps_nothing_in_them(erased, tmp_path):
    folder = shutil.copytree(erased[0], tmp_path / "shop")
    done = kedro(folder, "run", "--env", "test", "--pipelines", "data_processing")
    assert done.returncode == 0, done.stdout[-3000:]
    assert read(folder, "03_primary/event_counts.json")["rows_by_reason"]["erased"] == 12
    assert USER not in set(pd.read_parquet(folder / "data/test/03_primary/events.parquet")["user_id"])
    rejected = pd.read_parquet(folder / "data/test/02_intermediate/rejected_events.parquet")
    gone = rejected[rejected["rejected_reason"] == "erased"]
    assert gone["source_row"].nunique() == 12
    assert gone[["user_id", "item_id", "timestamp", "event_type"]].isna().all(axis=None)
    assert read(folder, "08_reporting/quality_report.json")["rows"]["by_reason"]["erased"] == 12


@pytest.mark.parametrize(
    ("user", "message"), [("nobody", "no user 'nobody' in events"), (USER, f"user '{USER}' was erased at")]
)
def test_a_user_who_is_not_there_ends_in_one_message_and_changes_nothing(erased, user, message):
    folder, _ = erased
    before = contents(folder)
    done = kedro(folder, "erase-user", "--env", "test", "--user-id", user)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith(f"error: {message}")
    assert "nothing was changed" in done.stderr
    assert contents(folder) == before


def test_a_misspelt_environment_is_named(shop):
    done = kedro(shop, "erase-user", "--env", "tets", "--user-id", USER)
    assert done.returncode == 1
    assert "did you mean 'test'" in done.stderr
