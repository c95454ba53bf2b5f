import numpy as np
import pytest

from nextact.metrics.targets import Targets
from nextact.models.baselines.baseline_options import PersonalPopularityOptions, PopularityOptions, TransitionOptions
from nextact.models.baselines.item_to_item import TransitionTable
from nextact.models.baselines.popularity import PersonalPopularity, Popularity
from nextact.models.recommender import FitContext, Training
from nextact.models.storage import FittedModel, ModelFolder, save_fitted
from nextact.results.models import Fit
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout

N_ITEMS = 9


def walk(n_users=40, seed=0):
    """Users who mostly go from item i to i + 1 and start anywhere."""
    random = np.random.default_rng(seed)
    items = []
    for _ in range(n_users):
        path = [int(random.integers(N_ITEMS))]
        for _ in range(int(random.integers(2, 7))):
            path.append((path[-1] + 1) % N_ITEMS if random.random() < 0.8 else int(random.integers(N_ITEMS)))
        items.append([item + 1 for item in path])
    return items


@pytest.fixture(scope="session")
def training():
    items = walk()
    targets = Targets.from_lists([[user[-1] % N_ITEMS + 1] for user in items])
    histories = Histories.from_lists(items)
    holdout = Holdout(np.arange(len(items)), histories, targets, np.ones((len(items), 1)))
    return Training(histories, N_ITEMS, ("click",), {}, holdout, False, FitContext(0))


@pytest.fixture(scope="session")
def folders(training, tmp_path_factory):
    models = {
        "popularity": Popularity(PopularityOptions()),
        "transition": TransitionTable(TransitionOptions(lags=1)),
        "personal_popularity": PersonalPopularity(PersonalPopularityOptions()),
    }
    found = {}
    for name, model in models.items():
        model.fit(training)
        folder = tmp_path_factory.mktemp("members") / name
        save_fitted(FittedModel(model, Fit.outside_a_run("baselines", name)), folder)
        found[name] = ModelFolder(folder)
    return found
