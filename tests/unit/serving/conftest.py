"""A small packaged model, made without a pipeline."""

import numpy as np
import pandas as pd
import pytest

from nextact.events.contract import EventOptions
from nextact.events.steps import StepOptions
from nextact.metrics.targets import Targets
from nextact.models.baselines.baseline_options import TransitionOptions
from nextact.models.baselines.item_to_item import TransitionTable
from nextact.models.recommender import FitContext, Training
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.models.sequence.sequence_options import SequenceOptions
from nextact.models.storage import FittedModel, save_fitted
from nextact.results.models import Fit, ModelHandle
from nextact.retrieval.alike import ListOptions
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout
from nextact.serving.package import Package, describe_package

from ...protocols import make_certificate

ITEM_IDS = ["apple", "bread", "cheese", "dates", "eggs"]
EVENT_TYPES = ("view", "purchase")


def training():
    histories = Histories.from_lists(
        [[1, 2, 3], [1, 2, 4], [2, 3, 3]], [[0, 1, 1], [0, 0, 1], [1, 0, 1]], [[0, 1, 2], [0, 1, 2], [0, 1, 2]]
    )
    nobody = Holdout(
        np.zeros(0, np.int64), Histories.from_lists([]), Targets.from_lists([]), np.zeros((0, len(EVENT_TYPES)))
    )
    return Training(histories, len(ITEM_IDS), EVENT_TYPES, {}, nobody, exclude_seen=True, context=FitContext(0))


def fitted(folder, family, name, recommender):
    recommender.fit(training())
    fit = Fit.outside_a_run(family, name)
    save_fitted(FittedModel(recommender, fit), folder)
    return ModelHandle(
        run_id="run", protocol_hash="", family=family, name=name, folder=str(folder), refitted_folder=str(folder)
    )


def certificate(exclude_seen=True):
    return make_certificate(exclude_seen=exclude_seen)


def items():
    counts = np.bincount(training().histories.item_index, minlength=len(ITEM_IDS) + 1)[1:]
    texts = ["red apple", "", "blue cheese", "dates", "six eggs"]
    tokens = ["red apple", "", "blue cheese", "dates cheese", "six eggs apple"]
    return pd.DataFrame({"item_id": ITEM_IDS, "item_text": texts, "n_training_events": counts, "tokens": tokens})


def make_package(folder, behaviour=False, events=None, steps=None, exclude_seen=True):
    """The transition table of the training histories; with ``behaviour`` a sequence model beside it."""
    chosen = fitted(folder / "transition", "baselines", "transition", TransitionTable(TransitionOptions()))
    beside = None
    if behaviour:
        options = SequenceOptions(
            backbone={"dimensions": 4, "layers": 1, "heads": 1}, optimiser={"epochs": 1}, text={"blocks": ()}
        )
        beside = fitted(folder / "gpt2", "sequence", "gpt2", SequenceRecommender(options))
    events = events or EventOptions(event_type="what", event_types=EVENT_TYPES, timestamp="when", session_id="visit")
    return describe_package(
        chosen, beside, 2.0, items(), certificate(exclude_seen), events, steps or StepOptions(), ListOptions(), top_k=3
    )


@pytest.fixture(scope="session")
def package(tmp_path_factory) -> Package:
    folder = tmp_path_factory.mktemp("package")
    make_package(folder, behaviour=True).save(folder / "packaged")
    return Package.open(folder / "packaged")


@pytest.fixture(scope="session")
def package_of():
    """A function that describes a package with changed options."""
    return make_package
