"""The feedback pipeline on the tiny generated shop, with and without a feedback table."""

import json
import shutil
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from nextact.datasets.generated import GeneratedShopDataset
from nextact.errors import NextactError
from nextact.events.cleaning import clean_events, count_by_source
from nextact.events.contract import EventOptions
from nextact.events.erase import ErasedUsers
from nextact.feedback.contract import FeedbackOptions
from nextact.feedback.policy_report import OffPolicyOptions
from nextact.pipelines.feedback import nodes
from nextact.protocol import Certificate

from ...conftest import run_kedro as kedro

ROOT = Path(__file__).parents[3]
LAYERS = ["raw", "intermediate", "primary", "feature", "model_input", "models", "model_output", "reporting"]
EVENT_TYPES = ["view", "purchase"]
NOBODY = ErasedUsers.from_json({})


@pytest.fixture(scope="module")
def shop(project, tmp_path_factory):
    """A copy of the shared run after a run of the feedback pipeline."""
    folder = tmp_path_factory.mktemp("feedback") / "shop"
    shutil.copytree(project, folder, symlinks=True)
    done = kedro(folder, "run", "--env", "test", "--pipelines", "feedback")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


@pytest.fixture
def without_feedback(shop, tmp_path):
    """The same shop where the deployment has not logged anything."""
    shutil.copytree(shop, tmp_path / "again", symlinks=True)
    (tmp_path / "again/conf/test/catalog_feedback.yml").unlink()
    return tmp_path / "again"


def read(shop, name):
    return json.loads((shop / "data/test" / name).read_text())


def table(shop, name):
    return pd.read_parquet(shop / "data/test" / name)


def test_the_reports_name_their_run(shop):
    certificate = read(shop, "05_model_input/certificate.json")
    for name in ("feedback_report", "off_policy_report"):
        found = read(shop, f"08_reporting/{name}.json")
        assert (found["run_id"], found["protocol_hash"]) == (certificate["run_id"], certificate["protocol_hash"])


def test_accepted_and_rejected_are_what_was_read(shop):
    n_accepted = len(table(shop, "03_primary/accepted_feedback.parquet"))
    n_rejected = len(table(shop, "02_intermediate/rejected_feedback.parquet"))
    n_read = read(shop, "08_reporting/feedback_report.json")["rows_read"]
    assert n_accepted + n_rejected == n_read == len(GeneratedShopDataset(table="feedback").load())


def test_the_report_has_the_rates_of_the_table(shop):
    feedback = GeneratedShopDataset(table="feedback").load()
    found = read(shop, "08_reporting/feedback_report.json")
    by_rank = feedback["outcome"].notna().groupby(feedback["rank"]).mean()
    assert [one["rate"] for one in found["by_rank"]] == pytest.approx(by_rank)
    assert [one["value"] for one in found["by_model"]] == ["random", "transition"]
    current = table(shop, "07_model_output/recommendations.parquet")
    assert found["recommendations"]["recommended"] == len(feedback.merge(current, on=["user_id", "item_id"]))
    assert found["recommendations"]["shown_before_that"] == 0


def test_rank_randomisation_finds_how_often_the_shop_is_looked_at(shop):
    ranks = read(shop, "08_reporting/feedback_report.json")["examination"]["ranks"]
    for one, truth in zip(ranks, [0.7, 0.5, 0.4, 0.3], strict=True):
        assert one["method"] == "rank randomisation"
        assert one["low"] - 0.05 < truth < one["high"] + 0.05


def test_the_robust_estimate_of_the_greedy_policy_covers_what_it_would_earn(shop):
    """The shop is generated, so that what each user likes is known: see the dataset."""
    known = GeneratedShopDataset(table="feedback").simulated_shop()
    first = table(shop, "07_model_output/recommendations.parquet").query("rank == 1")
    users, items = (first[name].str[1:].astype(int) for name in ("user_id", "item_id"))
    truth = known.liking_UI[users, items].mean()
    found = read(shop, "08_reporting/off_policy_report.json")
    (greedy,) = [one for one in found["policies"] if (one["policy"], one["rank"]) == ("greedy", 1)]
    assert greedy["estimates"]["doubly_robust"]["low"] < truth < greedy["estimates"]["doubly_robust"]["high"]
    assert greedy["gain_over_logging"]["low"] > 0


def test_answers_are_ready_to_be_united_with_the_raw_events(shop):
    answers = table(shop, "03_primary/feedback_events.parquet")
    assert len(answers) == GeneratedShopDataset(table="feedback").load()["outcome"].notna().sum()
    sources = {"log": {}, "feedback": {"timestamp_unit": "us"}}
    options = EventOptions(event_type="event_type", event_types=tuple(EVENT_TYPES), sources=sources)
    events = clean_events({"log": GeneratedShopDataset(table="events").load(), "feedback": answers}, options)
    assert count_by_source(events) == {"log": {"accepted": 60 * 12}, "feedback": {"accepted": len(answers)}}


def test_something_is_drawn_on_the_picture(shop):
    from matplotlib.image import imread

    picture = imread(shop / "data/test/08_reporting/response_by_rank.png")[..., :3]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_without_a_feedback_table_one_line_says_so_and_the_reports_are_empty(without_feedback):
    done = kedro(without_feedback, "run", "--env", "test", "--pipelines", "feedback")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    log = max((without_feedback / "logs").glob("run-*.log"))
    assert log.read_text(encoding="utf-8").count("No table at") == 1
    assert "01_raw/feedback.parquet yet: going on without it" in log.read_text(encoding="utf-8")
    report = read(without_feedback, "08_reporting/feedback_report.json")
    assert (report["table"], report["rows_read"], report["response_rate"], report["by_rank"]) == (False, 0, None, [])
    assert report["run_id"] == read(without_feedback, "05_model_input/certificate.json")["run_id"]
    judged = read(without_feedback, "08_reporting/off_policy_report.json")
    assert judged["why_not"] == "no feedback yet"
    assert table(without_feedback, "03_primary/feedback_events.parquet").empty
    assert list(table(without_feedback, "03_primary/feedback_events.parquet"))[-1] == "source"


def test_a_misspelt_file_ending_ends_in_one_line(without_feedback):
    entry = "feedback:\n  type: nextact.datasets.optional.OptionalTableDataset\n  filepath: data/feedback.parqet\n"
    (without_feedback / "conf/test/catalog_feedback.yml").write_text(entry)
    done = kedro(without_feedback, "run", "--env", "test", "--pipelines", "feedback")
    assert done.returncode == 1
    assert "did you mean '.parquet'" in done.stderr.strip().splitlines()[-1]


@pytest.fixture
def inputs(shop):
    """What the reporting nodes read, and a feedback table without propensities."""
    feedback = GeneratedShopDataset(table="feedback").load().drop(columns="propensity")
    shown, _, counts = nodes.clean(feedback, NOBODY, FeedbackOptions(), EVENT_TYPES)
    recommendations = table(shop, "07_model_output/recommendations.parquet")
    events = ibis.memtable(table(shop, "03_primary/events.parquet"))
    return (
        shown,
        counts,
        recommendations,
        events,
        Certificate.of_json(read(shop, "05_model_input/certificate.json"), shop),
    )


def test_without_propensities_no_policy_is_judged_and_the_report_says_why(inputs):
    found = nodes.judge_policies(*inputs, EVENT_TYPES, OffPolicyOptions())
    assert found.policies == ()
    assert found.why_not.startswith("no propensities: feedback.table.propensity names no column")


def test_recommendations_of_another_run_are_refused(inputs):
    shown, counts, recommendations, events, certificate = inputs
    old = recommendations.assign(run_id="old")
    with pytest.raises(NextactError, match=r"'recommendations' belongs to run old.* --pipelines recommendation`"):
        nodes.judge_policies(shown, counts, old, events, certificate, EVENT_TYPES, OffPolicyOptions())


def test_showings_that_the_recommendations_may_have_learnt_from_are_warned_of(inputs):
    _, _, recommendations, events, certificate = inputs
    feedback = GeneratedShopDataset(table="feedback").load()
    options = FeedbackOptions(propensity="propensity", request_id="request_id")
    shown, _, counts = nodes.clean(feedback, NOBODY, options, EVENT_TYPES)
    later = events.mutate(timestamp=events["timestamp"] + 5 * 86_400_000_000)
    found = nodes.judge_policies(shown, counts, recommendations, later, certificate, EVENT_TYPES, OffPolicyOptions())
    assert found.warnings[0].startswith("1,200 of 6,000 rows were shown before the newest event")


def test_an_optional_column_that_is_not_mapped_is_warned_of(caplog):
    feedback = GeneratedShopDataset(table="feedback").load()
    nodes.clean(feedback, NOBODY, FeedbackOptions(model="model", request_id="request_id"), EVENT_TYPES)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [message.split("'")[1] for message in warned] == ["responded_at", "propensity"]


@pytest.fixture(scope="module")
def catalog_and_pipelines():
    from kedro.framework.project import pipelines
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(ROOT)
    with KedroSession.create(ROOT, env="test") as session:
        return session.load_context().catalog, dict(pipelines)


def test_the_pipeline_runs_by_name_only(catalog_and_pipelines):
    _, pipelines = catalog_and_pipelines
    names = {node.name for node in pipelines["feedback"].nodes}
    assert names
    assert not names & {node.name for node in pipelines["__default__"].nodes}


def test_every_dataset_has_a_layer_and_layers_only_lead_forward(catalog_and_pipelines):
    catalog, pipelines = catalog_and_pipelines
    names = {name for name in pipelines["feedback"].datasets() if "params:" not in name}
    layer = {name: LAYERS.index(catalog.get(name).metadata["kedro-viz"]["layer"]) for name in names}
    for node in pipelines["feedback"].nodes:
        deepest = max(layer[name] for name in node.inputs if name in layer)
        assert all(layer[name] >= deepest for name in node.outputs), node.name


def test_the_pipeline_never_reads_the_test_split(catalog_and_pipelines):
    _, pipelines = catalog_and_pipelines
    assert "test_cuts" not in pipelines["feedback"].inputs()
