import numpy as np
import pytest

from nextact.metrics.errors import MetricsError
from nextact.metrics.targets import Targets


def test_lists_become_flat_arrays_of_stated_types() -> None:
    targets = Targets.from_lists([[3, 1], [], [2]])
    assert targets.offsets.tolist() == [0, 2, 2, 3]
    assert targets.item_index.tolist() == [3, 1, 2]
    assert (targets.offsets.dtype, targets.item_index.dtype, targets.n_missing.dtype) == (
        np.int64,
        np.int32,
        np.int64,
    )


def test_relevant_items_include_the_missing_ones() -> None:
    assert Targets.from_lists([[3, 1], [], [2]], n_missing=[0, 2, 1]).n_relevant.tolist() == [2, 2, 2]


def test_no_users_at_all_is_allowed() -> None:
    targets = Targets.from_lists([])
    assert targets.n_users == 0
    assert targets.n_relevant.tolist() == []


def test_take_follows_the_order_asked_for_and_may_repeat_a_user() -> None:
    targets = Targets.from_lists([[3, 1], [], [2]], n_missing=[5, 6, 7]).take(np.array([2, 0, 2, 1]))
    assert targets.offsets.tolist() == [0, 1, 3, 4, 4]
    assert targets.item_index.tolist() == [2, 3, 1, 2]
    assert targets.n_missing.tolist() == [7, 5, 7, 6]


def test_reachable_targets_keep_masked_in_items_and_forget_missing_ones() -> None:
    mask = np.array([True, False, True, True])
    reachable = Targets.from_lists([[3, 1], [1], [2]], n_missing=[5, 6, 0]).only(mask)
    assert reachable.item_index.tolist() == [3, 2]
    assert reachable.n_relevant.tolist() == [1, 0, 1]


def test_a_mask_shorter_than_the_catalogue_raises() -> None:
    with pytest.raises(MetricsError, match="outside the mask of items in 1 value"):
        Targets.from_lists([[3]]).only(np.array([True, True]))


def test_an_item_repeated_within_a_user_raises_with_the_user_and_item() -> None:
    with pytest.raises(MetricsError, match=r"repeated within a user in 1 value.*position 1, item 7"):
        Targets.from_lists([[7], [7, 2, 7]])


def test_the_same_item_may_be_relevant_to_two_users() -> None:
    assert Targets.from_lists([[7], [7]]).n_relevant.tolist() == [1, 1]


@pytest.mark.parametrize("item", [0, -1, 2**31])
def test_an_item_outside_the_indices_raises(item: int) -> None:
    with pytest.raises(MetricsError, match="outside 1"):
        Targets.from_lists([[1, item]])


def test_items_that_are_not_integers_raise() -> None:
    with pytest.raises(MetricsError, match="not a flat array of integers"):
        Targets.from_lists([[1.5]])  # type: ignore[list-item]


@pytest.mark.parametrize("offsets", [[0, 1], [1, 2], [], [0, 3]])
def test_offsets_that_do_not_span_the_items_raise(offsets: list[int]) -> None:
    with pytest.raises(MetricsError, match="not running from 0 to 2"):
        Targets(np.array(offsets, dtype=np.int64), np.array([1, 2]), np.zeros(1, dtype=np.int64))


def test_falling_offsets_raise() -> None:
    with pytest.raises(MetricsError, match="falling in 1 user"):
        Targets(np.array([0, 2, 1, 2]), np.array([1, 2]), np.zeros(3, dtype=np.int64))


@pytest.mark.parametrize(("n_missing", "problem"), [([0], "1 values for 2 users"), ([0, -1], "negative in 1 user")])
def test_missing_counts_that_do_not_fit_raise(n_missing: list[int], problem: str) -> None:
    with pytest.raises(MetricsError, match=problem):
        Targets.from_lists([[1], [2]], n_missing)
