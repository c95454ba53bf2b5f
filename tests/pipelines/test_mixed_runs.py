"""A later pipeline that would read what does not belong together is refused before its first node."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from ..conftest import run_kedro_here


@pytest.fixture
def copy(project, tmp_path):
    shutil.copytree(project, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def run(folder, *arguments):
    return run_kedro_here(folder, "run", "--env", "test", *arguments)


def refused(folder, *arguments):
    """The message of a run that ends before it saves anything."""
    before = saved(folder)
    done = run(folder, *arguments)
    assert done.exit_code == 1
    assert saved(folder) == before
    return done.stderr


def ran(folder, *arguments):
    done = run(folder, *arguments)
    assert done.exit_code == 0, done.stderr


def saved(folder):
    files = (
        file
        for file in (folder / "data/test").rglob("*")
        if file.is_file() and file.name not in ("mlflow.db", "in_use.lock")
    )
    return {file: file.stat().st_mtime_ns for file in files}


def change(folder, pattern, replacement):
    file = folder / "conf/test/parameters.yml"
    text, n = re.subn(pattern, replacement, file.read_text())
    assert n == 1
    file.write_text(text)


@pytest.mark.parametrize("pipeline", ["feature_engineering", "model_training", "model_evaluation", "recommendation"])
def test_another_order_of_event_types_is_named_with_the_pipeline_to_run(copy, pipeline):
    change(copy, r"\[view, purchase\]", "[purchase, view]")
    told = refused(copy, "--pipelines", pipeline)
    assert (
        "events.event_types: ['view', 'purchase'] when data_processing.label_events ran, ['purchase', 'view'] now"
        in told
    )
    assert "run `kedro run --pipelines data_processing` first" in told


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ("events.event_types=wishlist", "events.event_types: ['view', 'purchase'] when"),
        ("split.baskets=false", "split.baskets: True when data_processing.label_events ran, False now"),
        ("split.ties=shuffled", "split.ties: 'position' when data_processing.label_events ran, 'shuffled' now"),
        ("policy.exclude_seen=false", "policy.exclude_seen: True when data_processing.certify ran, False now"),
        ("seed=1", "seed: 0 when data_processing.certify ran, 1 now"),
    ],
)
def test_options_of_the_data_stay_those_of_the_data(copy, changed, line):
    if "wishlist" in changed:
        change(copy, r"\[view, purchase\]", "[wishlist, view, purchase]")
        told = refused(copy, "--pipelines", "recommendation")
    else:
        told = refused(copy, "--pipelines", "recommendation", "--params", changed)
    assert line in told
    assert "run `kedro run --pipelines data_processing` first" in told


def test_options_of_a_model_stay_those_it_was_trained_with(copy):
    changed = "baselines.ease.options.regularisation=7.0"
    told = refused(copy, "--pipelines", "model_evaluation", "--params", changed)
    assert "baselines.ease.options.regularisation: 300.0 when model_training.baselines.ease.fit ran, 7.0 now" in told
    assert "run `kedro run --pipelines model_training` first" in told


def test_lists_that_are_recommended_stay_those_that_were_evaluated(copy):
    told = refused(copy, "--pipelines", "recommendation", "--params", "lists.one_per_text=false")
    assert "lists.one_per_text: 'auto' when model_evaluation.evaluate_test ran, False now" in told
    assert "run `kedro run --pipelines model_evaluation` first" in told  # no model is fitted anew for it


def test_how_a_training_is_launched_changes_no_result(copy):
    ran(copy, "--pipelines", "recommendation", "--params", "launch.checkpoint_seconds=5,summary_users=1")


def test_several_differences_are_named_together(copy):
    told = refused(copy, "--pipelines", "recommendation", "--params", "seed=1,split.ties=shuffled")
    assert "seed: 0" in told
    assert "split.ties" in told


def test_a_killed_data_run_leaves_no_certificate(copy):
    ran(copy, "--to-nodes", "data_processing.build_histories", "--params", "filter.min_item_events=20")
    told = refused(copy, "--pipelines", "recommendation")
    assert "'certificate' does not exist" in told
    assert "run `kedro run --pipelines data_processing` first" in told


def test_new_data_under_models_of_the_old_are_refused(copy):
    ran(copy, "--pipelines", "data_processing,feature_engineering", "--params", "filter.min_item_events=20")
    told = refused(copy, "--pipelines", "recommendation", "--params", "filter.min_item_events=20")
    assert "was made from another" in told
    assert "run `kedro run --pipelines model_training` first" in told


def test_a_vocabulary_with_its_ids_in_another_order_is_refused(copy):
    file = copy / "data/test/03_primary/vocabulary.parquet"
    table = pd.read_parquet(file)
    table["item_id"] = table["item_id"].to_numpy()[::-1]
    table.to_parquet(file)
    told = refused(copy, "--pipelines", "recommendation")
    assert "'vocabulary' was changed after data_processing.fit_vocabulary wrote it" in told
    assert "run `kedro run --pipelines data_processing` first" in told


def test_two_items_swapped_in_the_histories_are_refused(copy):
    file = copy / "data/test/05_model_input/histories/item_index.npy"
    items = np.load(file)
    places = np.flatnonzero(items != items[0])[:1]
    items[[0, places[0]]] = items[[places[0], 0]]
    np.save(file, items)
    told = refused(copy, "--pipelines", "recommendation")
    assert "'histories' was changed after data_processing.build_histories wrote it" in told


def test_a_model_folder_of_another_fit_is_refused(copy):
    models = copy / "data/test/06_models"
    shutil.rmtree(models / "baselines.ease.refitted")
    shutil.copytree(models / "baselines.ease", models / "baselines.ease.refitted")
    told = refused(copy, "--pipelines", "model_evaluation")
    assert "'baselines.ease.refitted' was changed after model_training.baselines.ease.refit wrote it" in told
    assert "run `kedro run --pipelines model_training` first" in told


def test_data_without_records_are_refused_by_name(copy):
    shutil.rmtree(copy / "data/test/records")
    told = refused(copy, "--pipelines", "model_evaluation")
    assert "nothing says from what" in told
    assert "run `kedro run --pipelines data_processing` first" in told


def test_a_run_that_makes_data_anew_and_skips_what_is_made_of_it_is_refused(copy):
    told = refused(copy, "--pipelines", "data_processing,recommendation")
    assert "would be read as it was, while this run makes anew what it is made from" in told
    assert "add the pipeline" in told


def test_one_pipeline_after_the_other_is_as_good_as_all_at_once(copy):
    for name in ("data_processing", "feature_engineering", "model_training", "model_evaluation", "recommendation"):
        ran(copy, "--pipelines", name)


def test_a_project_that_was_moved_with_its_data_reads_its_own_models(project, tmp_path):
    shutil.copytree(project, tmp_path / "first", copy_function=shutil.copyfile)  # new times of change, same content
    (tmp_path / "first").rename(tmp_path / "moved")
    handle = json.loads((tmp_path / "moved/data/test/06_models/chosen_model.json").read_text())
    assert handle["refitted_folder"] == f"{handle['family']}.{handle['name']}.refitted"
    ran(tmp_path / "moved", "--pipelines", "recommendation")
