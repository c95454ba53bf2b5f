"""What a user gets wrong on the command line or in a parameters file ends in one message, before any node runs."""

import shutil

import pytest
from click.testing import CliRunner
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

from nextact.cli import cli

from ..conftest import ROOT


@pytest.fixture
def run(monkeypatch):
    monkeypatch.chdir(ROOT)
    bootstrap_project(ROOT)

    def invoke(*arguments):
        done = CliRunner().invoke(cli, ["run", "--env", "test", *arguments])
        return done.exit_code, done.stderr, done.stdout

    return invoke


NO_NODE = "no node 'data_processing.clean_item'; did you mean 'data_processing.clean_items'?"
NAMES = {
    "tag": (["--tags", "gpuu"], "no tag 'gpuu'; did you mean 'gpu'?"),
    "input": (["--from-inputs", "vocabulry"], "no dataset to start from 'vocabulry'; did you mean 'vocabulary'?"),
    "an output is no input": (["--from-inputs", "run_summary"], "no dataset to start from 'run_summary'; "),
    "output": (["--to-outputs", "leaderbord"], "no dataset to end with 'leaderbord'; did you mean 'leaderboard'?"),
    "node": (["--nodes", "data_processing.clean_item"], NO_NODE),
    "first node": (["--from-nodes", "data_processing.clean_item"], NO_NODE),
    "last node": (["--to-nodes", "data_processing.clean_item"], NO_NODE),
    "pipeline": (["--pipelines", "modeltraining"], "no pipeline 'modeltraining'; did you mean 'model_training'?"),
    "namespace": (
        ["--namespaces", "model_training.sequence.gpt3"],
        "no namespace 'model_training.sequence.gpt3'; did you mean 'model_training.sequence.gpt2'?",
    ),
    "environment": (["--env", "tset"], "no environment 'tset'; did you mean 'test'?"),
    "parameter": (["--params", "polcy.refit=false"], "parameters: nothing reads 'polcy'; did you mean 'policy'?"),
    "runner": (["--runner", "SequentialRuner"], "no runner 'SequentialRuner'; did you mean 'SequentialRunner'?"),
    "runner elsewhere": (["--runner", "nowhere.Runner"], "no runner 'nowhere.Runner': No module named 'nowhere'"),
    "its argument": (
        ["--runner", "ThreadRunner", "--runner-params", "max_worker=2"],
        "no argument of ThreadRunner 'max_worker'; did you mean 'max_workers'?",
    ),
    "version": (["--load-versions", "evnts:2024"], "no dataset 'evnts'; did you mean 'events'?"),
    "side by side": (["--async"], "datasets cannot be loaded side by side: one connection to DuckDB serves one thread"),
}


@pytest.mark.parametrize(("arguments", "message"), NAMES.values(), ids=NAMES)
def test_a_misspelt_name_gets_its_close_match(run, arguments, message):
    code, said, _ = run(*arguments)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith(f"error: {message}")


def test_parallel_runner_is_refused_for_training_and_thread_runner_for_tables():
    from kedro.framework.session import KedroSession

    from nextact.checks.parameters import check_runner
    from nextact.errors import NextactError

    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="test") as session:
        catalog = session.load_context().catalog
    with pytest.raises(
        NextactError, match=r"ParallelRunner cannot run node .* and \d+ more: .*; use SequentialRunner$"
    ):
        check_runner("ParallelRunner", pipelines["model_training"], catalog)
    with pytest.raises(
        NextactError, match=r"ThreadRunner cannot run node .*: one connection .*; use SequentialRunner$"
    ):
        check_runner("ThreadRunner", pipelines["data_processing"], catalog)
    check_runner("ParallelRunner", pipelines["data_processing"], catalog)
    check_runner("ThreadRunner", pipelines["model_training"], catalog)
    check_runner("SequentialRunner", pipelines["__default__"], catalog)


VALUES = [
    ("seed=abc", "seed should be a valid integer"),
    ("seed=-1", "seed must be in [0, 2000000000], got -1"),
    ("seed=true", "seed should be a number, got True"),
    ("summary_users=x", "summary_users should be a valid integer"),
    ("summary_users=-2", "summary_users must be at least 0, got -2"),
    ("encoder_cache=3", "encoder_cache should be a valid string, got 3"),
    ("validation.draws=0", "validation.draws must be at least 1, got 0"),
    ("validation.draws=many", "validation.draws should be a valid integer"),
    ("validation.draws=true", "validation.draws should be a number, got True"),
    ("validation.drws=3", "validation has no option 'drws'; did you mean 'draws'?"),
    ("validation.metric=ndgc@10", "validation.metric: no metric 'ndgc@10'; did you mean 'ndcg@10'?"),
    ("validation.metric=ndcg@7", "validation.metric: no metric 'ndcg@7'; did you mean"),
    ("validation=3", "validation must be a block of options, got int"),
    (
        "split.validation_from=yesterday",
        "split.validation_from must be an ISO date or a share in (0, 1), got 'yesterday'",
    ),
    ("split.test_from=1.5", "split.test_from must be an ISO date or a share in (0, 1), got 1.5"),
    ("split.test_from=0.7", "split.validation_from must come before test_from, got 0.8 and 0.7"),
    ("split.min_history=0", "split.min_history must be at least 1, got 0"),
    ("split.target_event_types=view", "split.target_event_types should be a list, got 'view'"),
    ("split.ties=alphabet", "split.ties should be 'position', 'file' or 'shuffled', got 'alphabet'"),
    ("events.latest=tomorrow", "events.latest must be an ISO date or time, got 'tomorrow'"),
    ("events.timezone=Europe/Berln", "events.timezone: no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"),
    ("events.stop_above_rejected_share=1.2", "events.stop_above_rejected_share must be in [0, 1], got 1.2"),
    ("quality.tie_share=5", "quality.tie_share must be in [0, 1], got 5"),
    ("filter.min_item_events=0", "filter.min_item_events must be at least 1, got 0"),
    ("encoder.batch_size=0", "encoder.batch_size must be at least 1, got 0"),
    ("glove.learning_rate=nan", "glove.learning_rate should be a finite number"),
    ("word_pooling.a=0", "word_pooling.a must be above 0, got 0"),
    ("item_text.template=by {titel}", "item_text.template: no column 'titel'; did you mean 'title'?"),
    ("user_profiles.history_decay=1.5", "user_profiles.history_decay must be in (0, 1], got 1.5"),
    ("catalogue_map.method=umap", "catalogue_map.method should be 'pca' or 'tsne', got 'umap'"),
    ("launch.processes=0", "launch.processes must be at least 1, got 0"),
    ("baselines.ease.options.regularisation=0", "baselines.ease.options.regularisation must be above 0, got 0"),
    ("baselines.transition.options.lag_decay=2", "baselines.transition.options.lag_decay must be in (0, 1], got 2"),
    (
        "baselines.content_knn.options.block=encodr",
        "baselines.content_knn.options.block: no block of item vectors 'encodr'",
    ),
    (
        "baselines.ease.options.event_weights.veiw=2",
        "baselines.ease.options.event_weights: no event type 'veiw'; did you",
    ),
    ("baselines.ease.options.event_weights.view=-1", "baselines.ease.options.event_weights.view must be at least 0"),
    ("sequence.gpt2.options.optimiser.epochs=-3", "sequence.gpt2.options.optimiser.epochs must be at least 1, got -3"),
    ("sequence.gpt2.options.backbone.dropout=1", "sequence.gpt2.options.backbone.dropout must be in [0, 1), got 1"),
    (
        "sequence.gpt2.options.backbone.heads=3",
        "sequence.gpt2.options.backbone.dimensions must be a multiple of heads (3), got 16",
    ),
    ("sequence.gpt2.options.epochs=3", "sequence.gpt2.options.epochs is sequence.gpt2.options.optimiser.epochs now"),
    ("hybrid.stacked.options.leaves=1", "hybrid.stacked.options.leaves must be at least 2, got 1"),
    ("evaluation.examples=-1", "evaluation.examples must be at least 0, got -1"),
    (
        "evaluation.diversity_block=encodr",
        "evaluation.diversity_block: no block of item vectors 'encodr'; did you mean",
    ),
    ("recommendation.top_k=0", "recommendation.top_k must be in [1, 10000], got 0"),
    ("feedback.report.level=1", "feedback.report.level must be in (0, 1), got 1"),
    (
        "feedback.off_policy.targets.softmax.epsilon=2",
        "feedback.off_policy.targets.softmax.epsilon must be in [0, 1], got 2",
    ),
]


@pytest.mark.parametrize(("value", "message"), VALUES, ids=[value for value, _ in VALUES])
def test_a_wrong_value_is_named_as_the_parameters_file_writes_it(run, value, message):
    code, said, out = run("--params", value)
    assert code == 1
    assert said.strip().splitlines()[-1].startswith(f"error: parameters: {message}")
    assert "Running node" not in out
    assert "Failed to instantiate" not in out + said


def test_lists_and_members_are_checked_too():
    from nextact.checks.parameters import parameter_problems
    from nextact.models.hybrid.hybrid_options import BlendOptions
    from nextact.options import OptionsError
    from nextact.pipelines.model_training.nodes import ValidationOptions

    with pytest.raises(OptionsError, match=r"^ValidationOptions\.ks\[1\] must be at least 1, got 0$"):
        ValidationOptions(ks=(5, 0), metric="ndcg@5")
    with pytest.raises(OptionsError, match=r"^ValidationOptions\.ks must not be empty$"):
        ValidationOptions(ks=())
    members = {"hybrid": {"blend": {"options": BlendOptions(members=("ease", "transitoin"))}}}
    (problem,) = parameter_problems(members)
    assert "hybrid.blend.options.members: no model 'transitoin'; did you mean 'trans" in problem


def test_every_parameter_is_a_block_part_of_one_or_checked_by_name():
    """A plain parameter that is added to a node is added to the checks."""
    from kedro.validation import TypeExtractor

    from nextact.checks.parameters import PLAIN

    bootstrap_project(ROOT)
    blocks = TypeExtractor(dict(pipelines)).extract_types_from_pipelines()
    used = {name for one in pipelines.values() for name in one.inputs() if name.startswith("params:")}
    plain = {name.removeprefix("params:") for name in used} - set(blocks)
    assert {name for name in plain if not any(name.startswith(f"{block}.") for block in blocks)} == set(PLAIN)


MADE_BY = {
    "certificate": ("", "data_processing"),
    "histories": ("offsets.npy", "data_processing"),
    "item_vectors": ("blocks.json", "feature_engineering"),
    "hybrid.blend.model": ("members/ease/model.safetensors", "model_training"),
    "baselines.slim.refitted": ("model.json", "model_training_full"),
    "packaged_model": ("package.json", "recommendation"),
    "recommendations": ("", "recommendation"),
}


@pytest.mark.parametrize(("name", "inside", "made_by"), [(name, *one) for name, one in MADE_BY.items()])
def test_an_error_about_a_stored_file_names_the_pipeline_that_makes_it(name, inside, made_by):
    from pathlib import Path

    from kedro.framework.session import KedroSession

    from nextact.checks.remedies import name_the_pipeline
    from nextact.stored import StoredError

    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="test") as session:
        catalog = session.load_context().catalog
    place = Path(str(catalog.get(name)._filepath)) / inside
    error = StoredError(place, "is empty")
    wrapped = RuntimeError("loading failed")
    wrapped.__cause__ = error
    name_the_pipeline(wrapped, catalog)
    assert str(error) == f"{place} is empty; run `kedro run --pipelines {made_by}`"


def test_erasing_from_a_damaged_file_ends_in_one_message_and_changes_nothing(project, kedro, tmp_path):
    shutil.copytree(project, tmp_path / "again", symlinks=True)
    users = tmp_path / "again/data/test/05_model_input/users.parquet"
    users.write_bytes(users.read_bytes()[: users.stat().st_size // 2])
    before = {file: file.read_bytes() for file in (tmp_path / "again/data/test/05_model_input").rglob("*.npy")}
    done = kedro(tmp_path / "again", "erase-user", "--user-id", "u001", "--env", "test")
    assert done.returncode == 1
    (said,) = done.stderr.strip().splitlines()
    assert said.startswith(f"error: {users} cannot be read: ")
    assert said.endswith("; run `kedro run --pipelines data_processing`")
    assert {file: file.read_bytes() for file in before} == before
