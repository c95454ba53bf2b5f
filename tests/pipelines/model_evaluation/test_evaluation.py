"""model_evaluation on the tiny generated shop: what it writes, and what it refuses."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from nextact.evaluation.compare import values_of_tables
from nextact.models.registry import open_model
from nextact.models.storage import ModelFolder
from nextact.records import RecordBook
from nextact.retrieval.catalogue import Catalogue
from nextact.retrieval.reasons import LogWords
from nextact.retrieval.recommending import recommend_items
from nextact.sequences.histories import Histories

JSON_FILES = ("test_results", "evaluation_slices", "leak_checks", "evaluation_examples")
TABLES = ("test_users", "test_targets", "test_ranks", "test_lists")


def read(project, name):
    return json.loads((project / "data/test/08_reporting" / f"{name}.json").read_text())


def table(project, name):
    return pd.read_parquet(project / "data/test/07_model_output" / f"{name}.parquet")


def test_every_output_names_the_run(project):
    run_id = json.loads((project / "data/test/05_model_input/certificate.json").read_text())["run_id"]
    assert {read(project, name)["run_id"] for name in JSON_FILES} == {run_id}
    assert {run for name in TABLES for run in table(project, name)["run_id"]} == {run_id}
    for name in ("evaluation_report.html", "model_card.md"):
        assert run_id in (project / "data/test/08_reporting" / name).read_text(encoding="utf-8")


def test_test_is_opened_by_one_node_alone():
    from nextact.pipeline_registry import register_pipelines

    readers = [node.name for node in register_pipelines()["__default__"].nodes if "test_cuts" in node.inputs]
    assert readers == ["model_evaluation.evaluate_test"]


def test_the_tables_give_the_results_back(project):
    results = read(project, "test_results")
    for metric in ("ndcg@10", "recall@5"):
        values = values_of_tables(*(table(project, name) for name in TABLES[:3]), metric)
        for model in results["models"]:
            assert values[model["name"]].mean() == pytest.approx(model["test"][metric]["mean"])


def test_every_model_has_numbers_beyond_accuracy(project):
    for model in read(project, "test_results")["models"]:
        assert 0 < model["catalogue"]["coverage"] <= 1
        assert {"gini", "novelty", "popularity_lift", "diversity_text"} <= set(model["catalogue"])
        assert model["calibration"]["item_log_loss"]["mean"] > 0
        assert sum(row["places"] for row in model["calibration"]["bins"]) == 600  # ten places for each of sixty users
        assert 0 <= model["shuffled"]["ndcg@10"]["mean"] < 0.5


def test_every_evaluated_list_is_what_the_model_recommends_to_that_history(project):
    """Many models know nothing of most items and give them all one score."""
    folder = project / "data/test"
    vocabulary, users = (
        pd.read_parquet(folder / name) for name in ("03_primary/vocabulary.parquet", "05_model_input/users.parquet")
    )
    item_texts = pd.read_parquet(folder / "04_feature/item_texts.parquet")[["item_index", "item_text"]]
    catalogue = Catalogue(vocabulary.merge(item_texts, on="item_index").sort_values("item_index"))
    histories = Histories.open(folder / "05_model_input/histories")
    held_out, lists = table(project, "test_users"), table(project, "test_lists")
    user_index = held_out["user_index"].to_numpy()
    known = histories.between(histories.offsets[:-1][user_index], held_out["history_end"].to_numpy())
    ids = users.sort_values("user_index")["user_id"].to_numpy()[user_index]
    policy = json.loads((folder / "05_model_input/certificate.json").read_text())["protocol"]
    leaderboard = json.loads((folder / "06_models/leaderboard.json").read_text())["models"]
    refitted = {one["name"]: project / "data/test/06_models" / one["refitted_folder"] for one in leaderboard}
    assert set(refitted) == set(lists["model"])
    for model in read(project, "test_results")["models"]:
        recommended = recommend_items(
            open_model(ModelFolder(refitted[model["name"]])),
            known,
            ids,
            catalogue,
            LogWords(("view", "purchase"), has_times=True),
            model["calibration"]["temperature"],
            policy["exclude_seen"],
            read(project, "test_results")["list_length"],
        ).items
        evaluated = lists[lists["model"] == model["name"]].merge(vocabulary, on="item_index").merge(users)
        columns = ["user_id", "rank", "item_id"]
        found, expected = (one[columns].sort_values(columns[:2]).to_numpy() for one in (evaluated, recommended))
        assert found.tolist() == expected.tolist(), model["name"]


def test_the_chosen_model_has_the_temperature_it_recommends_with(project):
    results = read(project, "test_results")
    served = float((project / "data/test/06_models/temperature.json").read_text())
    found = {model["name"]: model["calibration"]["temperature"] for model in results["models"]}
    assert found[results["chosen"]] == served


def test_the_behaviour_head_stands_beside_frequencies(project):
    behaviour = read(project, "test_results")["behaviour"]
    assert set(behaviour["models"]) == {"gpt2", "training frequencies", "own frequencies"}
    assert behaviour["event_types"] == ["view", "purchase"]


def test_groups_of_users_hold_everybody_once(project):
    slices = read(project, "evaluation_slices")
    assert slices["models"][0] == read(project, "test_results")["chosen"]
    of_users = [one for one in slices["slices"] if one["of"] == "users"]
    assert of_users
    for one in of_users:
        assert sum(group["users"] for group in one["groups"]) + sum(one["left_out"].values()) == slices["users"]
    assert {"event type", "time", "training events of the item"} <= {one["by"] for one in slices["slices"]}


def test_the_shop_has_no_leak_but_hides_what_people_choose_again(project):
    found = {check["name"]: check for check in read(project, "leak_checks")["checks"]}
    assert [name for name, check in found.items() if not check["passed"]] == ["target in history"]
    targets, events = table(project, "test_targets"), pd.read_parquet(project / "data/test/03_primary/events.parquet")
    users = pd.read_parquet(project / "data/test/05_model_input/users.parquet")
    vocabulary = pd.read_parquet(project / "data/test/03_primary/vocabulary.parquet")
    named = targets.merge(users, on="user_index").merge(vocabulary[["item_index", "item_id"]], on="item_index")
    earlier = named.merge(events[~(events["is_target"] & (events["split"] == "test"))], on=["user_id", "item_id"])
    before = earlier[earlier["timestamp_x"] > earlier["timestamp_y"]].drop_duplicates(["user_id", "item_id"])
    assert found["target in history"]["numbers"]["in_history"] == len(before)


def test_the_page_shows_the_failed_check_and_every_model(project):
    page = (project / "data/test/08_reporting/evaluation_report.html").read_text(encoding="utf-8")
    assert page.index("Check of target in history") < page.index('id="leaderboard"')
    for model in read(project, "test_results")["models"]:
        assert f"<td>{model['name']}</td>" in page


def take_as_written(project, dataset, place):
    """Have the run take what stands there for what its node wrote."""
    RecordBook(project / "data/test/records").restamp({dataset: place})


def copy_of(project, folder):
    return shutil.copytree(project, folder / "again", symlinks=True)


def test_training_events_after_the_split_stop_the_run(project, tmp_path, kedro):
    again = copy_of(project, tmp_path)
    path = again / "data/test/05_model_input/histories/timestamp.npy"
    times = np.load(path)
    times[0] = times.max()  # the first event of the first user, who learns from it
    np.save(path, times)
    take_as_written(again, "histories", path.parent)
    done = kedro(again, "run", "--env", "test", "--pipelines", "model_evaluation")
    assert done.returncode == 1
    assert "error: leak: 1 training events lie at or after 2024-01-10" in done.stderr


def test_slices_by_columns_of_items_and_users_are_asked_for_in_parameters(project, tmp_path, kedro):
    again = copy_of(project, tmp_path)
    users = pd.read_parquet(again / "data/test/05_model_input/users.parquet")
    raw = again / "data/test/01_raw"
    raw.mkdir(exist_ok=True)
    users.assign(region=["north", "south"] * 30)[["user_id", "region"]].to_parquet(raw / "users.parquet")
    (again / "conf/test/parameters_model_evaluation.yml").write_text(
        "evaluation: {category_column: title, user_id: user_id, user_columns: [region], item_columns: [title]}"
    )
    done = kedro(again, "run", "--env", "test", "--pipelines", "model_evaluation")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    slices = {one["by"]: one for one in read(again, "evaluation_slices")["slices"]}
    assert [group["users"] for group in slices["user: region"]["groups"]] == [30, 30]
    assert "item: title" in slices
    assert read(again, "test_results")["models"][0]["catalogue"]["diversity_category"] == 1  # titles are distinct


def test_results_of_another_run_are_not_sliced(project, tmp_path, kedro):
    again = copy_of(project, tmp_path)
    kedro(again, "run", "--env", "test", "--pipelines", "data_processing")
    done = kedro(again, "run", "--env", "test", "--nodes", "model_evaluation.slice_test")
    assert done.returncode == 1
    assert "was made from another 'certificate'" in done.stderr
    assert "run `kedro run --pipelines model_training` first" in done.stderr


def test_horizons_are_scored_on_both_parts_by_the_models_that_have_them(project):
    results = read(project, "test_results")
    for part, users in (("validation", 30), ("test", 60)):
        found = results["horizons"][part]
        assert found["moment"] == results["protocol"]["split"][f"{part}_from"]
        assert found["users"] + found["users_left_out"]["no event before the moment"] == users
        rows = found["models"]["gpt2"]
        assert [(row["event_type"], row["horizon_days"]) for row in rows] == [
            ("view", 1),
            ("view", 2),
            ("purchase", 1),
            ("purchase", 2),
        ]
        assert [row["censored"] for row in rows] == [0, users, 0, users]  # a window of one day observes no second one


def test_what_happened_within_a_day_is_what_the_events_say(project):
    results, events = read(project, "test_results"), pd.read_parquet(project / "data/test/03_primary/events.parquet")
    start = pd.Timestamp(results["horizons"]["test"]["moment"])
    times = pd.to_datetime(events["timestamp"], unit="us", utc=True)
    first_day = (times >= start) & (times <= start + pd.Timedelta(days=1))
    for row in results["horizons"]["test"]["models"]["gpt2"]:
        if row["horizon_days"] == 1:
            came = events[first_day & (events["event_type"] == row["event_type"])]["user_id"].nunique()
            assert row["happened"] == pytest.approx(came / 60)


def test_page_and_card_tell_of_horizons(project):
    page = (project / "data/test/08_reporting/evaluation_report.html").read_text(encoding="utf-8")
    card = (project / "data/test/08_reporting/model_card.md").read_text(encoding="utf-8")
    assert 'id="horizons"' in page
    assert "## Horizons" in card
    loss = read(project, "test_results")["horizons"]["test"]["models"]["gpt2"][0]["metrics"]["log_loss"]
    assert f"{loss['mean']:.3f} [{loss['low']:.3f}" in page
    assert f"{loss['mean']:.3f} [{loss['low']:.3f}" in card


def test_under_leave_one_out_horizons_are_not_scored_and_a_sentence_says_why(project, tmp_path, kedro):
    again = copy_of(project, tmp_path)
    steps = "data_processing,feature_engineering,model_training,model_evaluation"
    only = "sequence.gpt2.options.optimiser.epochs=1,split.kind=leave_one_out"
    done = kedro(again, "run", "--env", "test", "--pipelines", steps, "--params", only)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    results = read(again, "test_results")
    assert [section["models"] for section in results["horizons"].values()] == [{}, {}]
    assert all(section["why_not"] for section in results["horizons"].values())
    assert "a global time split alone" in results["horizons"]["test"]["why_not"]
    assert "a global time split alone" in (again / "data/test/08_reporting/model_card.md").read_text(encoding="utf-8")
    models = json.loads((again / "data/test/06_models/leaderboard.json").read_text())["models"]
    fitted = next(model["report"] for model in models if model["name"] == "gpt2")
    assert "not known under this split" in fitted["horizons"]["skipped"]
