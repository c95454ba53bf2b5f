from pathlib import Path

import numpy as np
import pytest

from nextact.errors import NextactError
from nextact.models.baselines.als import ALS
from nextact.models.baselines.baseline_options import (
    ALSOptions,
    ContentKNNOptions,
    EASEOptions,
    Item2VecOptions,
    ItemKNNOptions,
    PersonalPopularityOptions,
    PopularityOptions,
    RecentPopularityOptions,
    SLIMOptions,
    TIFUKNNOptions,
    TransitionOptions,
)
from nextact.models.baselines.content import ContentKNN
from nextact.models.baselines.item2vec import Item2Vec
from nextact.models.baselines.item_knn import ItemKNN
from nextact.models.baselines.item_to_item import EASE, TransitionTable
from nextact.models.baselines.popularity import PersonalPopularity, Popularity, RecentPopularity
from nextact.models.baselines.slim import SLIM
from nextact.models.baselines.tifu import TIFUKNN
from nextact.sequences.histories import Histories

DAY = 86_400_000_000
N_ITEMS = 4

MODELS = [
    (Popularity, PopularityOptions, {}),
    (RecentPopularity, RecentPopularityOptions, {}),
    (PersonalPopularity, PersonalPopularityOptions, {"gap_power": 0.5}),
    (TransitionTable, TransitionOptions, {}),
    (ItemKNN, ItemKNNOptions, {}),
    (EASE, EASEOptions, {"regularisation": 1.0}),
    (SLIM, SLIMOptions, {"l1": 0.01, "l2": 0.1}),
    (ALS, ALSOptions, {"factors": 3}),
    (Item2Vec, Item2VecOptions, {"dimensions": 4, "epochs": 2}),
    (TIFUKNN, TIFUKNNOptions, {"gap_power": 0.5}),
    (ContentKNN, ContentKNNOptions, {}),
]
names = [kind.__name__ for kind, _, _ in MODELS]
every_model = pytest.mark.parametrize(("kind", "options_class", "options"), MODELS, ids=names)
every_explaining_model = pytest.mark.parametrize(("kind", "options_class", "options"), MODELS[2:], ids=names[2:])

LOG = [[1, 2, 3], [2, 3, 4], [1, 2], [2, 1, 2]]
QUERIES = Histories.from_lists([[1, 2], [], [4], [2, 2, 1]])


@every_model
def test_a_loaded_model_scores_as_the_saved_one(kind, options_class, options, training_of, tmp_path: Path):
    model = kind(options_class(**options))
    model.fit(training_of(LOG))
    model.save(tmp_path)
    scores = model.score(QUERIES)
    assert scores.shape == (4, N_ITEMS + 1)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    loaded = kind.load(tmp_path)
    assert loaded.options == model.options
    np.testing.assert_array_equal(loaded.score(QUERIES), scores)


@every_model
def test_no_model_is_a_pickle(kind, options_class, options, training_of, tmp_path: Path):
    model = kind(options_class(**options))
    model.fit(training_of(LOG))
    model.save(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".json", ".npy", ".safetensors"}


@every_model
def test_a_broken_model_file_names_itself(kind, options_class, options, training_of, tmp_path: Path):
    model = kind(options_class(**options))
    model.fit(training_of([[1, 2, 3], [2, 3, 4]]))
    model.save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not a model")
    with pytest.raises(NextactError, match=r"model\.safetensors"):
        kind.load(tmp_path)


@every_model
def test_the_same_seed_gives_the_same_scores(kind, options_class, options, training_of):
    scores = []
    for _ in range(2):
        model = kind(options_class(**options))
        model.fit(training_of(LOG, seed=3))
        scores.append(model.score(QUERIES))
    np.testing.assert_array_equal(*scores)


@every_model
def test_users_score_alike_in_whatever_company(kind, options_class, options, training_of):
    model = kind(options_class(**options))
    model.fit(training_of(LOG))
    together = model.score(QUERIES)
    for user in range(QUERIES.n_users):
        alone = model.score(QUERIES.take(np.array([user])))
        np.testing.assert_allclose(alone[0], together[user], rtol=1e-5, atol=1e-7)


@every_model
def test_an_event_type_that_weighs_nothing_might_as_well_not_be_there(kind, options_class, options, training_of):
    types = ("view", "cart")
    weighed = kind(options_class(event_weights={"cart": 0.0}, **options))
    weighed.fit(training_of([[1, 4, 2, 3], [4, 2], [1, 2]], types=[[0, 1, 0, 0], [1, 0], [0, 0]], event_types=types))
    without = kind(options_class(**options))
    without.fit(training_of([[1, 2, 3], [2], [1, 2]], timestamps=[[0, 2, 3], [1], [0, 1]], event_types=types))
    scores = without.score(Histories.from_lists([[1, 2], []]))
    mixed = Histories.from_lists([[4, 1, 2, 3], [4]], event_types=[[1, 0, 0, 1], [1]])
    np.testing.assert_allclose(weighed.score(mixed), scores, rtol=1e-5, atol=1e-7)


@every_model
def test_weighing_an_unknown_event_type_names_the_near_one(kind, options_class, options, training_of):
    model = kind(options_class(event_weights={"wiew": 2.0}, **options))
    with pytest.raises(NextactError, match="no event type 'wiew'; did you mean 'view'"):
        model.fit(training_of(LOG))


@every_explaining_model
def test_evidence_is_an_item_of_the_history(kind, options_class, options, training_of):
    model = kind(options_class(**options))
    model.fit(training_of(LOG))
    items = np.array([[2, 3], [1, 2], [4, 3], [1, 2]], np.int32)
    evidence = model.evidence(QUERIES, items)
    assert evidence.dtype == np.int32
    for row, own in zip(evidence, [{0, 1, 2}, {0}, {0, 4}, {0, 1, 2}], strict=True):
        assert set(row.tolist()) <= own


def test_personal_popularity_prefers_recent_repeats_to_old_ones(training_of):
    model = PersonalPopularity(PersonalPopularityOptions(half_life_days=1.0))
    model.fit(training_of([[1, 2]]))
    scores = model.score(Histories.from_lists([[1, 1, 2]], timestamps=[[0, 0, 3 * DAY]]))[0]
    assert scores[2] > scores[1] > scores[3]


def test_personal_popularity_fades_by_steps_where_a_log_has_no_times(training_of):
    model = PersonalPopularity(
        PersonalPopularityOptions(half_life_days=None, history_decay=0.25, popularity_weight=0.0)
    )
    model.fit(training_of([[1, 2]]))
    np.testing.assert_allclose(model.score(Histories.from_lists([[1, 1, 2]]))[0], [0, 0.25 + 0.0625, 1, 0, 0])


def test_personal_popularity_holds_back_what_is_not_yet_due(training_of):
    model = PersonalPopularity(PersonalPopularityOptions(gap_power=1.0, popularity_weight=0.0))
    model.fit(training_of([[1, 2, 2, 2, 1]]))  # item 1 every fourth step, item 2 every step
    scores = model.score(Histories.from_lists([[2, 1]]))[0]
    assert scores[1] == pytest.approx(0.25, rel=1e-4)
    assert scores[2] == pytest.approx(1.0, rel=1e-4)


def test_recent_popularity_forgets_what_popularity_remembers(training_of):
    log = [[1, 1, 1, 2, 2]], [[0, 1, 2, 90 * DAY, 91 * DAY]]
    old, recent = Popularity(PopularityOptions()), RecentPopularity(RecentPopularityOptions(half_life_days=7.0))
    old.fit(training_of(*log))
    recent.fit(training_of(*log))
    assert old.counts[1] > old.counts[2]
    assert recent.counts[2] > recent.counts[1]
