"""TIFU-KNN beside a plain reading of the paper, basket by basket."""

import numpy as np
import pytest

from nextact.models.baselines import neighbours
from nextact.models.baselines.baseline_options import TIFUKNNOptions
from nextact.models.baselines.tifu import TIFUKNN, frequency_vectors
from nextact.sequences.histories import Histories

N_ITEMS = 8


def random_baskets(n_users, seed, longest=9):
    rng = np.random.default_rng(seed)
    return [
        [(rng.permutation(N_ITEMS)[: rng.integers(1, 4)] + 1).tolist() for _ in range(rng.integers(1, longest))]
        for _ in range(n_users)
    ]


def histories_of(users):
    items = [[item for basket in user for item in basket] for user in users]
    times = [[time for time, basket in enumerate(user) for _ in basket] for user in users]
    return items, times


def vector_of(baskets, options):
    """Equations 1 to 3 of the paper, written out."""
    oldest_first = [np.isin(np.arange(N_ITEMS + 1), basket).astype(float) for basket in baskets]
    m = options.group_steps
    first = len(oldest_first) % m or m
    groups = [oldest_first[:first]] + [oldest_first[i : i + m] for i in range(first, len(oldest_first), m)]
    group_vectors = [
        sum(options.within_decay ** (len(group) - i) * basket for i, basket in enumerate(group, start=1)) / len(group)
        for group in groups
    ]
    weighed = [
        options.between_decay ** (len(group_vectors) - j) * vector for j, vector in enumerate(group_vectors, start=1)
    ]
    return sum(weighed) / len(weighed)


def expected_scores(training, queries, options):
    known = np.array([vector_of(user, options) for user in training])
    scores = []
    for user in queries:
        own = vector_of(user, options)
        if options.similarity == "euclidean":
            order = np.argsort(np.linalg.norm(known - own, axis=1))
        else:
            order = np.argsort(-(known @ own) / np.linalg.norm(known, axis=1))
        near = known[order[: options.neighbours]].mean(axis=0)
        scores.append(options.own_share * own + (1 - options.own_share) * near)
    return np.array(scores)


@pytest.mark.parametrize("similarity", ["euclidean", "cosine"])
@pytest.mark.parametrize("group_steps", [1, 3, 20])
def test_scores_are_those_of_the_paper(similarity, group_steps, training_of):
    options = TIFUKNNOptions(
        group_steps=group_steps,
        within_decay=0.83,
        between_decay=0.61,
        neighbours=5,
        own_share=0.4,
        similarity=similarity,
    )
    known, queries = random_baskets(40, seed=1), random_baskets(12, seed=2)
    model = TIFUKNN(options)
    items, times = histories_of(known)
    model.fit(training_of(items, timestamps=times, n_items=N_ITEMS))
    items, times = histories_of(queries)
    scores = model.score(Histories.from_lists(items, timestamps=times))
    np.testing.assert_allclose(scores, expected_scores(known, queries, options), rtol=1e-4, atol=1e-6)


def test_an_item_counts_once_a_basket_and_by_its_heaviest_event():
    options = TIFUKNNOptions(group_steps=1, between_decay=1.0, event_weights={"buy": 2.0})
    histories = Histories.from_lists([[1, 1, 2, 1]], event_types=[[0, 1, 0, 0]], timestamps=[[0, 0, 0, 1]])
    vectors = frequency_vectors(histories, 2, options, np.array([1.0, 2.0]))
    np.testing.assert_allclose(vectors.toarray(), [[0, (2 + 1) / 2, 1 / 2]])


def test_neighbours_bring_in_what_the_user_never_chose(training_of):
    model = TIFUKNN(TIFUKNNOptions(neighbours=2, own_share=0.5))
    model.fit(training_of([[1, 2], [1, 2], [3, 4]]))
    scores = model.score(Histories.from_lists([[1]]))[0]
    assert scores[1] > scores[2] > 0
    assert scores[3] == scores[4] == 0


def test_what_is_not_yet_due_is_held_back(training_of):
    log = [[1, 2, 3, 4, 1], [1, 2, 3, 4, 1]]  # item 1 every fourth step
    eager, patient = (TIFUKNN(TIFUKNNOptions(own_share=1.0, gap_power=power)) for power in (0.0, 1.0))
    eager.fit(training_of(log))
    patient.fit(training_of(log))
    just_bought = Histories.from_lists([[3, 1]])
    ratio = patient.score(just_bought)[0, [1, 3]] / eager.score(just_bought)[0, [1, 3]]
    np.testing.assert_allclose(ratio, [0.25, 1.0], rtol=1e-5)


def test_a_log_without_events_scores_only_the_own_items(training_of):
    model = TIFUKNN(TIFUKNNOptions())
    model.fit(training_of([[], []]))
    scores = model.score(Histories.from_lists([[2], []]))
    assert (scores > 0).tolist() == [[False, False, True, False, False], [False] * 5]


def test_evidence_is_the_item_itself_where_it_was_chosen(training_of):
    model = TIFUKNN(TIFUKNNOptions())
    model.fit(training_of([[1, 2, 3]]))
    assert model.evidence(Histories.from_lists([[1, 3]]), np.array([[1, 2]], np.int32)).tolist() == [[1, 0]]


@pytest.mark.parametrize("similarity", ["euclidean", "cosine"])
def test_blocks_of_training_users_do_not_change_the_neighbours(similarity, monkeypatch):
    from scipy.sparse import random as random_sparse

    rows = random_sparse(50, 12, density=0.4, format="csr", dtype=np.float32, random_state=0)
    queries = random_sparse(9, 12, density=0.4, format="csr", dtype=np.float32, random_state=1)
    whole = neighbours.nearest_rows(queries, rows, 6, similarity)
    monkeypatch.setattr(neighbours, "BLOCK_ROWS", 7)
    np.testing.assert_array_equal(neighbours.nearest_rows(queries, rows, 6, similarity), whole)
    assert neighbours.nearest_rows(queries, rows[:4], 6, similarity).shape == (9, 4)
