import numpy as np
import pytest

from nextact.metrics import lists as module
from nextact.metrics.errors import MetricsError
from nextact.metrics.lists import category_diversity, coverage, gini, intra_list_diversity, novelty, popularity_lift

NOTHING = np.zeros((2, 3), dtype=np.int32)
COUNTS = np.array([0, 4, 2, 1])


def test_nothing_recommended_covers_nothing() -> None:
    assert coverage(NOTHING, n_items=5) == 0


def test_no_users_cover_nothing() -> None:
    assert coverage(np.zeros((0, 3), dtype=np.int32), n_items=5) == 0


def test_coverage_counts_an_item_once() -> None:
    assert coverage(np.array([[1], [1], [1]]), n_items=2) == 0.5


def test_gini_of_equal_counts_is_zero() -> None:
    assert gini(np.array([[1, 2], [3, 4]]), n_items=4) == 0


def test_gini_of_one_item_everywhere_is_the_upper_end() -> None:
    assert gini(np.array([[2], [2], [2]]), n_items=4) == 1 - 1 / 4


def test_an_item_never_seen_in_training_has_finite_novelty() -> None:
    assert novelty(np.array([[3]]), np.array([0, 4, 1, 0])) == pytest.approx(3.0)  # -log2(1 / 8)


def test_novelty_ignores_the_count_of_padding() -> None:
    lists = np.array([[1, 2]])
    assert novelty(lists, np.array([99, 4, 1, 0])) == novelty(lists, np.array([0, 4, 1, 0]))


def test_opposite_vectors_are_at_distance_two() -> None:
    assert intra_list_diversity(np.array([[1, 2]]), np.array([[0.0], [3.0], [-1.0]])) == 2


def test_a_zero_vector_is_at_distance_one() -> None:
    assert intra_list_diversity(np.array([[1, 2]]), np.array([[0.0], [3.0], [0.0]])) == 1


def test_the_padding_vector_does_not_count() -> None:
    vectors = np.array([[5.0, 5.0], [1.0, 0.0], [0.0, 1.0]])
    assert intra_list_diversity(np.array([[1, 2, 0]]), vectors) == pytest.approx(1)


def test_diversity_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lists = np.array([rng.permutation(9)[:4] for _ in range(7)])
    vectors = rng.normal(size=(9, 3))
    whole = intra_list_diversity(lists, vectors)
    monkeypatch.setattr(module, "USERS_PER_BLOCK", 2)
    assert intra_list_diversity(lists, vectors) == pytest.approx(whole)


def test_lists_of_one_item_have_no_diversity() -> None:
    with pytest.raises(MetricsError, match="no user with two items"):
        intra_list_diversity(np.array([[1, 0]]), np.ones((2, 2)))


def test_a_vector_that_is_not_finite_raises() -> None:
    with pytest.raises(MetricsError, match=r"vectors: not finite in 1 recommended item"):
        intra_list_diversity(np.array([[1, 2]]), np.array([[0.0], [np.nan], [1.0]]))


def test_lift_is_one_when_lists_repeat_histories() -> None:
    assert popularity_lift(np.array([[1, 2], [3, 0]]), np.array([2, 1, 3]), np.array([0, 2, 3]), COUNTS) == 1


def test_lift_leaves_out_users_without_list_or_history() -> None:
    lists = np.array([[1], [0], [2]])
    history_items, history_offsets = np.array([3, 2]), np.array([0, 1, 2, 2])
    assert popularity_lift(lists, history_items, history_offsets, COUNTS) == 4


def test_padded_histories_count_the_same() -> None:
    lists = np.array([[1], [2]])
    ragged = popularity_lift(lists, np.array([3, 2, 1]), np.array([0, 1, 3]), COUNTS)
    assert popularity_lift(lists, np.array([0, 3, 2, 1]), np.array([0, 2, 4]), COUNTS) == ragged


def test_users_weigh_the_same_whatever_the_length_of_their_history() -> None:
    lists = np.array([[1], [1]])
    # Means 1 and 2, not the mean over the four events.
    assert popularity_lift(lists, np.array([3, 3, 3, 2]), np.array([0, 3, 4]), COUNTS) == pytest.approx(4 / 1.5)


def test_lift_without_common_users_raises() -> None:
    with pytest.raises(MetricsError, match="no user with a list and a history"):
        popularity_lift(np.array([[1]]), np.array([], dtype=np.int32), np.array([0, 0]), COUNTS)


def test_lift_over_histories_without_events_raises() -> None:
    with pytest.raises(MetricsError, match="only items without events"):
        popularity_lift(np.array([[1]]), np.array([2]), np.array([0, 1]), np.array([0, 4, 0]))


def test_histories_of_other_users_raise() -> None:
    with pytest.raises(MetricsError, match="2 values for 2 users"):
        popularity_lift(np.array([[1], [2]]), np.array([3]), np.array([0, 1]), COUNTS)


def test_metrics_undefined_without_recommendations_raise() -> None:
    with pytest.raises(MetricsError, match="nothing recommended"):
        gini(NOTHING, n_items=5)
    with pytest.raises(MetricsError, match="nothing recommended"):
        novelty(NOTHING, COUNTS)


@pytest.mark.parametrize("item", [-1, 6])
def test_an_item_outside_the_catalogue_raises(item: int) -> None:
    with pytest.raises(MetricsError, match=r"item_index outside 0\.\.5 in 1 value"):
        coverage(np.array([[1, item]]), n_items=5)


def test_an_item_repeated_in_a_list_raises_but_empty_places_may_repeat() -> None:
    assert coverage(np.array([[1, 0, 0]]), n_items=1) == 1
    with pytest.raises(MetricsError, match="an item repeated in 1 user"):
        coverage(np.array([[1, 0, 0], [2, 1, 2]]), n_items=2)


def test_negative_popularity_raises() -> None:
    with pytest.raises(MetricsError, match="negative count in 1 item"):
        novelty(np.array([[1]]), np.array([0, -1]))


def test_category_diversity_is_the_share_of_pairs_that_differ() -> None:
    rng = np.random.default_rng(3)
    categories = rng.integers(-1, 3, 30)
    lists = np.array([rng.permutation(29)[:5] + 1 for _ in range(20)], dtype=np.int32)
    lists[:5, 3:] = 0
    of_users = []
    for items in lists:
        pairs = [(a, b) for a in items for b in items if a != b and a and b]
        of_users.append(np.mean([categories[a] != categories[b] or categories[a] < 0 for a, b in pairs]))
    assert category_diversity(lists, categories) == pytest.approx(np.mean(of_users))


def test_category_diversity_needs_a_pair() -> None:
    with pytest.raises(MetricsError, match="no user with two items"):
        category_diversity(np.array([[1, 0]]), np.array([0, 1, 2]))
