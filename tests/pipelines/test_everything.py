"""`make run-all`: one command, which makes every block of item vectors and fits every model."""

from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from nextact.models.registry import MODELS
from nextact.pipeline_registry import register_pipelines
from nextact.text.blocks import BLOCKS

from ..conftest import ROOT


def test_the_full_pipeline_fits_every_model_and_does_all_that_the_default_one_does():
    registered = register_pipelines()
    full, default = ({node.name for node in registered[name].nodes} for name in ("full", "__default__"))
    steps = {
        f"model_training.{family}.{model}.{step}"
        for family, models in MODELS.items()
        for model in models
        for step in ("fit", "refit", "validate")
    }
    assert steps <= full
    assert default < full
    gathered = {name for node in registered["full"].nodes if node.name.endswith(".gather") for name in node.inputs}
    assert {f"{family}.{model}.candidate" for family, models in MODELS.items() for model in models} <= gathered


def test_the_command_of_the_makefile_runs_it_in_the_environment_of_everything():
    (command,) = (line for line in (ROOT / "Makefile").read_text().splitlines() if "sample_all" in line)
    assert command == "\t$(BIN)/kedro run --env sample_all --pipelines full"


def read(env):
    with KedroSession.create(ROOT, env=env) as session:
        loader = session.load_context().config_loader
        return loader["parameters"], loader["catalog"], loader["globals"]


def test_everything_and_spark_are_the_sample_but_for_the_blocks_the_engine_and_the_data_root():
    bootstrap_project(ROOT)
    sample, everything, spark = (read(name) for name in ("sample", "sample_all", "spark"))
    assert everything[0]["item_text"].pop("blocks") == list(BLOCKS)
    assert sample[0]["item_text"].pop("blocks") == spark[0]["item_text"].pop("blocks") == ["encoder", "tfidf"]
    for one, root in ((sample, "data"), (everything, "data/sample_all"), (spark, "data/spark")):
        assert one[2]["data"] == root
        assert one[0].pop("encoder_cache") == f"{root}/04_feature/encoder_cache"
        assert one[0]["launch"].pop("checkpoint_folder") == f"{root}/06_models/checkpoints"
    assert sample[0] == everything[0] == spark[0]
    for name in ("raw_events", "raw_items", "raw_users"):
        assert sample[1][name] == everything[1][name]
        assert sample[1][name] | {"connection": {"backend": "pyspark"}} == spark[1][name]
