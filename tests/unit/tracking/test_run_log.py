"""Against a real SQLite store, made once."""

import dataclasses
import json
from pathlib import Path

import pytest

from nextact.errors import NextactError
from nextact.reports.summary import ShownUser, Summary
from nextact.results.evaluation import BehaviourResults, TypeRow
from nextact.results.horizons import HorizonRow, HorizonSection
from nextact.results.models import LeftOut
from nextact.tracking.erased import mark_store
from nextact.tracking.run_log import RunLog
from nextact.tracking.store import TrackingStore
from nextact.tracking.tracked_run import RESULTS
from nextact.tracking.tracking_options import TrackingOptions

from ...protocols import make_certificate
from .conftest import INTERVAL, MADE, candidate, described, leaderboard, results


def certificate(protocol="one"):
    return make_certificate(protocol, seed=7)


def runs(store):
    return {run.info.run_name: run for run in store.search("")}


def test_the_parent_says_which_run_and_protocol_it_is(store):
    of_run = certificate()
    log = RunLog(store, of_run, {"validation": {"ks": (5, 10)}, "events": {"session_id": None}})
    run = store.client.get_run(log.parent)
    assert run.info.run_name == run.data.tags["nextact.run_id"] == of_run.run_id
    assert run.data.tags["nextact.protocol_hash"] == of_run.protocol_hash
    assert run.data.tags["nextact.seed"] == "7"
    assert run.data.tags["nextact.versions.nextact"] == of_run.provenance.versions["nextact"]
    others = {name: value for name, value in run.data.params.items() if not name.startswith("protocol.")}
    assert others == {"validation.ks": "[5, 10]", "events.session_id": "null"}
    assert run.data.params["protocol.split.kind"] == "one"
    assert run.data.params["protocol.exclude_seen"] == "true"


def test_a_later_command_continues_the_parent_and_shows_what_changed(store):
    of_run = certificate()
    first = RunLog(store, of_run, {"top_k": 10})
    first.finish("FINISHED")
    second = RunLog(store, of_run, {"top_k": 20, "summary_users": 3})
    assert second.parent == first.parent
    run = store.client.get_run(first.parent)
    assert run.info.status == "RUNNING"
    assert run.data.params["top_k"] == "10"
    assert run.data.params["summary_users"] == "3"
    assert run.data.tags["nextact.changed.top_k"] == "20"
    assert "nextact.changed.protocol.split.kind" not in run.data.tags


def test_what_an_earlier_command_said_and_no_longer_holds_is_taken_back(store):
    of_run = certificate()
    for top_k in (10, 20):
        log = RunLog(store, of_run, {"top_k": top_k})
        log.log_left_out(LeftOut(**MADE, name="ease", left_out="no room"))
        log.log_left_out(LeftOut(**MADE, name="slim", left_out="no room"))
    back = RunLog(store, of_run, {"top_k": 10})
    back.log_fit(described("ease"))
    tags = store.client.get_run(back.parent).data.tags
    assert "nextact.changed.top_k" not in tags
    assert "nextact.left_out.baselines.ease" not in tags
    assert tags["nextact.left_out.baselines.slim"] == "no room"


def test_a_fit_is_a_nested_run_with_options_seconds_and_curve(store):
    log = RunLog(store, certificate(), {})
    curve = [
        {"epoch": 1, "loss": 3.0, "validation": None, "seconds": 0.5},
        {"epoch": 2, "loss": 2.0, "validation": 0.4, "seconds": 1.0},
    ]
    log.log_fit(described(report={"best_epoch": 2, "curve": curve}))
    run = runs(store)["baselines.ease"]
    assert run.data.tags["mlflow.parentRunId"] == log.parent
    assert run.data.tags["nextact.model"] == "baselines.ease"
    assert run.data.params == {"regularisation": "30.0"}
    assert run.data.metrics["fit_seconds"] == 2.5
    assert run.data.metrics["report_best_epoch"] == 2
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 2_500
    history = store.client.get_metric_history(run.info.run_id, "epoch_loss")
    assert [(one.step, one.value) for one in history] == [(1, 3.0), (2, 2.0)]
    assert [one.timestamp - run.info.start_time for one in history] == [500, 1_500]
    assert [one.step for one in store.client.get_metric_history(run.info.run_id, "epoch_validation")] == [2]


def test_validation_and_test_metrics_reach_the_fit_that_an_earlier_command_made(store):
    of_run = certificate()
    RunLog(store, of_run, {}).log_fit(described())
    later = RunLog(store, of_run, {})
    later.log_candidate(candidate())
    later.log_test_results(results())
    nested = runs(store)["baselines.ease"].data.metrics
    assert nested["validation_ndcg_at_10"] == nested["test_ndcg_at_10"] == 0.2
    assert (nested["test_ndcg_at_10_low"], nested["test_ndcg_at_10_high"]) == (0.1, 0.3)
    assert nested["validation_users"] == 9
    parent = store.client.get_run(later.parent).data.metrics
    assert parent == {
        "test_ndcg_at_10": 0.2,
        "test_ndcg_at_10_low": 0.1,
        "test_ndcg_at_10_high": 0.3,
        "test_reachable_ndcg_at_10": 0.4,
        "test_coverage": 0.9,
        "test_users": 9,
    }


def test_a_model_fitted_again_has_a_run_of_its_own_and_the_metrics_go_there(store):
    of_run = certificate()
    log = RunLog(store, of_run, {})
    old = log.log_fit(described())
    new = RunLog(store, of_run, {}).log_fit(described(options={"regularisation": 9.0}))
    RunLog(store, of_run, {}).log_candidate(candidate())
    assert "validation_ndcg_at_10" not in store.client.get_run(old).data.metrics
    assert "validation_ndcg_at_10" in store.client.get_run(new).data.metrics


def test_a_model_whose_fit_was_not_tracked_gets_its_run_with_its_candidate(store):
    RunLog(store, certificate(), {}).log_candidate(candidate())
    assert runs(store)["baselines.ease"].data.params == {"regularisation": "30.0"}


def test_the_chosen_model_is_compared_in_the_runs_of_the_others(store):
    log = RunLog(store, certificate(), {})
    log.log_test_results(results(names=("ease", "popularity")))
    assert runs(store)["baselines.popularity"].data.metrics["chosen_against_p_value"] == 0.01
    assert "chosen_against_p_value" not in runs(store)["baselines.ease"].data.metrics


def test_the_leaderboard_is_an_artifact_under_the_stated_folder(store, tmp_path):
    log = RunLog(store, certificate(), {})
    board = leaderboard(LeftOut(**MADE, name="popularity_forecast", left_out="there is none"))
    log.log_leaderboard(board)
    assert (
        store.client.get_run(log.parent).data.tags["nextact.left_out.baselines.popularity_forecast"] == "there is none"
    )
    log.log_artifact("run_summary.txt", "three users")
    run = store.client.get_run(log.parent)
    assert run.data.tags["nextact.chosen"] == "baselines.ease"
    assert run.data.metrics["validation_ndcg_at_10"] == 0.2
    (found,) = (tmp_path / "runs").rglob("leaderboard.json")
    assert json.loads(found.read_text()) == board.as_json()
    assert (found.parent / "run_summary.txt").read_text() == "three users"


def test_readings_of_test_are_counted_by_protocol_over_all_runs(store):
    first, second, other = (RunLog(store, certificate(name), {}) for name in ("one", "one", "two"))
    assert [first.count_test_reading("baselines.ease"), second.count_test_reading("baselines.ease")] == [1, 2]
    assert other.count_test_reading("baselines.ease") == 1
    assert first.count_test_reading("baselines.ease") == 3
    protocol_hash = first.certificate.protocol_hash
    tags = store.client.get_run(first.parent).data.tags
    assert tags["nextact.test_reading.3"].endswith(f"baselines.ease {protocol_hash}")
    store.client.delete_run(second.parent)
    assert store.count_test_readings(protocol_hash) == 3  # a reading is not undone by deleting its run
    assert store.count_test_readings("unknown") == 0


def test_more_entries_than_a_batch_holds_are_all_logged(store):
    parameters = {f"parameter_{number:03}": number for number in range(230)}
    weights = {f"item_{number}": 1.0 for number in range(1_100)}
    log = RunLog(store, certificate(), parameters)
    log.log_fit(described(report={"weights": weights}))
    assert sum(name.startswith("parameter_") for name in store.client.get_run(log.parent).data.params) == 230
    assert len(runs(store)["baselines.ease"].data.metrics) == 1_100 + 1


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_the_parent_ends_as_told(store, status):
    log = RunLog(store, certificate(), {})
    log.finish(status)
    assert store.client.get_run(log.parent).info.status == status


def test_a_deleted_experiment_is_named(store):
    store.client.delete_experiment(store.experiment_id)
    with pytest.raises(NextactError, match="experiment 'here' is deleted; restore it or name another one"):
        TrackingStore.open(store.options)


def test_an_experiment_that_keeps_its_artifacts_elsewhere_is_told(store, tmp_path, caplog):
    moved = TrackingOptions(experiment="here", artifacts="other runs").at(tmp_path)
    TrackingStore.open(moved)
    assert "keeps its artifacts in" in caplog.text
    assert "other runs" in caplog.text
    caplog.clear()
    TrackingStore.open(store.options)
    assert caplog.text == ""


def test_horizons_are_metrics_of_the_part_they_were_scored_on(store):
    row = HorizonRow(event_type="view", horizon_days=7, users=9, censored=1, happened=0.5, predicted=0.4)
    row = row.model_copy(
        update={"metrics": {"log_loss": dataclasses.replace(INTERVAL, mean=0.6, high=0.7), "brier": None}}
    )
    log = RunLog(store, certificate(), {})
    log.log_candidate(candidate(validation_horizons=HorizonSection(models={"ease": (row,)})))
    log.log_test_results(results())
    of_test = row.model_copy(update={"happened": 0.25})
    log.log_test_results(results(test_horizons=HorizonSection(models={"ease": (of_test,)})))
    metrics = runs(store)["baselines.ease"].data.metrics
    assert metrics["validation_view_within_7_days_log_loss"] == 0.6
    assert metrics["validation_view_within_7_days_log_loss_high"] == 0.7
    assert metrics["validation_view_within_7_days_happened"] == 0.5
    assert metrics["test_view_within_7_days_happened"] == 0.25
    assert "test_view_within_7_days_brier" not in metrics


def test_nothing_on_a_user_is_logged_of_the_summary(store):
    log = RunLog(store, certificate(), {})
    user = ShownUser(user_id="u1", lines=("user u1", "  did tea"))
    shown = Summary(leaderboard=("best", "second"), users=(user,))
    RESULTS["run_summary"](log, shown)
    place = store.client.download_artifacts(log.parent, "run_summary.txt")
    assert Path(place).read_text() == "best\nsecond"


def test_run_and_model_versions_are_tagged_where_a_user_they_learnt_from_is_erased(store):
    of_run, other = certificate(), certificate("two")
    log, elsewhere = RunLog(store, of_run, {}), RunLog(store, other, {})
    store.client.create_registered_model("nextact")
    store.client.create_model_version("nextact", "runs:/x/model", run_id=log.parent)
    told = mark_store(store.options, of_run.run_id, "2026-01-02")
    assert told.startswith("1 run(s) and 1 model version(s) are tagged nextact.erased_since=2026-01-02; what MLflow")
    assert store.client.get_run(log.parent).data.tags["nextact.erased_since"] == "2026-01-02"
    assert "nextact.erased_since" not in store.client.get_run(elsewhere.parent).data.tags
    assert store.client.get_model_version("nextact", "1").tags["nextact.erased_since"] == "2026-01-02"


def test_a_store_that_is_not_there_is_not_made_to_be_marked(tmp_path):
    options = TrackingOptions().at(tmp_path)
    assert mark_store(options, "run", "2026-01-02") == "nothing is tracked"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mlflow.db").write_text("no database")
    assert mark_store(options, "run", "2026-01-02").startswith("not marked: tracking: cannot write to sqlite:")


def test_what_a_model_says_of_the_next_event_type_is_logged_under_its_metrics(store):
    said = TypeRow(
        means={"brier": INTERVAL}, numbers={"calibration_error": 0.1}, by_type={"roc_auc": {"view": 0.7, "buy": None}}
    )
    told = BehaviourResults(
        users=9, users_left_out={}, event_types=("view", "buy"), observed=(0.5, 0.5), models={"ease": said}
    )
    RunLog(store, certificate(), {}).log_test_results(results().model_copy(update={"behaviour": told}))
    metrics = runs(store)["baselines.ease"].data.metrics
    assert metrics["test_event_type_brier_low"] == INTERVAL.low
    assert metrics["test_event_type_calibration_error"] == 0.1
    assert metrics["test_event_type_roc_auc_view"] == 0.7
    assert "test_event_type_roc_auc_buy" not in metrics
