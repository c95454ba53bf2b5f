"""A small packaged model, made without a pipeline, and a store with what a run saves, in small."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest

from nextact.events.contract import EventOptions
from nextact.events.steps import StepOptions
from nextact.metrics.targets import Targets
from nextact.models.baselines.item_to_item import TransitionTable
from nextact.models.baselines.options import TransitionOptions
from nextact.models.recommender import Training
from nextact.models.registry import FittedModel, save_fitted
from nextact.models.sequence.options import SequenceOptions
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.protocol import write_certificate
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout
from nextact.serving.package import Package, describe_package
from nextact.serving.store import TrackingStore
from nextact.serving.tracking_options import TrackingOptions

ITEM_IDS = ["apple", "bread", "cheese", "dates", "eggs"]
EVENT_TYPES = ("view", "purchase")
INTERVAL = {"mean": 0.2, "low": 0.1, "high": 0.3, "level": 0.95, "n_users": 9}


def training():
    histories = Histories.from_lists(
        [[1, 2, 3], [1, 2, 4], [2, 3, 3]], [[0, 1, 1], [0, 0, 1], [1, 0, 1]], [[0, 1, 2], [0, 1, 2], [0, 1, 2]]
    )
    nobody = Holdout(
        np.zeros(0, np.int64), Histories.from_lists([]), Targets.from_lists([]), np.zeros((0, len(EVENT_TYPES)))
    )
    return Training(histories, len(ITEM_IDS), EVENT_TYPES, {}, nobody, exclude_seen=True, seed=0)


def fitted(folder, family, name, recommender):
    recommender.fit(training())
    described = {"run_id": "run", "options": dataclasses.asdict(recommender.options), "report": {}, "fit_seconds": 0.1}
    save_fitted(FittedModel(family, name, recommender, described), folder)
    return {"family": family, "name": name, "refitted_folder": str(folder)}


def certificate(exclude_seen=True):
    return write_certificate({"exclude_seen": exclude_seen, "split": {"baskets": True}}, seed=0)


def items():
    counts = np.bincount(training().histories.item_index, minlength=len(ITEM_IDS) + 1)[1:]
    texts = ["red apple", "", "blue cheese", "dates", "six eggs"]
    tokens = ["red apple", "", "blue cheese", "dates cheese", "six eggs apple"]
    return pd.DataFrame({"item_id": ITEM_IDS, "item_text": texts, "n_training_events": counts, "tokens": tokens})


def make_package(folder, behaviour=False, events=None, steps=None, exclude_seen=True):
    """The transition table of the training histories; with ``behaviour`` a sequence model beside it."""
    chosen = fitted(folder / "transition", "baselines", "transition", TransitionTable(TransitionOptions()))
    beside = {}
    if behaviour:
        options = SequenceOptions(dimensions=4, layers=1, heads=1, epochs=1, text_blocks=())
        beside = fitted(folder / "gpt2", "sequence", "gpt2", SequenceRecommender(options))
    events = events or EventOptions(event_type="what", event_types=EVENT_TYPES, timestamp="when")
    return describe_package(
        chosen, beside, 2.0, items(), certificate(exclude_seen), events, steps or StepOptions(), top_k=3
    )


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
def package(tmp_path_factory) -> Package:
    folder = tmp_path_factory.mktemp("package")
    make_package(folder, behaviour=True).save(folder / "packaged")
    return Package.open(folder / "packaged")


@pytest.fixture(scope="session")
def package_of():
    """A function that describes a package with changed options."""
    return make_package


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    TrackingStore.open(TrackingOptions().at(folder))
    return folder / "mlflow.db"


@pytest.fixture
def store(empty_store, tmp_path):
    shutil.copy(empty_store, tmp_path)
    return TrackingStore.open(TrackingOptions(experiment="here", artifacts="runs").at(tmp_path))
