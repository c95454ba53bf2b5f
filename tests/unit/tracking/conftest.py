"""A store, and what a run saves, in small."""

import dataclasses
import shutil

import pytest

from nextact.metrics.comparison import CorrectedComparison, Interval
from nextact.results.evaluation import Calibration, TestedModel, TestResults
from nextact.results.horizons import Horizons, HorizonSection
from nextact.results.models import Candidate, Fit, Gate, Leaderboard
from nextact.tracking.store import TrackingStore
from nextact.tracking.tracking_options import TrackingOptions

from ...protocols import make_certificate

INTERVAL = Interval(mean=0.2, low=0.1, high=0.3, level=0.95, n_users=9)
UNSCORED = HorizonSection(why_not="not scored")
MADE = {"run_id": "r", "protocol_hash": "p", "family": "baselines", "options_hash": "abc", "item_vectors": {}}


def described(name="ease", **more):
    known = {"fit_seconds": 2.5, "options": {"regularisation": 30.0}, "report": {"weights": 4}}
    return Fit(**MADE, name=name, **known | more)


def candidate(**more):
    known = {"folder": "here", "validation": {"ndcg@10": INTERVAL}, "users": 9, "validation_horizons": UNSCORED}
    return Candidate(**described().fields, **known | more)


def leaderboard(*left_out):
    models, gate = (candidate(),), Gate(best_baseline=None, models={})
    return Leaderboard(run_id="r", protocol_hash="p", metric="ndcg@10", models=models, gate=gate, left_out=left_out)


def model_on_test(name):
    return TestedModel(
        family="baselines",
        name=name,
        fit_seconds=1.0,
        members_fit_seconds=0.0,
        score_seconds=1.0,
        validation={},
        test={"ndcg@10": INTERVAL},
        test_reachable={"ndcg@10": dataclasses.replace(INTERVAL, mean=0.4)},
        shuffled={},
        catalogue={"coverage": 0.9, "gini": None},
        calibration=Calibration(temperature=1.0, item_log_loss=None, users_left_out={}, error=0.0, bins=()),
    )


def results(chosen="ease", names=("ease",), test_horizons=UNSCORED):
    certificate = make_certificate()
    against = CorrectedComparison(0.05, 0.0, 0.1, p_value=0.01, n_users=9, p_value_holm=0.01)
    return TestResults(
        **certificate.stamp,
        protocol=certificate.protocol,
        provenance=certificate.provenance,
        metric="ndcg@10",
        users=9,
        users_left_out=0,
        left_out={},
        list_length=10,
        diversity_block=None,
        chosen=chosen,
        reason="",
        gate=(),
        models_left_out=(),
        baseline=None,
        models=tuple(map(model_on_test, names)),
        chosen_against={name: against for name in names if name != chosen},
        behaviour=None,
        horizons=Horizons(validation=UNSCORED, test=test_horizons),
    )


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    TrackingStore.open(TrackingOptions().at(folder))
    return folder / "mlflow.db"


@pytest.fixture
def store(empty_store, tmp_path):
    shutil.copy(empty_store, tmp_path)
    return TrackingStore.open(TrackingOptions(experiment="here", artifacts="runs").at(tmp_path))
