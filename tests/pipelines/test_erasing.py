"""The erasure of a user on the tiny generated shop: what is taken out, what stays, what is told."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ..conftest import run_kedro as kedro
from ..conftest import run_kedro_here

USER = "u001"


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


def naming(folder):
    """Files below a folder that hold the id, whatever their kind."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "in_use.lock"]
    tables = [file for file in files if file.suffix == ".parquet"]
    found = [file for file in tables if USER in pd.read_parquet(file).astype(str).to_csv()]
    return found + [file for file in files if file.suffix != ".parquet" and USER.encode() in file.read_bytes()]


def test_no_stored_file_names_an_erased_user(shop, erased):
    before = {file.relative_to(shop / "data/test").as_posix() for file in naming(shop / "data/test")}
    assert {"03_primary/events.parquet", "08_reporting/run_summary.json", "05_model_input/users.parquet"} <= before
    assert naming(erased[0] / "data") == []


def test_other_users_keep_their_rows_and_their_histories(shop, erased):
    from nextact.sequences.histories import Histories

    folder, _ = erased
    for name in ("03_primary/events", "07_model_output/recommendations"):
        before, after = (pd.read_parquet(one / f"data/test/{name}.parquet") for one in (shop, folder))
        expected = before[before["user_id"] != USER].reset_index(drop=True)
        pd.testing.assert_frame_equal(after.reset_index(drop=True), expected)
    users = [pd.read_parquet(one / "data/test/05_model_input/users.parquet")["user_id"] for one in (shop, folder)]
    before, after = (Histories.open(one / "data/test/05_model_input/histories") for one in (shop, folder))
    assert users[1].tolist() == ["" if user == USER else user for user in users[0]]
    others = (users[0] != USER).to_numpy().nonzero()[0]
    assert after.n_users == before.n_users
    assert after.lengths[users[0] == USER].tolist() == [0]
    assert (before.take(others).item_index == after.item_index).all()
    assert (before.take(others).offsets == after.take(others).offsets).all()


def test_tables_that_know_users_by_index_still_speak_of_the_same_users(shop, erased):
    told = []
    ids = pd.read_parquet(shop / "data/test/05_model_input/users.parquet").set_index("user_index")["user_id"]
    for folder in (shop, erased[0]):
        data = folder / "data/test"
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


def receipt_of(folder):
    (file,) = (folder / "data/test/08_reporting/erasures").glob("*.json")
    return json.loads(file.read_text())


def test_the_receipt_is_printed_and_stored_without_the_id(shop, erased):
    folder, printed = erased
    receipt = receipt_of(folder)
    assert receipt["rows_removed"]["events"] == 12
    assert receipt["rows_removed"]["recommendations"] == 10
    assert receipt["run_id"] == read(shop, "05_model_input/certificate.json")["run_id"]
    assert {"baselines.popularity.model", "baselines.popularity.refitted", "packaged_model"} <= set(receipt["stale"])
    assert "baselines.tifu_knn.refitted" in receipt["stale_with_vectors_of_users"]
    assert "baselines.ease.refitted" not in receipt["stale_with_vectors_of_users"]
    assert receipt["remains"] == {
        "raw_rows": {"raw_events['user_id']": 12, "feedback['user_id']": 100},
        "files": [],
        "not_searched": [],
    }
    assert {str(folder / "data"), str(folder / "notebooks"), "raw_events"} <= set(receipt["searched"])
    assert receipt["user_sha256"] in printed
    assert "raw_events['user_id']: 12 rows" in printed
    assert USER not in printed + json.dumps(receipt)


def test_models_that_learnt_from_the_user_serve_on_and_say_so_until_they_are_fitted_again(erased, tmp_path, caplog):
    from nextact.serving.package import Package
    from nextact.tracking.store import TrackingStore
    from nextact.tracking.tracking_options import TrackingOptions

    folder = shutil.copytree(erased[0], tmp_path / "shop")
    package = folder / "data/test/07_model_output/packaged_model"
    since = receipt_of(folder)["erased_at"]
    Package.open(package)
    assert f"learnt from a user who was erased at {since}" in caplog.text
    options = TrackingOptions(tracking_uri="sqlite:///data/test/mlflow.db", artifacts="data/test/mlruns").at(folder)
    (version,) = TrackingStore.open(options).client.search_model_versions("name='nextact'")
    assert version.tags["nextact.erased_since"] == since

    done = kedro(folder, "run", "--env", "test", "--pipelines", "recommendation")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "'kedro run' makes them anew" in " ".join(done.stdout.split()).replace("`", "'")
    users = pd.read_parquet(folder / "data/test/07_model_output/recommendations.parquet")["user_id"]
    assert users.nunique() == 59
    assert not set(users) & {USER, ""}
    assert (package / "erased_since.json").exists()

    done = kedro(folder, "run", "--env", "test", "--pipelines", "model_training,model_evaluation,recommendation")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert not (package / "erased_since.json").exists()
    records = {file.stem: json.loads(file.read_text()) for file in (folder / "data/test/records").glob("*.json")}
    assert records["chosen_model"]["erased_since"] is None
    assert records["packaged_model"]["erased_since"] is None


def test_what_the_user_did_with_recommendations_is_left_out_of_later_runs(erased, tmp_path):
    folder = shutil.copytree(erased[0], tmp_path / "shop")
    done = kedro(folder, "run", "--env", "test", "--pipelines", "feedback")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert read(folder, "03_primary/feedback_counts.json")["rows_by_reason"] == {"accepted": 5_900, "erased": 100}
    assert naming(folder / "data") == []
    again = kedro(folder, "erase-user", "--env", "test", "--user-id", "u002")
    assert again.returncode == 0, again.stderr
    assert "accepted_feedback: 100" in again.stdout


def test_the_next_run_rejects_the_raw_rows_of_the_user_and_keeps_nothing_in_them(erased, tmp_path):
    folder = shutil.copytree(erased[0], tmp_path / "shop")
    done = kedro(folder, "run", "--env", "test", "--pipelines", "data_processing")
    assert done.returncode == 0, done.stdout[-3000:]
    assert read(folder, "03_primary/event_counts.json")["rows_by_reason"]["erased"] == 12
    assert naming(folder / "data") == []
    rejected = pd.read_parquet(folder / "data/test/02_intermediate/rejected_events.parquet")
    gone = rejected[rejected["rejected_reason"] == "erased"]
    assert gone["source_row"].nunique() == 12
    assert gone[["user_id", "item_id", "timestamp", "event_type"]].isna().all(axis=None)
    assert read(folder, "08_reporting/quality_report.json")["rows"]["by_reason"]["erased"] == 12


def test_a_killed_erasure_refuses_runs_and_is_finished_by_the_next_call(shop, erased, tmp_path):
    folder = shutil.copytree(shop, tmp_path / "shop")
    program = (
        "import os, sys; from pathlib import Path; import nextact.erasing.erase as e; finish, done = e.finish, []\n"
        "def killed(place):\n    finish(place); done.append(place); len(done) < 3 or os.kill(os.getpid(), 9)\n"
        "e.finish = killed; from kedro.framework.cli import main; main()"
    )
    command = [sys.executable, "-c", program, "erase-user", "--env", "test", "--user-id", USER]
    assert subprocess.run(command, cwd=folder, check=False).returncode == -9
    assert naming(folder / "data")
    refused = kedro(folder, "run", "--env", "test", "--pipelines", "recommendation")
    assert refused.returncode == 1
    assert "the erasure of a user, begun at " in refused.stderr
    assert "call `kedro erase-user` again with the same --user-id" in refused.stderr
    done = kedro(folder, "erase-user", "--env", "test", "--user-id", USER)
    assert done.returncode == 0, done.stderr
    assert naming(folder / "data") == []
    assert receipt_of(folder)["rows_removed"] == receipt_of(erased[0])["rows_removed"]
    assert receipt_of(folder)["stale"] == receipt_of(erased[0])["stale"]
    runs = kedro(folder, "run", "--env", "test", "--pipelines", "recommendation")
    assert runs.returncode == 0, runs.stderr


def test_a_killed_erasure_is_finished_by_a_call_for_another_user_too(shop, tmp_path):
    folder = shutil.copytree(shop, tmp_path / "shop")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("nextact.erasing_command.put_in_place", raise_killed)
        with pytest.raises(KilledError):
            run_kedro_here(folder, "erase-user", "--env", "test", "--user-id", USER)
    done = run_kedro_here(folder, "erase-user", "--env", "test", "--user-id", "u002")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.count("Erased the user with the salted SHA-256") == 2
    assert naming(folder / "data") == []
    events = pd.read_parquet(folder / "data/test/03_primary/events.parquet")
    assert not {USER, "u002"} & set(events["user_id"])


class KilledError(Exception):
    """In place of a kill."""


def raise_killed(*_):
    raise KilledError


def test_a_user_is_not_erased_while_a_run_is_under_way(shop, tmp_path):
    from nextact.processes.locks import Use

    folder = shutil.copytree(shop, tmp_path / "shop")
    run = Use(folder / "data/test/records/in_use.lock")
    before = contents(folder)
    done = kedro(folder, "erase-user", "--env", "test", "--user-id", USER)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: a run is under way over {folder / 'data/test'}; wait until it has ended")
    assert contents(folder) == before
    run.release()


def test_a_copy_that_nobody_owns_and_what_other_environments_keep_is_named(erased, tmp_path):
    folder = shutil.copytree(erased[0], tmp_path / "shop")
    (folder / "data/other").mkdir()
    pd.DataFrame({"customer": ["u003"]}).to_parquet(folder / "data/other/log.parquet")
    pd.DataFrame({"user_index": [3], "user_id": ["u003"]}).to_parquet(folder / "data/other/users.parquet")
    run_summary = folder / "data/test/mlruns/0/run_summary.txt"  # as an earlier version logged it
    run_summary.parent.mkdir(parents=True, exist_ok=True)
    run_summary.write_text("best\n\nuser u003\n  did tea")
    before = (folder / "data/other/users.parquet").read_bytes()
    done = kedro(folder, "erase-user", "--env", "test", "--user-id", "u003")
    assert done.returncode == 0, done.stderr
    found = {*(folder / "data/other").iterdir(), run_summary}
    told = done.stdout[done.stdout.index("files that nothing erases from") : done.stdout.index("Searched for the id")]
    assert {Path(line.strip()) for line in told.splitlines()[1:]} == found
    assert (folder / "data/other/users.parquet").read_bytes() == before


def test_a_user_of_the_raw_tables_alone_is_kept_out(shop, tmp_path):
    folder = shutil.copytree(shop, tmp_path / "shop", ignore=shutil.ignore_patterns("test"))
    (folder / "conf/test").mkdir(parents=True)
    shutil.copytree(shop / "conf/test", folder / "conf/test", dirs_exist_ok=True)
    done = kedro(folder, "erase-user", "--env", "test", "--user-id", USER)
    assert done.returncode == 0, done.stderr
    assert "none were stored" in done.stdout
    assert "raw_events['user_id']: 12 rows" in done.stdout
    nobody = kedro(folder, "erase-user", "--env", "test", "--user-id", "nobody")
    assert nobody.returncode == 1
    assert nobody.stderr.startswith("error: no user 'nobody' in what is stored or in the raw tables")


@pytest.mark.parametrize(
    ("user_id", "hashes", "message"),
    [
        (" ", None, "--user-id is empty"),
        (USER, "{", "erased_users.json cannot be read: "),
        (USER, '{"erased_at": {"a": "b"}}', "erased_users.json cannot be read: holds no salt with hashes"),
    ],
)
def test_bad_input_ends_in_one_message(shop, tmp_path, user_id, hashes, message):
    folder = shutil.copytree(shop, tmp_path / "shop")
    if hashes is not None:
        (folder / "data/test/01_raw").mkdir(exist_ok=True)
        (folder / "data/test/01_raw/erased_users.json").write_text(hashes)
    before = contents(folder)
    done = run_kedro_here(folder, "erase-user", "--env", "test", "--user-id", user_id)
    assert done.exit_code == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("user", "message"), [("nobody", "no user 'nobody' in what is stored"), (USER, f"user '{USER}' was erased at")]
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
