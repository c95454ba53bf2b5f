"""Rules of the parameters, from the run to the package."""

import shutil

import pandas as pd
import pytest

from nextact.retrieval.recommending import ITEM_COLUMNS
from nextact.serving.packaged import PackagedModel

from ...conftest import run_kedro_here

RULES = """
rules:
  exclude: [i001]
  where: "title != 'soap, brand 6' and title != None"
  pinned: {2: i003}
  seen: {exclude: [purchase]}
  categories: {column: title, at_most: 1}
  diversity: {block: tfidf}
  exploration: {epsilon: 0.2, seed: 5}
"""


def run(folder, rules, *arguments):
    with (folder / "conf/test/parameters.yml").open("a") as file:
        file.write(rules)
    return run_kedro_here(folder, "run", "--env", "test", "--pipelines", "recommendation", *arguments)


@pytest.fixture
def copy(project, tmp_path):
    shutil.copytree(project, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def test_batch_and_package_obey_the_rules_and_list_the_same(copy):
    done = run(copy, RULES)
    assert done.exit_code == 0, done.stderr
    output = copy / "data/test/07_model_output"
    listed, cuts = pd.read_parquet(output / "recommendations.parquet"), pd.read_parquet(output / "rule_cuts.parquet")
    assert {"i001", "i006"} & set(listed["item_id"]) == set()
    events = pd.read_parquet(copy / "data/test/03_primary/events.parquet")
    bought = events[events["event_type"] == "purchase"].groupby("user_id")["item_id"].agg(set)
    by_user = listed.groupby("user_id")
    assert not any(set(rows["item_id"]) & bought.get(user, set()) for user, rows in by_user)
    pinned = listed[listed["source"] == "pinned"]
    assert set(pinned["item_id"]) == {"i003"}
    assert set(pinned["user_id"]) == {user for user in by_user.groups if "i003" not in bought.get(user, set())}
    assert pinned["propensity"].isna().all()
    drawn = listed[listed["source"] == "model"]
    assert drawn["propensity"].between(0, 1, inclusive="right").all()
    assert set(drawn["seed"]) == {5}
    assert len(cuts) == 60
    assert (cuts["cut_by_exclude"] == 1).all()
    assert (cuts["listed"] == by_user.size().reindex(cuts["user_id"]).to_numpy()).all()
    history = events.sort_values(["user_id", "timestamp", "position", "source_row"])
    history = history[["user_id", "item_id", "event_type", "timestamp"]]
    answer = PackagedModel.open(output / "packaged_model").recommend(history)
    pd.testing.assert_frame_equal(
        answer.items, listed.drop(columns=["model", "run_id"]), check_exact=True, check_dtype=False
    )
    pd.testing.assert_frame_equal(answer.cuts, cuts.drop(columns="run_id"), check_dtype=False)


def test_without_rules_the_tables_are_what_they_were(project):
    output = project / "data/test/07_model_output"
    assert list(pd.read_parquet(output / "recommendations.parquet")) == [*ITEM_COLUMNS, "model", "run_id"]
    assert pd.read_parquet(output / "rule_cuts.parquet").empty


def test_lists_that_rules_leave_short_are_told(copy):
    done = run(copy, "\nrules: {include_only: [i002, i003], seen: allow}\n")
    assert done.exit_code == 0, done.stderr
    told = " ".join((done.stdout + done.stderr).split())
    assert "60 of 60 lists have fewer than 10 items, the shortest 2: the rules leave no more to show" in told


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ('{where: "titel == 1"}', "titel"),
        ('{where: "len(title) > 3"}', "where calls 'len(title)'"),
        ("{pinned: [i001], exclude: [i001]}", "pinned: exclude forbids 1 of 1 ids, e.g. 'i001'"),
        ("{pinned: [x001]}", "rules.pinned: the catalogue has no item 'x001'"),
        ("{excluded: [i001]}", "did you mean 'exclude'?"),
    ],
)
def test_rules_that_cannot_be_obeyed_end_the_run_in_one_message(copy, rules, message):
    done = run(copy, f"\nrules: {rules}\n")
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
