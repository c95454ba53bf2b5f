import numpy as np
import pytest

from nextact.errors import NextactError
from nextact.events.moments import DAY
from nextact.models.baselines.baseline_options import EventWeightOptions, HistoryOptions
from nextact.models.baselines.gaps import due_factors, item_gaps
from nextact.models.baselines.history_weights import (
    counted_events,
    largest_weights,
    read_history,
    type_weights,
)
from nextact.options import OptionsError
from nextact.sequences.histories import Histories


def test_steps_age_and_type_all_weigh():
    options = HistoryOptions(history_decay=0.5, half_life_days=10.0)
    histories = Histories.from_lists(
        [[1, 2, 1], [3]],
        event_types=[[0, 1, 1], [0]],
        timestamps=[[0, 20 * DAY, 30 * DAY], [5]],
    )
    weights = read_history(histories, 3, options, np.array([1.0, 4.0])).toarray()
    np.testing.assert_allclose(weights[0], [0, 0.25 * 0.125 * 1 + 4, 0.5 * 0.5 * 4, 0], rtol=1e-6)
    np.testing.assert_allclose(weights[1], [0, 0, 0, 1])


def test_all_steps_are_read_unless_told():
    histories = Histories.from_lists([[1, 2, 3]])
    assert read_history(histories, 3, HistoryOptions(), np.ones(1)).toarray().tolist() == [[0, 1, 1, 1]]
    two = HistoryOptions(history_steps=2)
    assert read_history(histories, 3, two, np.ones(1)).toarray().tolist() == [[0, 0, 1, 1]]


def test_the_newest_steps_are_counted_without_types_that_weigh_nothing():
    histories = Histories.from_lists([[1, 2, 3]], event_types=[[1, 0, 0]])
    one = HistoryOptions(history_steps=1)
    assert read_history(histories, 3, one, np.array([0.0, 1.0])).toarray().tolist() == [[0, 1, 0, 0]]


def test_counted_events_keeps_baskets_and_users():
    histories = Histories.from_lists(
        [[1, 2, 3, 4], [5], []], event_types=[[0, 1, 1, 0], [0], []], timestamps=[[0, 0, 0, 1], [0], []]
    )
    kept = counted_events(histories, np.array([0.0, 1.0]))
    assert kept.offsets.tolist() == [0, 2, 2, 2]
    assert kept.item_index.tolist() == [2, 3]
    assert kept.starts_step.tolist() == [True, False]
    assert counted_events(histories, np.ones(2)) is histories


def test_the_heaviest_of_repeated_events_counts():
    histories = Histories.from_lists([[1, 2, 1], [2]])
    found = largest_weights(histories, 2, np.array([0.25, 0.0, 0.5, 1.0]))
    assert found.toarray().tolist() == [[0, 0.5, 0], [0, 0, 1]]
    assert found.nnz == 2


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"history_steps": 0}, "HistoryOptions.history_steps must be at least 1, got 0"),
        ({"history_decay": 0.0}, r"HistoryOptions.history_decay must be in \(0, 1\], got 0.0"),
        ({"half_life_days": -1.0}, "HistoryOptions.half_life_days must be above 0"),
        ({"event_weights": {"buy": -1.0}}, r"HistoryOptions.event_weights.buy must be at least 0, got -1.0"),
    ],
)
def test_wrong_options_say_why(values, problem):
    with pytest.raises(OptionsError, match=problem):
        HistoryOptions(**values)


def test_an_unknown_event_type_is_refused():
    with pytest.raises(NextactError, match="no event type 'x'; known: buy, view"):
        type_weights(EventWeightOptions(event_weights={"x": 1.0}), ("view", "buy"))


def test_gaps_count_steps_and_an_item_once_a_step():
    histories = Histories.from_lists([[1, 1, 2, 1], [2, 1]], timestamps=[[0, 0, 1, 3], [0, 0]])
    assert item_gaps(histories, 2).tolist() == [0, 2, 0]


def test_own_gaps_and_the_items_mean_gap_both_count():
    # own gaps of item 1: two of 1 step; its mean gap is 4: (1 + 1 + 4) / 3 = 2, and one step has passed
    histories = Histories.from_lists([[1, 1, 1]])
    np.testing.assert_allclose(due_factors(histories, np.array([0.0, 4.0]), 1.0).toarray(), [[0, 0.5]])
    np.testing.assert_allclose(due_factors(histories, np.array([0.0, 4.0]), 2.0).toarray(), [[0, 0.25]])


def test_an_item_whose_gap_nobody_has_shown_is_due():
    np.testing.assert_allclose(due_factors(Histories.from_lists([[2]]), np.zeros(3), 1.0).toarray(), [[0, 0, 1]])


def test_gaps_of_nobody_are_unknown():
    assert item_gaps(Histories.from_lists([[], []]), 2).tolist() == [0, 0, 0]
    assert due_factors(Histories.from_lists([[], []]), np.zeros(3), 1.0).nnz == 0
