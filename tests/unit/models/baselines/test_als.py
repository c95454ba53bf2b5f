import numpy as np

from nextact.models.baselines.als import ALS
from nextact.models.baselines.baseline_options import ALSOptions
from nextact.models.baselines.history_weights import read_history
from nextact.sequences.histories import Histories

N_ITEMS = 30
QUERIES = Histories.from_lists([[1, 2, 3, 3], [], [7], list(range(1, 29))])


def two_shelves(n_users=80, seed=0):
    """Users who choose from the first half of the catalogue or from the second."""
    rng = np.random.default_rng(seed)
    return [(rng.permutation(15)[:5] + 1 + 15 * rng.integers(2)).tolist() for _ in range(n_users)]


def fitted(training_of, factors=8, **options):
    model = ALS(ALSOptions(factors=factors, **options))
    model.fit(training_of(two_shelves(), n_items=N_ITEMS))
    return model


def test_scores_are_the_dense_fold_in_formula(training_of):
    model = fitted(training_of, history_decay=0.5, confidence=7.0, regularisation=0.3)
    factors = model.factors[1:].astype(float)
    weights = read_history(QUERIES, N_ITEMS, model.options, np.ones(1)).toarray()[:, 1:]
    expected = np.zeros((QUERIES.n_users, N_ITEMS))
    for user in range(QUERIES.n_users):
        trust = 1 + 7.0 * weights[user]
        chosen = (weights[user] > 0).astype(float)
        normal = factors.T @ np.diag(trust) @ factors + 0.3 * np.eye(8)
        expected[user] = factors @ np.linalg.solve(normal, factors.T @ (trust * chosen))
    np.testing.assert_allclose(model.score(QUERIES)[:, 1:], expected, rtol=1e-3, atol=1e-4)


def test_factors_settle_where_the_loss_is_least(training_of):
    model = fitted(training_of, iterations=60, confidence=5.0, regularisation=1.0)
    log = two_shelves()
    users = Histories.from_lists(log)
    weights = read_history(users, N_ITEMS, model.options.__class__(history_decay=1.0), np.ones(1)).toarray()[:, 1:]
    factors = model.factors[1:].astype(float)
    trust, chosen = 1 + 5.0 * weights, (weights > 0).astype(float)
    folded = np.stack(
        [
            np.linalg.solve(factors.T @ np.diag(c) @ factors + np.eye(8), factors.T @ (c * p))
            for c, p in zip(trust, chosen, strict=True)
        ]
    )
    again = np.stack(
        [
            np.linalg.solve(folded.T @ np.diag(c) @ folded + np.eye(8), folded.T @ (c * p))
            for c, p in zip(trust.T, chosen.T, strict=True)
        ]
    )
    np.testing.assert_allclose(folded @ again.T, folded @ factors.T, atol=0.02)


def test_a_shelf_speaks_for_its_items(training_of):
    scores = fitted(training_of, factors=2).score(Histories.from_lists([[1, 2], [20]]))
    assert scores[0, 3:16].min() > scores[0, 16:].max()
    assert scores[1, 21:].min() > scores[1, 1:16].max()


def test_terms_of_the_history_add_up_to_the_score(training_of):
    model = fitted(training_of, history_decay=0.7)
    confidence = model.history(QUERIES)
    items = np.array([4, 20, 30], np.int32)
    for user in (0, 2, 3):
        entries = slice(confidence.indptr[user], confidence.indptr[user + 1])
        own, trust = confidence.indices[entries], confidence.data[entries]
        terms = model.terms(model._regularised_gram(), own, trust, items)
        np.testing.assert_allclose(terms.sum(axis=1), model.score(QUERIES)[user, items], rtol=1e-3, atol=1e-4)


def test_evidence_comes_from_the_same_shelf(training_of):
    model = fitted(training_of, factors=2)
    evidence = model.evidence(Histories.from_lists([[2, 25], []]), np.array([[5, 28], [5, 28]], np.int32))
    assert evidence.tolist() == [[2, 25], [0, 0]]


def test_another_seed_starts_elsewhere(training_of):
    models = [ALS(ALSOptions(factors=8, iterations=1)) for _ in range(2)]
    for seed, model in enumerate(models):
        model.fit(training_of(two_shelves(), n_items=N_ITEMS, seed=seed))
    assert not np.allclose(models[0].factors, models[1].factors)
