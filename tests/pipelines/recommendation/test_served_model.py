"""The packaged model beside the batch line that made it, and behind ``mlflow models serve``."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pytest

from nextact.serving.packaged import PackagedModel


@pytest.fixture(scope="module")
def history(project):
    """The accepted events of all users, in the columns of a request."""
    events = pd.read_parquet(project / "data/test/03_primary/events.parquet")
    events = events.sort_values(["user_id", "timestamp", "position", "source_row"])
    return events[["user_id", "item_id", "event_type", "timestamp"]]


@pytest.fixture(scope="module")
def package(project, tmp_path_factory):
    """A copy away from the project: the folder must stand alone."""
    folder = tmp_path_factory.mktemp("away") / "packaged"
    shutil.copytree(project / "data/test/07_model_output/packaged_model", folder)
    return folder


def test_the_packaged_model_answers_as_the_batch_line_did(package, history, project):
    answer = PackagedModel.open(package).recommend(history)
    batch = pd.read_parquet(project / "data/test/07_model_output/recommendations.parquet")
    pd.testing.assert_frame_equal(answer.items, batch.drop(columns=["model", "run_id"]), check_exact=True)
    behaviours = pd.read_parquet(project / "data/test/07_model_output/behaviour_predictions.parquet")
    assert set(behaviours["model"]) == {"gpt2"}
    pd.testing.assert_frame_equal(
        answer.behaviours, behaviours.drop(columns=["model", "run_id"]), check_exact=True, check_dtype=False
    )
    sums = behaviours.groupby("user_id")["probability"].sum()
    np.testing.assert_allclose(sums, 1)
    assert len(sums) == 60


def test_the_package_names_no_place_outside_itself(package, project):
    texts = [path.read_text() for path in package.rglob("*.json")]
    assert texts
    assert not any(str(project) in text for text in texts)


@pytest.fixture(scope="module")
def server(project, tmp_path_factory):
    """``mlflow models serve`` of the champion, in a group of processes of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = ["models", "serve", "-m", "models:/nextact@champion", "--env-manager", "local", "-h", "127.0.0.1"]
    settings = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{project}/data/test/mlflow.db",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # it looks there for its server
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command, "-p", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | settings,
            cwd=log.parent,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/ping", process, log)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def wait_for(address, process, log, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            urlopen(address, timeout=5).close()
        except (URLError, OSError):
            time.sleep(0.5)
        else:
            return
    raise AssertionError(log.read_text())


def ask(server, rows, **params):
    body = json.dumps({"dataframe_records": rows, "params": params}).encode()
    request = Request(f"{server}/invocations", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())["predictions"]


def event(item, moment="2024-03-01T12:00:00", **changes):
    return {"user_id": "nobody yet", "item_id": item, "event_type": "view", "timestamp": moment} | changes


@pytest.mark.slow
def test_the_server_answers_a_history_never_seen_with_reasons(server):
    (answer,) = ask(server, [event("i003"), event("i004", "2024-03-02"), event("nonsense")], k=3)
    assert answer["user_id"] == "nobody yet"
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3]
    assert answer["items"][0]["item_id"] == "i005"  # each product of the shop leads to the next one
    assert answer["items"][0]["reason"].startswith("often follows ")
    assert not {"i003", "i004"} & {item["item_id"] for item in answer["items"]}
    assert (answer["events"], answer["unknown_events"], answer["unknown_item"]) == (2, 1, "nonsense")
    assert sum(one["probability"] for one in answer["behaviours"]) == pytest.approx(1)


@pytest.mark.slow
def test_the_server_takes_integer_times_and_users_without_events(server):
    nothing = {"item_id": None, "event_type": None, "timestamp": None}
    known, new = ask(server, [event("i003", 1_709_294_400_000_000), {"user_id": "new", **nothing}])
    assert len(known["items"]) == 10
    assert {item["reason"] for item in new["items"]} == {"no history yet; what anybody would be shown"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"user": "u", "item_id": "i003", "event_type": "view", "timestamp": 1}, "missing inputs ['user_id']"),
        (event("i003", event_type="gaze"), "history['event_type']: is not declared (known: view, purchase)"),
        (event("i003", "yesterday"), "history['timestamp']: is missing or unreadable in 1 row(s), e.g. 'yesterday'"),
        (event("i003", ["2024-03-01"]), "history['timestamp']: holds array<string>"),
    ],
)
def test_the_server_refuses_what_it_cannot_read_with_the_reason(server, row, message):
    with pytest.raises(HTTPError) as caught:
        ask(server, [row])
    assert caught.value.code == 400
    assert message in json.loads(caught.value.read())["message"]


@pytest.mark.slow
def test_the_server_refuses_a_length_that_makes_no_list(server):
    with pytest.raises(HTTPError) as caught:
        ask(server, [event("i003")], k=-2)
    assert caught.value.code == 400
    assert "k must be a whole number from 1" in json.loads(caught.value.read())["message"]


@pytest.mark.slow
def test_the_server_obeys_rules_and_refuses_those_that_it_cannot(server):
    (answer,) = ask(server, [event("i003"), event("i004", "2024-03-02")], k=3, rules='{"exclude": ["i005"]}')
    assert "i005" not in {item["item_id"] for item in answer["items"]}
    assert answer["rules"]["cut_by_exclude"] == 1
    for rules, message in (('{"exclude"', "rules: no JSON object"), ('{"where": "f(x)"}', "rules.where calls 'f(x)'")):
        with pytest.raises(HTTPError) as caught:
            ask(server, [event("i003")], rules=rules)
        assert caught.value.code == 400
        assert message in json.loads(caught.value.read())["message"]
