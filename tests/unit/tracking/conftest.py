"""A store, and what a run saves, in small."""

import shutil

import pytest

from nextact.tracking.store import TrackingStore
from nextact.tracking.tracking_options import TrackingOptions

INTERVAL = {"mean": 0.2, "low": 0.1, "high": 0.3, "level": 0.95, "n_users": 9}


def described(name="ease", **more):
    fitted = {"family": "baselines", "name": name, "fit_seconds": 2.5, "options": {"regularisation": 30.0}}
    return {**fitted, "options_hash": "abc", "report": {"weights": 4}, **more}


def candidate(**more):
    return described(validation={"ndcg@10": INTERVAL}, users=9, **more)


def results(chosen="ease", names=("ease",)):
    more = {"test_reachable": {"ndcg@10": INTERVAL | {"mean": 0.4}}, "catalogue": {"coverage": 0.9, "gini": None}}
    each = {"family": "baselines", "fit_seconds": 1.0, "test": {"ndcg@10": INTERVAL}, **more}
    models = [each | {"name": name} for name in names]
    against = {name: {"difference": 0.05, "p_value": 0.01, "n_users": 9} for name in names if name != chosen}
    return {"models": models, "chosen": chosen, "users": 9, "chosen_against": against, "metric": "ndcg@10"}


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    TrackingStore.open(TrackingOptions().at(folder))
    return folder / "mlflow.db"


@pytest.fixture
def store(empty_store, tmp_path):
    shutil.copy(empty_store, tmp_path)
    return TrackingStore.open(TrackingOptions(experiment="here", artifacts="runs").at(tmp_path))
