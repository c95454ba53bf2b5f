"""The whole default pipeline on the tiny generated shop, in the project's own configuration."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from nextact.records import RecordBook
from nextact.results.models import ChosenModel, Gate, Leaderboard

from ..conftest import ROOT
from ..conftest import copy_of_project as copy_project
from ..conftest import run_kedro as kedro
from ..protocols import make_certificate

ONLY_VECTORS = (
    "feature_engineering.embed_words",
    "feature_engineering.encode_items",
    "feature_engineering.tune_encoder",
    "feature_engineering.join_blocks",
    "model_training.baselines.gather.gather",
    "model_training.choice.compare",
)
HEAVY = {"torch", "transformers", "spacy", "gensim", "mlflow", "sentence_transformers"}


def read(project, name):
    return json.loads((project / "data/test" / name).read_text())


def test_the_line_ends_with_a_chosen_model_that_names_its_run(project):
    certificate, chosen = read(project, "05_model_input/certificate.json"), read(project, "06_models/chosen_model.json")
    assert chosen["run_id"] == certificate["run_id"]
    assert chosen["protocol_hash"] == certificate["protocol_hash"]


def test_a_model_of_order_beats_popularity_on_a_shop_with_an_order(project):
    models = read(project, "06_models/leaderboard.json")["models"]
    ndcg = {model["name"]: model["validation"]["ndcg@10"]["mean"] for model in models}
    assert max(ndcg, key=ndcg.get) == "transition"
    assert ndcg["transition"] > 1.3 * ndcg["popularity"]


def test_every_row_is_accepted_or_rejected(project):
    counts = read(project, "03_primary/event_counts.json")["rows_by_reason"]
    assert sum(counts.values()) == 60 * 12


def test_recommendations_are_unseen_ranked_and_explained(project):
    table = pd.read_parquet(project / "data/test/07_model_output/recommendations.parquet")
    events = pd.read_parquet(project / "data/test/03_primary/events.parquet")
    assert table["user_id"].nunique() == 60
    assert table.groupby("user_id")["score"].apply(lambda s: s.is_monotonic_decreasing).all()
    assert table.groupby("user_id")["probability"].sum().between(0, 1 + 1e-6).all()
    assert (table["reason"] != "").all()
    assert len(table.merge(events, on=["user_id", "item_id"])) == 0  # the shop's policy excludes seen items


def test_test_results_cover_every_validated_model(project):
    results, leaderboard = (
        read(project, "08_reporting/test_results.json"),
        read(project, "06_models/leaderboard.json"),
    )
    assert [one["name"] for one in results["models"]] == [one["name"] for one in leaderboard["models"]]
    assert set(results["chosen_against"]) == {one["name"] for one in results["models"]} - {results["chosen"]}


def test_the_test_split_is_read_by_model_evaluation_alone():
    from nextact.pipeline_registry import register_pipelines

    readers = {name for name, one in register_pipelines().items() if "test_cuts" in one.inputs()}
    assert readers == {"model_evaluation"}


def test_a_candidate_of_an_earlier_run_is_left_out(project, tmp_path):
    shutil.copytree(project, tmp_path / "again", symlinks=True)
    done = kedro(tmp_path / "again", "run", "--env", "test", "--pipelines", "data_processing")
    assert done.returncode == 0
    only = "--namespaces=model_training.baselines.popularity,model_training.baselines.gather,model_training.choice"
    done = kedro(tmp_path / "again", "run", "--env", "test", only)
    assert done.returncode == 0, done.stdout[-3000:]
    assert [model["name"] for model in read(tmp_path / "again", "06_models/leaderboard.json")["models"]] == [
        "popularity"
    ]
    assert (
        "baselines.ease.candidate is left out: 'baselines.ease.model' was made from another 'certificate'"
        in " ".join(done.stdout.split())
    )


def test_a_model_of_an_earlier_run_recommends_nothing(project, tmp_path):
    shutil.copytree(project, tmp_path / "again", symlinks=True)
    kedro(tmp_path / "again", "run", "--env", "test", "--pipelines", "data_processing")
    done = kedro(tmp_path / "again", "run", "--env", "test", "--pipelines", "recommendation")
    assert done.returncode == 1
    assert "was made from another 'certificate'" in done.stderr
    assert "run `kedro run --pipelines model_training` first" in done.stderr


def test_a_candidate_fitted_with_other_options_is_left_out(project, tmp_path):
    shutil.copytree(project, tmp_path / "again", symlinks=True)
    changed = "baselines.transition.options.lags=2"
    only = "--namespaces=model_training.baselines.gather,model_training.choice"
    done = kedro(tmp_path / "again", "run", "--env", "test", only, "--params", changed)
    assert done.returncode == 0, done.stdout[-3000:]
    names = [model["name"] for model in read(tmp_path / "again", "06_models/leaderboard.json")["models"]]
    assert {"popularity", "ease", "gpt2"} <= set(names)
    assert "transition" not in names
    assert not {"blend", "stacked"} & set(names)  # their member had the other options
    said = " ".join(done.stdout.split())
    assert "baselines.transition.options.lags: 1 when model_training.baselines.transition.fit ran, 2 now" in said


def test_a_model_fitted_with_other_item_vectors_is_left_out(project, tmp_path):
    shutil.copytree(project, tmp_path / "again", symlinks=True)
    only = "--nodes=" + ",".join(ONLY_VECTORS)
    done = kedro(tmp_path / "again", "run", "--env", "test", only, "--params", "encoder.max_length=4")
    assert done.returncode == 0, done.stdout[-3000:]
    names = [model["name"] for model in read(tmp_path / "again", "06_models/leaderboard.json")["models"]]
    assert "'baselines.content_knn.model' was made from another 'item_vectors'" in " ".join(done.stdout.split())
    assert "content_knn" not in names
    assert "ease" in names


def test_the_blend_names_readable_weights_of_its_members(project):
    models = {model["name"]: model for model in read(project, "06_models/leaderboard.json")["models"]}
    weights = models["blend"]["report"]["weights"]
    assert set(weights) <= set(models)
    assert abs(sum(weights.values()) - 1) < 1e-3


def test_tfidf_and_encoder_vectors_cover_the_catalogue(project):
    from nextact.text.blocks import ItemVectors

    vectors = ItemVectors.open(project / "data/test/05_model_input/item_vectors")
    n_items = read(project, "05_model_input/certificate.json")["protocol"]["data"]["items"]
    assert {name: len(block) for name, block in vectors.blocks.items()} == dict.fromkeys(
        ["encoder", "tfidf"], n_items + 1
    )
    assert all(block[1:].any(axis=1).all() for block in vectors.blocks.values())


def with_another_future(project, folder, cuts):
    """A copy in which every event after one of the cuts is another item's."""
    changed = copy_project(folder)
    shutil.copytree(project / "data", changed / "data")
    inputs = changed / "data/test/05_model_input"
    item_index, offsets = np.load(inputs / "histories/item_index.npy"), np.load(inputs / "histories/offsets.npy")
    for user, history_end in enumerate(np.load(inputs / cuts)[0]):
        item_index[history_end : offsets[user + 1]] = 1
    np.save(inputs / "histories/item_index.npy", item_index)
    RecordBook(changed / "data/test/records").restamp({"histories": inputs / "histories"})
    return changed


def test_what_happens_after_the_test_moment_changes_no_model(project, tmp_path):
    changed = with_another_future(project, tmp_path, "test_cuts.npy")
    done = kedro(changed, "run", "--env", "test", "--pipelines", "model_training")
    assert done.returncode == 0, done.stderr[-3000:]
    weights = [path for path in (project / "data/test/06_models").rglob("*") if path.suffix in (".safetensors", ".txt")]
    assert len(weights) >= 10
    for path in weights:
        assert path.read_bytes() == (changed / path.relative_to(project)).read_bytes(), path


def test_what_happens_after_the_validation_moment_changes_no_baseline(project, tmp_path):
    changed = with_another_future(project, tmp_path, "validation_cuts.npy")
    models = (project / "data/test/06_models").glob("baselines.*/model.safetensors")
    folders = sorted(path for path in models if not path.parent.name.endswith(".refitted"))
    spaces = ",".join(f"model_training.{path.parent.name}" for path in folders)
    done = kedro(changed, "run", "--env", "test", "--pipelines", "model_training", "--namespaces", spaces)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(folders) >= 6
    for path in folders:
        assert path.read_bytes() == (changed / path.relative_to(project)).read_bytes(), path


def test_what_happens_in_the_validation_window_changes_the_refitted_models(project):
    """Those that validation measures know nothing of it, and those that meet test have learnt from it."""
    for name in ("transition", "popularity", "ease"):
        first, again = (project / f"data/test/06_models/baselines.{name}{end}" for end in ("", ".refitted"))
        assert (first / "model.safetensors").read_bytes() != (again / "model.safetensors").read_bytes()
    first, again = (read(project, f"06_models/sequence.gpt2{end}/fitted.json") for end in ("", ".refitted"))
    assert again["report"]["epochs"] == first["report"]["best_epoch"]
    assert all(epoch["validation"] is None for epoch in again["report"]["curve"])


def test_a_model_without_its_refit_is_left_out(project, tmp_path):
    shutil.copytree(project, tmp_path / "again", symlinks=True)
    shutil.rmtree(tmp_path / "again/data/test/06_models/baselines.ease.refitted")
    done = kedro(
        tmp_path / "again", "run", "--env", "test", "--namespaces=model_training.baselines.gather,model_training.choice"
    )
    assert done.returncode == 0, done.stdout[-3000:]
    names = [model["name"] for model in read(tmp_path / "again", "06_models/leaderboard.json")["models"]]
    assert "ease was validated but not refitted" in " ".join(done.stdout.split())
    assert "ease" not in names
    assert "transition" in names


def test_a_pipeline_run_before_its_inputs_exist_says_what_to_run_first(tmp_path):
    done = kedro(copy_project(tmp_path), "run", "--env", "test", "--pipelines", "model_training")
    assert done.returncode == 1
    assert "kedro run --pipelines data_processing" in " ".join((done.stdout + done.stderr).split())


def test_a_misspelt_column_ends_in_one_line_without_a_traceback(tmp_path):
    done = kedro(copy_project(tmp_path), "run", "--env", "test", "--params", "events.user_id=userid")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: raw_events: option 'user_id' asks for column 'userid'")
    assert "Traceback" not in done.stdout + done.stderr


def test_a_misspelt_parameter_names_the_close_match(tmp_path):
    done = kedro(copy_project(tmp_path), "run", "--env", "test", "--params", "polcy.exclude_seen=true")
    assert done.returncode == 1
    assert "did you mean 'policy'" in " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--params", "baselines.transition.options.lag=2"], "has no option 'lag'; did you mean 'lags'?"),
        (["--params", "filter.min_item_events=many"], "parameters: filter.min_item_events should be a valid integer"),
        (
            ["--params", "sequence.gpt2.options.backbone.name=gpt3"],
            "'gpt3' is no transformers configuration; near it: gpt",
        ),
        (["--params", "split.kind=globaltime"], "parameters: split.kind should be 'global_time'"),
        (
            ["--namespaces", "model_training.sequence.gpt3"],
            "no namespace 'model_training.sequence.gpt3'; did you mean 'model_training.sequence.gpt2'?",
        ),
        (["--namespaces", "sequence.gpt2"], "its whole name is 'model_training.sequence.gpt2'"),
        (["--nodes", "certify"], "no node 'certify'; its whole name is 'data_processing.certify'"),
        (["--pipelines", "modeltraining"], "no pipeline 'modeltraining'; did you mean 'model_training'?"),
        (
            ["--from-nodes", "model_training.baselines.esse.fit"],
            "no node 'model_training.baselines.esse.fit'; did you mean 'model_training.baselines.ease.fit'?",
        ),
    ],
)
def test_a_wrong_option_or_name_ends_in_one_message_before_any_node(tmp_path, arguments, message):
    done = kedro(copy_project(tmp_path), "run", "--env", "test", *arguments)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert message in done.stderr
    assert " · " not in done.stdout  # no step was taken


@pytest.mark.parametrize("command", [["--help"], ["registry", "list"]])
def test_quick_commands_import_nothing_heavy(command, tmp_path):
    code = (
        "import sys\nfrom kedro.framework.cli.cli import main\n"
        f"sys.argv = ['kedro', *{command!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('HEAVY', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy_project(tmp_path), capture_output=True, text=True, check=True
    )
    assert "HEAVY []" in done.stdout


def test_each_pipeline_is_one_box_whose_datasets_keep_their_names():
    from nextact.pipeline_registry import register_pipelines

    registered = register_pipelines()
    boxes = [group.name for group in registered["__default__"].group_nodes_by("namespace")]
    assert sorted(boxes) == [
        "data_processing",
        "feature_engineering",
        "model_evaluation",
        "model_training",
        "recommendation",
    ]
    assert "baselines.ease.model" in registered["__default__"].all_outputs()
    assert {one.namespace.split(".")[0] for one in registered["model_training_full"].nodes} == {"model_training"}


def test_every_dataset_in_use_is_declared():
    from kedro.framework.project import pipelines
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="test") as session:
        catalog = session.load_context().catalog
        used = {name for pipeline in pipelines.values() for name in pipeline.datasets() if "params:" not in name}
        undeclared = [name for name in used if type(catalog.get(name)).__name__ == "MemoryDataset"]
    assert undeclared == []


def test_layers_only_lead_forward():
    """Kedro-Viz hides all layers as soon as one data set feeds an earlier layer."""
    from kedro.framework.project import pipelines
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    order = ["raw", "intermediate", "primary", "feature", "model_input", "models", "model_output", "reporting"]
    bootstrap_project(ROOT)
    with KedroSession.create(ROOT) as session:
        catalog = session.load_context().catalog
        names = {name for name in pipelines["__default__"].datasets() if "params:" not in name}
        layer = {name: order.index(catalog.get(name).metadata["kedro-viz"]["layer"]) for name in names}
    backward = [
        (source, result)
        for node in pipelines["__default__"].nodes
        for source in node.inputs
        for result in node.outputs
        if source in layer and layer[source] > layer[result]
    ]
    assert backward == []


def test_each_environment_has_its_own_data_root():
    said = {path.parent.name: yaml.safe_load(path.read_text()) for path in (ROOT / "conf").glob("*/globals.yml")}
    roots = [found.get("data", f"data/{name}") for name, found in said.items() if name != "base"]
    assert len(roots) == len(set(roots)) > 5
    assert "data" not in said["base"]


def test_horizon_predictions_hold_a_row_a_user_type_and_horizon_and_never_fall(project):
    table = pd.read_parquet(project / "data/test/07_model_output/horizon_predictions.parquet")
    assert list(table) == ["user_id", "event_type", "horizon_days", "probability", "moment", "model", "run_id"]
    assert len(table) == 60 * 2 * 2
    assert not table.duplicated(["user_id", "event_type", "horizon_days"]).any()
    by_horizon = table.pivot_table(index=["user_id", "event_type"], columns="horizon_days", values="probability")
    assert ((by_horizon[2] >= by_horizon[1]) & (by_horizon[1] > 0) & (by_horizon[2] < 1)).all()
    assert set(table["run_id"]) == {read(project, "05_model_input/certificate.json")["run_id"]}
    events = pd.read_parquet(project / "data/test/03_primary/events.parquet")
    newest = pd.to_datetime(events["timestamp"], unit="us", utc=True).max()
    assert pd.Timestamp(table["moment"].iloc[0]) == newest + pd.Timedelta(microseconds=1)


def test_without_a_model_of_horizons_their_table_is_empty_and_has_its_columns():
    from nextact.pipelines.recommendation.nodes import predict_horizons

    certificate = make_certificate()
    run = certificate.stamp
    folders = {"folder": "nowhere", "refitted_folder": "nowhere"}
    chosen = ChosenModel(**run, family="baselines", name="popularity", **folders, reason="")
    board = Leaderboard(**run, metric="m", models=(), gate=Gate(best_baseline=None, models={}), left_out=())
    table = predict_horizons(board, chosen, None, pd.DataFrame({"user_id": ["u"]}), certificate, ["view"])
    assert len(table) == 0
    assert list(table) == ["user_id", "event_type", "horizon_days", "probability", "moment", "model", "run_id"]
    assert (str(table["horizon_days"].dtype), str(table["probability"].dtype)) == ("int32", "float64")
