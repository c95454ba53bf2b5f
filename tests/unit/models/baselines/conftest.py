"""A small training log, as every model is given it."""

import numpy as np
import pytest

from nextact.metrics.targets import Targets
from nextact.models.recommender import FitContext, Training
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout

N_ITEMS = 4


@pytest.fixture
def training_of():
    """Makes a Training from lists of items."""

    def make(items, timestamps=None, n_items=N_ITEMS, types=None, event_types=("view",), vectors=None, seed=0):
        histories = Histories.from_lists(items, event_types=types, timestamps=timestamps)
        nobody = Holdout(
            np.zeros(0, np.int64), Histories.from_lists([]), Targets.from_lists([]), next_types=np.zeros((0, 1))
        )
        if vectors is None:
            vectors = np.zeros((n_items + 1, 2), np.float32)
            vectors[1:5] = [[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]]
        return Training(
            histories, n_items, event_types, {"encoder": vectors}, nobody, exclude_seen=False, context=FitContext(seed)
        )

    return make
