import numpy as np
import pandas as pd
import pytest

from nextact.evaluation.groups import OTHER, by_answer, by_code, by_column, by_count, by_time
from nextact.events.moments import DAY


def test_counts_fall_into_growing_bins_without_empty_ones():
    found = by_count("events", "users", np.array([1, 7, 12, 7]))
    assert found.labels == ("1", "6-10", "11-20")
    assert found.codes.tolist() == [0, 1, 2, 1]


def test_an_answer_that_nobody_gives_is_no_group():
    found = by_answer("cold", "users", np.array([True, True]), "warm", "cold")
    assert found.labels == ("warm",)


def test_codes_keep_their_order_and_lose_what_never_occurs():
    found = by_code("type", "targets", np.array([2, 0, 2], dtype=np.int8), ("view", "cart", "purchase"))
    assert found.labels == ("view", "purchase")
    assert found.codes.tolist() == [1, 0, 1]


def test_periods_cover_the_span_and_start_at_whole_days():
    times = np.array([0.5, 3, 9.9, 20, 29.7]) * DAY
    found = by_time("time", "targets", times.astype(np.int64))
    assert found.labels == ("from 1970-01-01", "from 1970-01-06", "from 1970-01-21", "from 1970-01-26")
    assert found.codes.tolist() == [0, 0, 1, 2, 3]


def test_a_span_within_a_day_is_cut_into_minutes():
    found = by_time("time", "targets", np.array([0, DAY // 2]))
    assert found.labels == ("from 1970-01-01 00:00", "from 1970-01-01 10:00")


def test_one_moment_is_one_period():
    assert by_time("time", "targets", np.array([5, 5])).codes.tolist() == [0, 0]


def test_no_times_make_no_group():
    assert by_time("time", "targets", np.zeros(0, np.int64)).labels == ()


def test_rare_values_share_a_group_and_missing_ones_have_none():
    found = by_column("brand", "targets", pd.Series(["a"] * 3 + ["b"] * 2 + ["c", "d", None]), max_groups=3)
    assert found.labels == ("a", "b", OTHER)
    assert found.codes.tolist() == [0, 0, 0, 1, 1, 2, 2, -1]
    assert found.left_out == {"no value": 1}


def test_as_many_values_as_groups_need_no_other():
    assert by_column("brand", "targets", pd.Series(["a", "b", "a"]), max_groups=2).labels == ("a", "b")


def test_numbers_of_many_values_are_binned_into_equal_parts():
    found = by_column("age", "users", pd.Series(np.arange(100.0)), max_groups=5)
    assert len(found.labels) == 5
    assert np.bincount(found.codes).tolist() == [20] * 5


def test_whole_numbers_with_gaps_are_binned_too():
    found = by_column("born", "users", pd.Series([*range(1950, 2000), None], dtype="Int64"), max_groups=10)
    assert len(found.labels) == 5
    assert found.left_out == {"no value": 1}
    assert np.bincount(found.codes + 1).tolist() == [1, *[10] * 5]


def test_numbers_of_few_values_are_groups_of_their_own():
    assert by_column("kids", "users", pd.Series([0, 1, 0]), max_groups=5).labels == ("0", "1")


def test_long_values_are_cut():
    assert len(by_column("text", "users", pd.Series(["x" * 100]), max_groups=5).labels[0]) == 30


@pytest.mark.parametrize("values", [pd.Series([None, None], dtype=object), pd.Series([np.nan, np.nan])])
def test_a_column_without_values_makes_no_group(values):
    found = by_column("brand", "users", values, max_groups=5)
    assert found.labels == ()
    assert found.left_out == {"no value": 2}
