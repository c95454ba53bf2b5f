import logging

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from nextact.errors import NextactError
from nextact.models.baselines.baseline_options import EASEOptions, TransitionOptions
from nextact.models.baselines.item_to_item import EASE, TransitionTable
from nextact.sequences.histories import Histories


def random_log(n_users=20, n_items=6, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.permutation(n_items)[: rng.integers(2, n_items)] + 1).tolist() for _ in range(n_users)]


def dense_ease(matrix, regularisation):
    inverse = np.linalg.inv(matrix.T @ matrix + regularisation * np.eye(matrix.shape[1]))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    return expected


def test_transition_table_counts_followers_and_fades_with_the_lag(training_of):
    model = TransitionTable(TransitionOptions(lags=2, lag_decay=0.5, history_decay=1.0))
    model.fit(training_of([[1, 2, 3]]))
    # after 1: item 2 one step later counts 1, item 3 two steps later counts a half
    np.testing.assert_allclose(model.weights.toarray()[1], [0, 0, 2 / 3, 1 / 3, 0], rtol=1e-6)


def test_items_of_one_basket_do_not_follow_each_other(training_of):
    model = TransitionTable(TransitionOptions(lags=1))
    model.fit(training_of([[1, 2, 3]], timestamps=[[0, 0, 1]]))
    assert model.weights[1, 2] == 0
    assert model.weights[1, 3] == 1
    assert model.weights[2, 3] == 1


def test_transitions_never_cross_users(training_of):
    model = TransitionTable(TransitionOptions(lags=1))
    model.fit(training_of([[1, 2], [3, 4]]))
    assert model.weights[2, 3] == 0


def test_transition_table_equals_a_count_by_hand(training_of):
    log = random_log()
    options = TransitionOptions(
        lags=3, lag_decay=0.6, reverse_weight=0.25, source_discount=0.5, popularity_discount=0.3, kept_per_item=99
    )
    model = TransitionTable(options)
    model.fit(training_of(log, n_items=6))
    counts = np.zeros((7, 7))
    for user in log:
        for place, item in enumerate(user):
            for lag, later in enumerate(user[place + 1 : place + 4], start=1):
                counts[item, later] += 0.6 ** (lag - 1)
                counts[later, item] += 0.25 * 0.6 ** (lag - 1)
    counts /= np.maximum(counts.sum(axis=0), 1) ** 0.3
    counts /= np.maximum(counts.sum(axis=1, keepdims=True), 1e-12) ** 0.5
    np.testing.assert_allclose(model.weights.toarray(), counts, rtol=1e-5)


def test_event_types_weigh_in_counts_and_in_the_history(training_of):
    options = TransitionOptions(lags=1, source_discount=0.0, history_decay=0.5, event_weights={"buy": 3.0})
    model = TransitionTable(options)
    model.fit(training_of([[1, 2], [1, 3]], types=[[0, 1], [1, 1]], event_types=("view", "buy")))
    np.testing.assert_allclose(model.weights.toarray()[1], [0, 0, 3, 9, 0])
    bought = model.score(Histories.from_lists([[1, 4]], event_types=[[1, 0]]))[0]
    np.testing.assert_allclose(bought, [0, 0, 0.5 * 3 * 3, 0.5 * 3 * 9, 0])


def test_only_the_newest_steps_vote_and_fade(training_of):
    model = TransitionTable(TransitionOptions(lags=1, history_steps=2, history_decay=0.5))
    model.fit(training_of([[1, 2], [3, 4], [2, 1]]))
    np.testing.assert_allclose(model.score(Histories.from_lists([[2, 3, 1]]))[0], [0, 0, 1, 0, 0.5])


def test_only_the_strongest_followers_are_kept(training_of):
    model = TransitionTable(TransitionOptions(lags=1, kept_per_item=1))
    model.fit(training_of([[1, 2], [1, 3], [1, 3]]))
    np.testing.assert_allclose(model.weights.toarray()[1], [0, 0, 0, 2 / 3, 0], rtol=1e-6)


def test_evidence_names_the_largest_term(training_of):
    model = TransitionTable(TransitionOptions(lags=1, history_decay=0.5))
    model.fit(training_of([[1, 3], [2, 3], [2, 4], [2, 4]]))
    # for item 3: item 1, one step back, adds 0.5 * 1, item 2 adds 1/3
    assert model.evidence(Histories.from_lists([[1, 2]]), np.array([[3, 4, 1]], np.int32)).tolist() == [[1, 2, 0]]


def test_ease_equals_the_dense_formula(training_of):
    log = random_log()
    model = EASE(EASEOptions(regularisation=2.0, half_life_days=None))
    model.fit(training_of(log, n_items=6))
    binary = np.zeros((20, 6))
    for user, chosen in enumerate(log):
        binary[user, np.array(chosen) - 1] = 1
    np.testing.assert_allclose(model.weights.toarray()[1:, 1:], dense_ease(binary, 2.0), atol=1e-5)


def test_ease_of_few_users_has_the_weights_of_the_gram_matrix_of_items(training_of, monkeypatch):
    log = random_log(n_users=30, n_items=80)
    options = EASEOptions(regularisation=3.0, half_life_days=None, training_decay=0.9, kept_per_item=20)
    by_users, by_items = EASE(options), EASE(options)
    by_users.fit(training_of(log, n_items=80))
    monkeypatch.setattr(EASE, "_by_users", lambda self, matrix: None)
    by_items.fit(training_of(log, n_items=80))
    assert by_users.weights.nnz == by_items.weights.nnz == 80 * 20
    np.testing.assert_allclose(by_users.weights.toarray(), by_items.weights.toarray(), atol=1e-5)


def test_ease_of_few_users_leaves_weights_that_would_lose_digits_to_the_other_way(training_of):
    log = [[1], [2, 3, 4, 5], [4, 5, 6], [2, 6, 7, 8]]  # nothing but item 1 itself tells of the first user
    binary = np.zeros((4, 8))
    for user, chosen in enumerate(log):
        binary[user, np.array(chosen) - 1] = 1
    model = EASE(EASEOptions(regularisation=0.005, half_life_days=None))
    assert model._by_users(csr_matrix(binary, dtype=np.float32)) is None
    model.fit(training_of(log, n_items=8))
    np.testing.assert_allclose(model.weights.toarray()[1:, 1:], dense_ease(binary, 0.005), atol=1e-3)


def test_ease_learns_from_a_matrix_that_fades(training_of):
    log = random_log()
    model = EASE(EASEOptions(regularisation=2.0, half_life_days=None, training_decay=0.5))
    model.fit(training_of(log, n_items=6))
    faded = np.zeros((20, 6))
    for user, chosen in enumerate(log):
        faded[user, np.array(chosen) - 1] = 0.5 ** np.arange(len(chosen))[::-1]
    np.testing.assert_allclose(model.weights.toarray()[1:, 1:], dense_ease(faded, 2.0), atol=1e-5)


def test_ease_scores_a_history_that_fades_by_step(training_of):
    model = EASE(EASEOptions(regularisation=2.0, half_life_days=None, history_decay=0.5))
    model.fit(training_of(random_log(), n_items=6))
    expected = 0.25 * model.weights.toarray()[1] + 0.5 * model.weights.toarray()[2] + model.weights.toarray()[3]
    np.testing.assert_allclose(model.score(Histories.from_lists([[1, 2, 3]]))[0], expected, rtol=1e-5)


def test_ease_keeps_the_largest_weights_of_each_target(training_of):
    log = random_log(40)
    full, cut = (EASE(EASEOptions(regularisation=2.0, kept_per_item=kept)) for kept in (6, 2))
    full.fit(training_of(log, n_items=6))
    cut.fit(training_of(log, n_items=6))
    expected = full.weights.toarray()[1:, 1:]
    smaller = np.abs(expected) < np.sort(np.abs(expected), axis=0)[-2]
    expected[smaller] = 0
    np.testing.assert_allclose(cut.weights.toarray()[1:, 1:], expected, atol=1e-6)


@pytest.mark.parametrize("limit", [{"max_items": 3}, {"memory_gib": 3 * 3 * 4 / 2**30}])
def test_ease_fits_the_most_frequent_items_of_a_catalogue_above_its_limit(limit, training_of, caplog):
    log = [[1, 2, 3, 5], [2, 3, 4], [2, 3, 6], [3, 4], [4, 2]]  # 2, 3 and 4 occur most
    model = EASE(EASEOptions(regularisation=2.0, half_life_days=None, **limit))
    with caplog.at_level(logging.WARNING):
        report = model.fit(training_of(log, n_items=6))
    assert report["items"] == 3
    assert report["items_left_out"] == 3
    assert "ease: fitted on the 3 most frequent of 6 items, which hold 78.6 %" in caplog.text
    kept = np.array([[2 in user, 3 in user, 4 in user] for user in log], float)
    expected = np.zeros((7, 7))
    expected[2:5, 2:5] = dense_ease(kept, 2.0)
    np.testing.assert_allclose(model.weights.toarray(), expected, atol=1e-5)


def test_a_catalogue_that_fits_is_fitted_without_a_word(training_of, caplog):
    with caplog.at_level(logging.WARNING):
        report = EASE(EASEOptions()).fit(training_of([[1, 2], [2, 3]]))
    assert report == {"weights": 6, "items": 3, "items_left_out": 1}  # item 4 never occurs
    assert caplog.text == ""


def test_ease_of_a_log_without_events_scores_nothing(training_of):
    model = EASE(EASEOptions())
    model.fit(training_of([[], []]))
    np.testing.assert_array_equal(model.score(Histories.from_lists([[1]])), np.zeros((1, 5)))


def test_a_singular_gram_matrix_says_what_to_raise(training_of):
    with pytest.raises(NextactError, match="raise regularisation"):
        EASE(EASEOptions(regularisation=1e-30)).fit(training_of([[1, 2]] * 4))
