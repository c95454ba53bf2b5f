from pathlib import Path

import numpy as np
import pytest

from nextact.errors import NextactError
from nextact.metrics.targets import Targets
from nextact.models.baselines.content import ContentKNN
from nextact.models.baselines.item_to_item import EASE, TransitionTable
from nextact.models.baselines.options import (
    ContentKNNOptions,
    EASEOptions,
    OwnMostBoughtOptions,
    PopularityOptions,
    RecentPopularityOptions,
    TransitionOptions,
)
from nextact.models.baselines.popularity import OwnMostBought, Popularity, RecentPopularity
from nextact.models.recommender import Training
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout

DAY = 86_400_000_000
N_ITEMS = 4


def training_of(items, timestamps=None, n_items=N_ITEMS):
    histories = Histories.from_lists(items, timestamps=timestamps)
    nobody = Holdout(
        np.zeros(0, np.int64), Histories.from_lists([]), Targets.from_lists([]), next_types=np.zeros((0, 1))
    )
    vectors = np.zeros((n_items + 1, 2), np.float32)
    vectors[1:5] = [[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]]
    return Training(histories, n_items, ("view",), {"encoder": vectors}, nobody, exclude_seen=False, seed=0)


MODELS = [
    (Popularity, PopularityOptions()),
    (RecentPopularity, RecentPopularityOptions()),
    (OwnMostBought, OwnMostBoughtOptions()),
    (TransitionTable, TransitionOptions()),
    (EASE, EASEOptions(regularisation=1.0)),
    (ContentKNN, ContentKNNOptions()),
]


@pytest.mark.parametrize(("kind", "options"), MODELS)
def test_a_loaded_model_scores_as_the_saved_one(kind, options, tmp_path: Path):
    model = kind(options)
    model.fit(training_of([[1, 2, 3], [2, 3, 4], [1, 2]]))
    histories = Histories.from_lists([[1, 2], [], [4]])
    model.save(tmp_path)
    scores = model.score(histories)
    assert scores.shape == (3, N_ITEMS + 1)
    np.testing.assert_array_equal(kind.load(tmp_path).score(histories), scores)


@pytest.mark.parametrize(("kind", "options"), MODELS)
def test_a_broken_model_file_names_itself(kind, options, tmp_path: Path):
    model = kind(options)
    model.fit(training_of([[1, 2, 3], [2, 3, 4]]))
    model.save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not a model")
    with pytest.raises(NextactError, match=r"model\.safetensors"):
        kind.load(tmp_path)


def test_transition_table_counts_followers_and_fades_with_the_lag():
    model = TransitionTable(TransitionOptions(lags=2, lag_decay=0.5, history_decay=1.0))
    model.fit(training_of([[1, 2, 3]]))
    # after 1: item 2 one step later counts 1, item 3 two steps later counts a half
    np.testing.assert_allclose(model.weights.toarray()[1], [0, 0, 2 / 3, 1 / 3, 0], rtol=1e-6)


def test_items_of_one_basket_do_not_follow_each_other():
    model = TransitionTable(TransitionOptions(lags=1))
    model.fit(training_of([[1, 2, 3]], timestamps=[[0, 0, 1]]))
    assert model.weights[1, 2] == 0
    assert model.weights[1, 3] == 1
    assert model.weights[2, 3] == 1


def test_transitions_never_cross_users():
    model = TransitionTable(TransitionOptions(lags=1))
    model.fit(training_of([[1, 2], [3, 4]]))
    assert model.weights[2, 3] == 0


def test_ease_equals_the_dense_formula():
    rng = np.random.default_rng(0)
    items = [list(rng.permutation(6)[:3] + 1) for _ in range(20)]
    model = EASE(EASEOptions(regularisation=2.0, half_life_days=1e9))
    model.fit(training_of(items, n_items=6))
    binary = np.zeros((20, 6))
    for user, chosen in enumerate(items):
        binary[user, np.array(chosen) - 1] = 1
    inverse = np.linalg.inv(binary.T @ binary + 2.0 * np.eye(6))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(model.weights.toarray()[1:, 1:], expected, atol=1e-5)


def test_ease_refuses_a_catalogue_above_its_limit():
    with pytest.raises(NextactError, match="max_items"):
        EASE(EASEOptions(max_items=3)).fit(training_of([[1, 2]]))


def test_own_most_bought_prefers_recent_repeats_to_old_ones():
    model = OwnMostBought(OwnMostBoughtOptions(half_life_days=1.0))
    model.fit(training_of([[1, 2]]))
    scores = model.score(Histories.from_lists([[1, 1, 2]], timestamps=[[0, 0, 3 * DAY]]))[0]
    assert scores[2] > scores[1] > scores[3]


def test_recent_popularity_forgets_what_popularity_remembers():
    log = [[1, 1, 1, 2, 2]], [[0, 1, 2, 90 * DAY, 91 * DAY]]
    old, recent = Popularity(PopularityOptions()), RecentPopularity(RecentPopularityOptions(half_life_days=7.0))
    old.fit(training_of(*log))
    recent.fit(training_of(*log))
    assert old.counts[1] > old.counts[2]
    assert recent.counts[2] > recent.counts[1]


def test_content_knn_finds_the_nearest_text_for_an_item_nobody_chose():
    model = ContentKNN(ContentKNNOptions())
    model.fit(training_of([[3]]))
    scores = model.score(Histories.from_lists([[1]]))[0]
    assert scores[2] > scores[3]
    assert scores[2] > scores[4]


@pytest.mark.parametrize(("kind", "options"), MODELS[2:])
def test_evidence_is_an_item_of_the_history(kind, options):
    model = kind(options)
    model.fit(training_of([[1, 2, 3], [2, 3, 4], [1, 2]]))
    histories = Histories.from_lists([[1, 2], [], [4]])
    evidence = model.evidence(histories, np.array([[2, 3], [1, 2], [4, 3]], np.int32))
    for row, own in zip(evidence, [{0, 1, 2}, {0}, {0, 4}], strict=True):
        assert set(row.tolist()) <= own
