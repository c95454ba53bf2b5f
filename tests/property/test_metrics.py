"""Metrics against a second, slow way of computing them."""

from collections.abc import Iterator
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextact.metrics import tie_groups
from nextact.metrics.comparison import holm
from nextact.metrics.lists import coverage, gini, intra_list_diversity
from nextact.metrics.ranking import ranking_metrics
from nextact.metrics.targets import Targets

MASKED = -np.inf
N_ITEMS = 6


def orders(scores: list[float]) -> Iterator[list[int]]:
    """Every ranking of the unmasked items that the scores allow."""
    levels = sorted({score for score in scores if score > MASKED}, reverse=True)
    groups = [[item for item, score in enumerate(scores, start=1) if score == level] for level in levels]
    for ordered_groups in product(*(permutations(group) for group in groups)):
        yield [item for group in ordered_groups for item in group]


def metrics_of(ranking: list[int], relevant: set[int], n_relevant: int, k: int) -> dict[str, float]:
    """One ranking, straight from the textbook."""
    hits = [item in relevant for item in ranking[:k]]
    found = [rank for rank, hit in enumerate(hits, start=1) if hit]
    ideal = min(k, n_relevant)
    return {
        f"hit_rate@{k}": float(bool(found)),
        f"recall@{k}": len(found) / n_relevant,
        f"precision@{k}": len(found) / k,
        f"ndcg@{k}": sum(1 / np.log2(r + 1) for r in found) / sum(1 / np.log2(r + 1) for r in range(1, ideal + 1)),
        f"mrr@{k}": 1 / found[0] if found else 0.0,
        f"map@{k}": sum(place / rank for place, rank in enumerate(found, start=1)) / ideal,
    }


score_rows = st.lists(st.sampled_from([MASKED, 0.0, 1.0, 2.0]), min_size=N_ITEMS, max_size=N_ITEMS)
relevant_sets = st.sets(st.integers(1, N_ITEMS), min_size=1)


@settings(max_examples=200, deadline=None)
@given(
    score_rows, relevant_sets, st.integers(0, 3), st.lists(st.integers(1, 8), min_size=1, unique=True), st.booleans()
)
def test_ties_count_as_the_mean_over_all_orders(
    scores: list[float], relevant: set[int], n_missing: int, ks: list[int], partition: bool
) -> None:
    row = np.array([[MASKED, *scores]], dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tie_groups, "MOST_COMPARISONS", 0 if partition else N_ITEMS)
        ours = ranking_metrics(row, Targets.from_lists([sorted(relevant)], [n_missing]), ks)
    all_orders = list(orders(scores))
    for k in ks:
        each = [metrics_of(order, relevant, len(relevant) + n_missing, k) for order in all_orders]
        for name in each[0]:
            assert ours[name][0] == pytest.approx(np.mean([values[name] for values in each]), abs=1e-12), name


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(score_rows, relevant_sets), min_size=1, max_size=6))
def test_users_do_not_influence_each_other(users: list[tuple[list[float], set[int]]]) -> None:
    scores = np.array([[MASKED, *row] for row, _ in users], dtype=np.float32)
    targets = Targets.from_lists([sorted(items) for _, items in users])
    together = ranking_metrics(scores, targets, ks=(3,))
    order = np.arange(len(users))[::-1]
    reversed_users = ranking_metrics(scores[order], targets.take(order), ks=(3,))
    for name, values in together.items():
        np.testing.assert_allclose(reversed_users[name], values[order], atol=1e-12)
        assert (values >= 0).all()
        assert (values <= 1 + 1e-12).all()


lists_of_items = st.lists(st.lists(st.integers(1, N_ITEMS), unique=True, min_size=2, max_size=4), min_size=1)


def padded(lists: list[list[int]]) -> np.ndarray:
    return np.array([items + [0] * (4 - len(items)) for items in lists], dtype=np.int32)


@settings(max_examples=60, deadline=None)
@given(lists_of_items)
def test_gini_is_half_the_relative_mean_difference(lists: list[list[int]]) -> None:
    counts = np.bincount([item for items in lists for item in items], minlength=N_ITEMS + 1)[1:]
    differences = np.abs(counts[:, None] - counts[None, :]).mean()
    assert gini(padded(lists), N_ITEMS) == pytest.approx(differences / (2 * counts.mean()))
    assert coverage(padded(lists), N_ITEMS) == (counts > 0).mean()


@settings(max_examples=60, deadline=None)
@given(lists_of_items, st.integers(0, 1000))
def test_diversity_is_the_mean_over_pairs(lists: list[list[int]], seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(N_ITEMS + 1, 3)).astype(np.float32)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    of_users = [np.mean([1 - units[a] @ units[b] for a in items for b in items if a != b]) for items in lists]
    assert intra_list_diversity(padded(lists), vectors) == pytest.approx(np.mean(of_users), abs=1e-5)


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_the_order(p_values: dict[str, float]) -> None:
    adjusted = holm(p_values)
    assert list(adjusted) == list(p_values)
    for a, b in product(p_values, repeat=2):
        assert p_values[a] <= adjusted[a] <= 1
        if p_values[a] < p_values[b]:
            assert adjusted[a] <= adjusted[b]
