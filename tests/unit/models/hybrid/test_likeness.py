import dataclasses

import numpy as np

from nextact.models.hybrid.hybrid_options import StackedOptions
from nextact.models.hybrid.likeness import likeness_to_newest, unit_blocks
from nextact.models.hybrid.stacked import StackedRanker
from nextact.sequences.histories import Histories

NAMES = ("popularity", "personal_popularity")


def test_the_cosine_to_the_newest_step_by_hand():
    vectors = np.array([[0, 0], [3, 0], [0, 2], [1, 1], [0, 0]], np.float32)
    blocks = unit_blocks({"encoder": vectors, "other": vectors}, ("encoder", "syntax"))
    assert list(blocks) == ["encoder"]
    # newest step: item 2 after item 1; items 1 and 2 at once; item 4, which has no vector; nothing
    times = [[0, 1], [1, 1], [0, 1], []]
    histories = Histories.from_lists([[1, 2], [1, 2], [1, 4], []], timestamps=times)
    found = likeness_to_newest(np.array([[1, 2, 3, 4, 0]] * 4, np.int32), histories, blocks)[..., 0]
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found[0], [0, 1, half, 0, 0], atol=1e-6)
    np.testing.assert_allclose(found[1], [half, half, 1, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(found[2:], 0)


def test_many_users_get_what_each_gets_alone():
    random = np.random.default_rng(0)
    blocks = unit_blocks({"syntax": random.normal(size=(31, 5)).astype(np.float32)}, ("syntax",))
    lists = [random.integers(1, 31, 4).tolist() for _ in range(150)]
    candidates = random.integers(1, 31, (150, 6)).astype(np.int32)
    together = likeness_to_newest(candidates, Histories.from_lists(lists), blocks)
    for user in (0, 70, 149):
        alone = likeness_to_newest(candidates[[user]], Histories.from_lists([lists[user]]), blocks)
        np.testing.assert_allclose(together[user], alone[0], rtol=1e-5)


def test_a_ranker_that_is_given_syntax_learns_from_it_and_keeps_it(folders, training, tmp_path):
    circle = np.arange(10) * 2 * np.pi / 9
    syntax = np.stack([np.cos(circle), np.sin(circle)], axis=1).astype(np.float32)
    given = dataclasses.replace(training, item_vectors={"syntax": syntax})
    options = StackedOptions(members=NAMES, candidates_by="ranks", views=0, min_leaf=5, max_trees=10, leaves=4)
    folders = {name: folders[name] for name in NAMES}
    ranker = StackedRanker(options, folders)
    assert ranker.fit(given)["gain_share"]["syntax_cosine_to_newest"] > 0
    scores = ranker.score(training.histories)
    ranker.save(tmp_path)
    np.testing.assert_array_equal(StackedRanker.load(tmp_path).score(training.histories), scores)
    without = StackedRanker(options, folders)
    assert "syntax_cosine_to_newest" not in without.fit(training)["gain_share"]
