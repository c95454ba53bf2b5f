"""`kedro run --only-changed`: what is skipped, what runs, and that results are those of a run of everything."""

import functools
import json
import re
import shutil
from contextlib import chdir

import pandas as pd
import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from nextact.checks import code
from nextact.checks.changes import changes
from nextact.datasets.generated import GeneratedShopDataset
from nextact.errors import NextactError
from nextact.pipelines.data_processing import nodes
from nextact.records import RecordBook

from ..conftest import ROOT, run_kedro_here

EASE = "model_training.baselines.ease"
EVALUATED, RECOMMENDED = "model_evaluation", "recommendation"


@pytest.fixture
def copy(project, tmp_path):
    shutil.copytree(project, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def decided(folder, params=None, names=("__default__",), **filters):
    """Node -> why it would run; nothing is run."""
    with chdir(folder):
        bootstrap_project(folder)
        with KedroSession.create(folder, env="test", runtime_params=params) as session:
            catalog = session.load_context().catalog
            return changes(whole_of(names).filter(**filters), catalog)


def whole_of(names=("__default__",)):
    return sum((pipelines[name] for name in names[1:]), pipelines[names[0]])


def after(*nodes, names=("__default__",)):
    """The nodes and all that follow from them."""
    return {node.name for node in whole_of(names).from_nodes(*nodes).nodes}


def run(folder, *arguments):
    done = run_kedro_here(folder, "run", "--env", "test", *arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def steps_of(printed):
    return set(re.findall(r"^\d+/\d+ (\S+) ·", printed, re.M))


def metrics(folder):
    """Every number by which models are compared; not how long they took, nor which run they are of."""
    board = json.loads((folder / "data/test/06_models/leaderboard.json").read_text())
    tested = json.loads((folder / "data/test/08_reporting/test_results.json").read_text())
    return (
        [(one["name"], one["validation"], one["validation_horizons"]) for one in board["models"]],
        [(one["name"], one["test"], one["catalogue"]) for one in tested["models"]],
        board["gate"],
    )


def state(folder):
    files = (file for file in (folder / "data/test").rglob("*") if file.is_file() and file.name != "in_use.lock")
    return {file: file.stat().st_mtime_ns for file in files}


def test_where_nothing_changed_no_step_runs_and_the_summary_is_printed(copy):
    before = state(copy)
    printed = run(copy, "--only-changed")
    n = len(whole_of().nodes)
    assert re.search(rf"^nothing changed since \d{{4}}-\d\d-\d\d \d\d:\d\d; {n} of {n} steps skipped$", printed, re.M)
    assert steps_of(printed) == set()
    assert "transition (serves)" in printed
    assert "08_reporting/evaluation_report.html" in printed
    assert state(copy) == before  # MLflow's store among them


@pytest.mark.parametrize(
    ("params", "first"),
    [
        ({"baselines": {"ease": {"options": {"regularisation": 7.0}}}}, [f"{EASE}.fit"]),
        ({"policy": {"exclude_seen": False}}, ["data_processing.certify"]),
        ({"seed": 1}, ["data_processing.build_histories", "data_processing.certify"]),
        ({"filter": {"min_item_events": 3}}, ["data_processing.label_events", "data_processing.certify"]),
        ({"encoder": {"max_length": 4}}, ["feature_engineering.encode_items"]),
        (
            {"cleaning": {"max_characters": 1000}},
            [f"feature_engineering.{name}" for name in ("clean_item_texts", "parse_items", "weigh_item_words")],
        ),
        ({"quality": {"few_users": 7}}, ["data_processing.report_quality"]),
        ({"summary_users": 1}, ["recommendation.summarise"]),
        ({"launch": {"checkpoint_seconds": 5.0}}, []),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_an_option_has_what_reads_it_run_and_what_follows_from_that(project, params, first):
    assert set(decided(project, params)) == (after(*first) if first else set())


def test_the_reason_names_the_option_with_both_values(project):
    found = decided(project, {"baselines": {"ease": {"options": {"regularisation": 7.0}}}})
    assert found[f"{EASE}.fit"] == ["baselines.ease.options.regularisation: 300.0 then, 7.0 now"]
    assert "baselines.ease.model is made anew" in found[f"{EASE}.validate"]


@pytest.mark.parametrize(
    ("file", "which"),
    [
        ("nextact.models.baselines.item_to_item", "fit"),
        ("nextact.text.cleaning.cleaning", "text"),
        ("reports/templates/model_card.md", "pages"),
        ("nextact.reports.summary", "summary"),
        ("nextact.console.steps", "none"),
    ],
)
def test_code_has_run_what_can_reach_it(project, monkeypatch, file, which):
    digests = code._digests() | {file: "edited"}
    monkeypatch.setattr(code, "_digests", lambda: digests)
    found = decided(project)
    assert {why for one in found.values() for why in one if "made anew" not in why} <= {
        "the code that makes it has changed"
    }
    runs = {
        "fit": {f"{EASE}.fit", "model_evaluation.evaluate_test"},
        "text": {"feature_engineering.clean_item_texts"},
        "pages": {"data_processing.write_quality_page", "model_evaluation.write_page"},
        "summary": {"recommendation.summarise"},
        "none": set(),
    }[which]
    stays = {
        "fit": {"data_processing.certify", "feature_engineering.encode_items"},
        "text": {"data_processing.certify"},
        "pages": {f"{EASE}.fit", "model_evaluation.evaluate_test", "recommendation.recommend"},
        "summary": {"data_processing.certify", f"{EASE}.fit"},
        "none": {node.name for node in whole_of().nodes},
    }[which]
    assert runs <= set(found)
    assert not stays & set(found)


def test_another_version_of_a_package_has_everything_run(project, monkeypatch):
    found = code.versions() | {"torch": "0.1"}
    monkeypatch.setattr("nextact.checks.origins.versions", lambda: found)
    assert len(decided(project)) == len(whole_of().nodes)


def leaderboard(folder):
    return folder / "data/test/06_models/leaderboard.json"


def edit_vocabulary(folder):
    file = folder / "data/test/03_primary/vocabulary.parquet"
    table = pd.read_parquet(file)
    table["item_id"] = table["item_id"].to_numpy()[::-1]
    table.to_parquet(file)


def cut_leaderboard(folder):
    leaderboard(folder).write_bytes(leaderboard(folder).read_bytes()[:100])


def delete_card(folder):
    (folder / "data/test/08_reporting/model_card.md").unlink()


def delete_weights(folder):
    (folder / "data/test/06_models/baselines.ease/model.safetensors").unlink()


def record_of_another_version(folder):
    file = folder / "data/test/records/temperature.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 2}))


def record_of_older_code(folder):
    """As it was before records noted code."""
    file = folder / "data/test/records/temperature.json"
    kept = {name: value for name, value in json.loads(file.read_text()).items() if name not in ("around", "shown")}
    file.write_text(json.dumps(kept))


def cut_record(folder):
    file = folder / "data/test/records/temperature.json"
    file.write_text(file.read_text()[:50])


@pytest.mark.parametrize(
    ("damage", "first", "why"),
    [
        (edit_vocabulary, "data_processing.fit_vocabulary", "vocabulary was changed after it was written"),
        (cut_leaderboard, "model_training.choice.compare", "leaderboard was changed after it was written"),
        (delete_card, "model_evaluation.write_model_card", "model_card is there no more"),
        (delete_weights, f"{EASE}.fit", "baselines.ease.model was changed after it was written"),
        (record_of_another_version, "recommendation.calibrate", "temperature was not made by this version"),
        (record_of_older_code, "recommendation.calibrate", "nothing was noted of the code that made it"),
        (cut_record, "recommendation.calibrate", "temperature was not made by this version"),
    ],
)
def test_what_is_damaged_is_made_again_from_its_source(copy, damage, first, why):
    damage(copy)
    found = decided(copy)
    assert set(found) == after(first)
    assert why in "; ".join(found[first])


def test_a_damaged_result_is_mended_by_a_run_that_says_why(copy):
    before = metrics(copy)
    cut_leaderboard(copy)
    printed = run(copy, "--only-changed")
    expected = after("model_training.choice.compare")
    assert steps_of(printed) == expected
    skipped = len(whole_of().nodes) - len(expected)
    assert f"{skipped} of {len(whole_of().nodes)} steps skipped" in printed
    assert f"1/{len(expected)} model_training.choice.compare" in printed
    log = max((copy / "logs").glob("run-*.log")).read_text()
    assert "model_training.choice.compare runs: leaderboard was changed after it was written" in log
    assert metrics(copy) == before


def test_the_results_are_those_of_a_run_of_everything(copy):
    """One change after the other, of which the later ones leave alone what the earlier ones had made."""
    params, found = [], [metrics(copy)]
    for changed, first in (
        ("policy.exclude_seen=false", "data_processing.certify"),
        ("encoder.max_length=4", "feature_engineering.encode_items"),
        ("baselines.ease.options.regularisation=7.0", f"{EASE}.fit"),
    ):
        params.append(changed)
        assert steps_of(run(copy, "--only-changed", "--params", ",".join(params))) == after(first)
        found.append(metrics(copy))
        assert found[-1] != found[-2]
    assert steps_of(run(copy, "--params", ",".join(params))) == {node.name for node in whole_of().nodes}
    assert metrics(copy) == found[-1]
    assert decided(copy) != {}  # without the options, what was made with them is not taken for current


def test_a_summary_alone_is_written_again_and_shows_what_was_asked_for(copy):
    printed = run(copy, "--only-changed", "--params", "summary_users=1")
    assert steps_of(printed) == {"recommendation.summarise"}
    assert printed.count("\nuser u") == 1
    assert printed.count("explore    notebooks/") == 1


def test_where_a_page_alone_runs_the_summary_is_printed_all_the_same(copy):
    delete_card(copy)
    printed = run(copy, "--only-changed")
    assert steps_of(printed) == {"model_evaluation.write_model_card"}
    assert printed.count("transition (serves)") == 1
    assert printed.count("explore    notebooks/") == 1


def test_a_run_of_a_few_steps_goes_into_the_run_of_its_certificate_in_mlflow(copy):
    from nextact.tracking.store import TrackingStore
    from nextact.tracking.tracking_options import TrackingOptions

    def runs():
        options = TrackingOptions(tracking_uri="sqlite:///data/test/mlflow.db", artifacts="data/test/mlruns").at(copy)
        return {run.info.run_id: run for run in TrackingStore.open(options).search("")}

    certificate = (copy / "data/test/05_model_input/certificate.json").read_text()
    before = runs()
    run(copy, "--only-changed", "--params", "baselines.ease.options.regularisation=7.0")
    new = {run_id: one for run_id, one in runs().items() if run_id not in before}
    assert (copy / "data/test/05_model_input/certificate.json").read_text() == certificate
    assert {one.data.tags["nextact.model"] for one in new.values()} == {
        "baselines.ease",
        "hybrid.blend",
        "hybrid.stacked",
    }
    (parent,) = [one for one in runs().values() if "nextact.run_id" in one.data.tags]
    assert parent.info.run_id in before
    assert parent.info.status == "FINISHED"
    ease = next(one for one in new.values() if one.data.tags["nextact.model"] == "baselines.ease")
    assert ease.data.params["regularisation"] == "7.0"
    assert {"validation_ndcg_at_10", "test_ndcg_at_10"} <= set(ease.data.metrics)


def test_it_goes_with_other_filters(copy):
    params = {"baselines": {"ease": {"options": {"regularisation": 7.0}}}}
    only = {"node_namespaces": ["model_training.baselines.ease"]}
    assert set(decided(copy, params, **only)) == {f"{EASE}.{step}" for step in ("fit", "refit", "validate")}
    assert decided(copy, params, node_namespaces=["model_training.baselines.popularity"]) == {}
    printed = run(copy, "--only-changed", "--namespaces", EASE, "--params", "baselines.ease.options.regularisation=7.0")
    assert steps_of(printed) == {f"{EASE}.{step}" for step in ("fit", "refit", "validate")}
    assert "nothing changed" in run(copy, "--only-changed", "--pipelines", "data_processing,feature_engineering")


def test_what_a_plain_run_refuses_is_refused_even_where_no_step_of_it_changed(project):
    with pytest.raises(NextactError, match="run `kedro run --pipelines data_processing` first"):
        decided(project, {"seed": 1}, names=["model_evaluation"])


def test_a_gathering_that_left_a_stale_candidate_out_runs_again(copy):
    changed = {"baselines": {"transition": {"options": {"lags": 2}}}}
    only = {"node_namespaces": ["model_training.baselines.gather", "model_training.choice"]}
    found = decided(copy, changed, **only)
    assert (
        "lags: 1 when model_training.baselines.transition.fit ran" in found["model_training.baselines.gather.gather"][0]
    )
    namespaces = ",".join(only["node_namespaces"])
    run(copy, "--only-changed", "--namespaces", namespaces, "--params", "baselines.transition.options.lags=2")
    assert "transition" not in [one["name"] for one in json.loads(leaderboard(copy).read_text())["models"]]
    back = decided(copy)
    assert "baselines.transition.candidate has changed" in back["model_training.baselines.gather.gather"]


def test_models_that_learnt_from_an_erased_user_are_fitted_anew(copy):
    book = RecordBook(copy / "data/test/records")
    book.mark_erased("histories", "2026-01-02", but=["certificate"])
    found = decided(copy)
    assert f"{EASE}.fit" in found
    assert "a user who was erased at 2026-01-02" in found[f"{EASE}.fit"][0]
    assert "data_processing.certify" not in found


def test_after_a_user_is_erased_the_data_are_made_anew(copy):
    done = run_kedro_here(copy, "erase-user", "--env", "test", "--user-id", "u001")
    assert done.exit_code == 0, done.stderr
    found = decided(copy)
    assert found["data_processing.label_events"] == ["erased_users has changed"]
    assert f"{EASE}.fit" in found


def test_after_a_killed_run_the_rest_runs(copy):
    book = RecordBook(copy / "data/test/records")
    for name in ("hybrid.blend.refitted", "hybrid_candidates", "leaderboard"):
        book.remove(name)  # as where the run was killed while these were to be made
    assert set(decided(copy)) == after("model_training.hybrid.blend.refit")


def test_beside_another_option_that_skips_steps_it_is_refused(project):
    done = run_kedro_here(project, "run", "--env", "test", "--only-changed", "--only-missing-outputs")
    assert done.exit_code == 1
    assert "cannot be used together" in done.stderr


@pytest.fixture
def own_tables(copy):
    """The shop in CSV files, worked on once."""
    for table in ("events", "items"):
        GeneratedShopDataset(table=table).load().to_csv(copy / f"{table}.csv", index=False)
    catalog = copy / "conf/test/catalog.yml"
    text = re.sub(
        r"  type: nextact.datasets.generated.GeneratedShopDataset\n  table: (events|items)\n",
        r"  type: pandas.CSVDataset\n  filepath: \1.csv\n",
        catalog.read_text(),
    )
    catalog.write_text(text)
    parameters = copy / "conf/test/parameters.yml"
    parameters.write_text(
        parameters.read_text().replace("  timestamp: timestamp", "  timestamp: timestamp\n  timestamp_unit: iso")
    )
    run(copy, "--pipelines", "data_processing")
    return copy


def test_one_more_row_in_a_raw_file_has_everything_run(own_tables):
    of_data = {"names": ["data_processing"]}
    assert decided(own_tables, **of_data) == {}
    with (own_tables / "events.csv").open("a") as file:
        file.write("u001,i003,view,2024-01-11 10:00:00\n")
    found = decided(own_tables)
    assert found["data_processing.label_events"] == ["raw_events has changed"]
    assert set(decided(own_tables, **of_data)) == after("data_processing.label_events", names=["data_processing"])
    assert after("data_processing.label_events") <= set(found)
    printed = run(own_tables, "--only-changed", "--pipelines", "data_processing")
    assert "data_processing.clean_items" not in steps_of(printed)
    counts = json.loads((own_tables / "data/test/03_primary/event_counts.json").read_text())["rows_by_reason"]
    assert sum(counts.values()) == 60 * 12 + 1
    assert decided(own_tables, **of_data) == {}


def test_another_way_to_read_a_raw_file_has_its_steps_run(own_tables):
    catalog = own_tables / "conf/test/catalog.yml"
    catalog.write_text(
        catalog.read_text().replace("filepath: items.csv", "filepath: items.csv\n  load_args: {nrows: 9}")
    )
    found = decided(own_tables, names=["data_processing"])
    assert found["data_processing.clean_items"] == ["raw_items has changed"]


def test_a_raw_file_that_is_too_large_to_be_hashed_counts_as_changed(own_tables, monkeypatch):
    monkeypatch.setattr("nextact.datasets.fingerprints.MOST_BYTES", 1_000)
    found = decided(own_tables, names=["data_processing"])
    assert found["data_processing.label_events"] == ["nothing tells cheaply whether raw_events has changed"]


def test_a_raw_file_that_changes_while_it_is_read_counts_as_changed_later(own_tables, monkeypatch):
    read = nodes.label_events

    @functools.wraps(read)
    def read_and_change(*arguments, **named):
        with (own_tables / "events.csv").open("a") as file:
            file.write("u001,i003,view,2024-01-11 10:00:00\n")
        return read(*arguments, **named)

    monkeypatch.setattr(nodes, "label_events", read_and_change)
    run(own_tables, "--pipelines", "data_processing")
    assert decided(own_tables, names=["data_processing"])["data_processing.label_events"] == ["raw_events has changed"]


def test_the_makefile_runs_what_is_changed():
    text = (ROOT / "Makefile").read_text()
    assert re.search(r"^run: install\n\t\$\(BIN\)/kedro run --only-changed$", text, re.M)
