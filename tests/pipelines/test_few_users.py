"""Logs of a handful of users run from end to end, and what is said of them is what such a log can say."""

import json

import pandas as pd
import pytest

LOGS = {
    "three users, four items, days alone, no table of items": {"n_users": 3, "n_items": 4, "hours": False},
    "eight users": {"n_users": 8, "n_items": 10, "hours": True},
}


def log_of(n_users, n_items, hours):
    """Everybody goes through the items from one on, a step a day, and begins again."""
    first = pd.Timestamp("2024-01-01")
    rows = [
        {
            "user": f"u{user}",
            "item": f"i{(user + step) % n_items}",
            "time": first + pd.Timedelta(days=step + user, hours=hours * (8 + user)),
        }
        for user in range(n_users)
        for step in range(6 + user)
    ]
    return pd.DataFrame(rows).assign(
        time=lambda log: log["time"].dt.strftime("%Y-%m-%d %H:%M" if hours else "%Y-%m-%d")
    )


@pytest.fixture(scope="module", params=LOGS.values(), ids=LOGS)
def ran(request, tmp_path_factory, copy_project, run_here, kedro):
    folder = copy_project(tmp_path_factory.mktemp("few"))
    log = log_of(**request.param)
    log.to_csv(folder / "log.csv", index=False)
    started = run_here(folder, "start-env", "few", "--events", "log.csv")
    assert started.exit_code == 0, started.output
    done = kedro(folder, "run", "--env", "few")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder / "data/few", log, " ".join(done.stdout.split())


def test_everybody_gets_a_list_with_a_reason(ran):
    folder, log, output = ran
    found = pd.read_parquet(folder / "07_model_output/recommendations.parquet")
    exclude_seen = read(folder, "05_model_input/certificate.json")["protocol"]["exclude_seen"]
    had_all = log.groupby("user")["item"].nunique() == log["item"].nunique()
    finished = set(had_all.index[had_all]) if exclude_seen else set()
    assert set(found["user_id"]) == set(log["user"]) - finished
    told = f"{len(finished)} of {log['user'].nunique()} users are recommended nothing: they had all of"
    assert (told in output) == bool(finished)
    assert set(found["item_id"]) <= set(log["item"])
    assert found["reason"].str.len().gt(0).all()
    assert found.groupby("user_id")["probability"].sum().le(1 + 1e-6).all()


def test_what_few_users_do_not_allow_is_left_out_with_a_sentence(ran):
    folder, _, output = ran
    left_out = {one["name"]: one["left_out"] for one in read(folder, "06_models/leaderboard.json")["left_out"]}
    assert {"content_knn", "words_knn", "stacked"} <= set(left_out)
    assert left_out["content_knn"].startswith("this run has no item vectors: no item has a text")
    assert "its temperature ends at the" not in output  # no temperature is learnt of so few
    assert "on validation chose among" in output
    assert "of so few the order is mostly chance" in (folder / "08_reporting/evaluation_report.html").read_text()
    assert "of so few the order is mostly chance" in (folder / "08_reporting/model_card.md").read_text()


def read(folder, name):
    return json.loads((folder / name).read_text())
