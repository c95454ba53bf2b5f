import numpy as np
import pytest

from nextact.metrics.targets import Targets
from nextact.models.recommender import FitContext, LaunchOptions, Training
from nextact.models.sequence.recommender import SequenceRecommender
from nextact.models.sequence.sequence_options import SequenceOptions
from nextact.options import RENAMED
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout

N_ITEMS, N_TYPES = 12, 3


def random_histories(n_users=30, seed=0, most_steps=9):
    """Baskets of one to three events; user 0 has none, user 1 one step."""
    random = np.random.default_rng(seed)
    items, types, times = [], [], []
    for user in range(n_users):
        n_steps = user if user < 2 else int(random.integers(2, most_steps))
        moments = np.repeat(np.arange(n_steps), random.integers(1, 4, n_steps))
        items.append(random.integers(1, N_ITEMS + 1, len(moments)).tolist())
        types.append(random.integers(0, N_TYPES, len(moments)).tolist())
        times.append(moments.tolist())
    return Histories.from_lists(items, types, times)


def holdout_of(histories, targets):
    users = np.arange(histories.n_users)
    return Holdout(users, histories, Targets.from_lists(targets), np.ones((len(users), N_TYPES)) / N_TYPES)


def training_of(
    histories,
    n_items=N_ITEMS,
    validation=None,
    exclude_seen=False,
    seed=0,
    vectors=None,
    launch=None,
    epochs=None,
    **kwargs,
):
    if validation is None:
        chosen = histories.take(np.arange(2, min(12, histories.n_users)))
        validation = holdout_of(chosen, [[1 + user % n_items] for user in range(chosen.n_users)])
    if vectors is None:
        vectors = np.random.default_rng(7).normal(size=(n_items + 1, 5)).astype(np.float32)
        vectors[[0, 3]] = 0  # padding, and an item without text
    types = ("view", "favourite", "purchase")
    return Training(
        histories,
        n_items,
        types,
        {"encoder": vectors},
        validation,
        exclude_seen,
        FitContext(seed, launch or LaunchOptions(), epochs),
        **kwargs,
    )


PLACES = RENAMED["SequenceOptions"] | {"backbone": "backbone.name", "loss": "loss.kind"}


def options_of(**flat):
    """Options from names without their blocks."""
    nested = {}
    for name, value in flat.items():
        block, inner = PLACES[name].split(".")
        nested.setdefault(block, {})[inner] = value
    return SequenceOptions(**nested)


def small(**changes):
    small_ones = {"dimensions": 8, "layers": 2, "heads": 2, "max_steps": 6, "epochs": 2, "batch_steps": 16}
    return options_of(**small_ones | changes)


@pytest.fixture(scope="session")
def histories():
    return random_histories()


@pytest.fixture(scope="session")
def fitted(histories):
    model = SequenceRecommender(small(learning_rate=0.02))
    model.report = model.fit(training_of(histories))
    return model
