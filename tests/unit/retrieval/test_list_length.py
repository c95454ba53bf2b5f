import tracemalloc

import numpy as np
import pandas as pd

from nextact.models.baselines.popularity import Popularity
from nextact.retrieval.catalogue import Catalogue
from nextact.retrieval.reasons import LogWords
from nextact.retrieval.recommending import recommend_items
from nextact.sequences.histories import Histories


def recommended(k, n_users=60, n_items=24):
    model = Popularity(None)
    model.counts = np.arange(n_items + 1, dtype=np.float32)
    ids = [f"i{item}" for item in range(1, n_items + 1)]
    catalogue = Catalogue(pd.DataFrame({"item_id": ids, "item_text": ids, "n_training_events": range(n_items)}))
    users = np.array([f"u{user}" for user in range(n_users)], dtype=object)
    return recommend_items(
        model, Histories.from_lists([[1]] * n_users), users, catalogue, LogWords(("view",), True), 1.0, True, k
    ).items


def test_a_list_longer_than_the_catalogue_is_the_whole_catalogue_and_takes_no_more():
    """One of a hundred thousand places a user would take a gigabyte."""
    expected = recommended(24)
    tracemalloc.start()
    found = recommended(100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    pd.testing.assert_frame_equal(found, expected)
    assert found.groupby("user_id").size().tolist() == [23] * 60
    assert peak < 10 * 2**20
