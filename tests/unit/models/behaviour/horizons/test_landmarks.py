"""Features, landmarks and labels against a slow count, user by user."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextact.events.moments import DAY
from nextact.models.behaviour.horizons.activity import activity_features, activity_names, rhythm_features
from nextact.models.behaviour.horizons.landmarks import landmark_moments, landmark_rows
from nextact.sequences.histories import Histories
from nextact.sequences.moments import days_to_first, holdout_window, known_before, observed_until

from .....protocols import make_split
from .conftest import TYPES, UNTIL, random_log

HORIZONS = (1, 7, 30)


def rows_of(histories, until=UNTIL, most_rows=10**6, seed=0):
    moments = landmark_moments(int(histories.timestamp.min()), until, HORIZONS, step_days=5, most=6)
    return landmark_rows(histories, until, len(TYPES), HORIZONS, moments, most_rows, seed)


def frame_of(histories):
    return pd.DataFrame(
        {
            "user": histories.users_of_events,
            "type": histories.event_type,
            "day": histories.timestamp / DAY,
        }
    )


def test_counts_and_recency_are_those_of_a_slow_count(log):
    users = np.flatnonzero(log.lengths > 20)
    moments = np.full(len(users), 61 * DAY + DAY // 3)
    known = known_before(log.take(users), moments)
    found = dict(zip(activity_names(TYPES), activity_features(known, moments, len(TYPES)).T, strict=True))
    events = frame_of(known)
    for user in range(len(users)):
        own = events[events["user"] == user]
        age = moments[user] / DAY - own["day"].to_numpy()
        assert found["days since any"][user] == pytest.approx(np.log1p(age.min()), abs=1e-5)
        for days in (7, 30, 90):
            assert found[f"any in {days} days"][user] == pytest.approx(np.log1p((age <= days).sum()), abs=1e-5)
            bought = (age <= days) & (own["type"].to_numpy() == 1)
            assert found[f"purchase in {days} days"][user] == pytest.approx(np.log1p(bought.sum()), abs=1e-5)
        days_active = np.unique(np.floor(age))
        assert found["mean gap"][user] == pytest.approx(np.log1p((days_active.max() + 1) / len(days_active)), abs=1e-5)
        assert found["tenure"][user] == pytest.approx(np.log1p(age.max()), abs=1e-5)


def test_a_basket_counts_once_and_a_type_never_had_counts_as_longest_ago():
    histories = Histories.from_lists([[1, 2, 3]], [[0, 0, 0]], [[DAY, DAY, 3 * DAY]])
    found = dict(zip(activity_names(TYPES), activity_features(histories, np.array([5 * DAY]), 2)[0], strict=True))
    assert found["view in 7 days"] == pytest.approx(np.log1p(2))
    assert found["days since purchase"] == pytest.approx(np.log1p(4)) == found["tenure"]
    assert (found["never purchase"], found["never view"]) == (1, 0)


def test_every_feature_has_a_name_and_is_finite(log):
    rows = rows_of(log)
    assert rows.activity.shape[1] == len(activity_names(TYPES)) == len(set(activity_names(TYPES)))
    assert np.isfinite(rows.inputs()).all()


def test_the_rhythm_of_a_weekly_shopper_points_at_the_day_that_comes():
    weekly = Histories.from_lists([[1] * 10], timestamps=[[7 * week * DAY + DAY // 2 for week in range(10)]])
    today, tomorrow = (rhythm_features(weekly, np.array([70 * DAY - back * DAY]))[0, :7] for back in (0, 1))
    assert today.tolist() == [0, 0, 0, 0, 0, 0, 1]  # the seventh day back is the day that begins now
    assert tomorrow.tolist() == [0, 0, 0, 0, 0, 1, 0]


def test_landmarks_observe_the_shortest_horizon_and_no_more_than_asked_observe_the_longest():
    moments = landmark_moments(0, UNTIL, HORIZONS, step_days=5, most=6)
    assert (np.diff(moments) == 5 * DAY).all()
    assert moments[-1] == UNTIL - DAY
    assert ((UNTIL - moments) >= 30 * DAY).sum() == 6
    assert len(landmark_moments(0, DAY, HORIZONS, step_days=5, most=6)) == 0


def test_labels_are_those_of_a_slow_look_at_the_events(log):
    rows, events = rows_of(log), frame_of(log)
    picked = rows.take(np.random.default_rng(1).choice(len(rows.user), 60, replace=False))
    for row in range(len(picked.user)):
        start = picked.moment[row] / DAY
        own = events[(events["user"] == picked.user[row]) & (events["day"] >= start)]
        for place, days in enumerate(HORIZONS):
            assert picked.observed[row, place] == (start + days <= UNTIL / DAY)
            if picked.observed[row, place]:
                within = own[own["day"] <= start + days]
                assert picked.happened[row, :, place].tolist() == [(within["type"] == code).any() for code in (0, 1)]


def test_a_user_is_a_row_only_where_something_is_known_of_them(log):
    rows = rows_of(log)
    assert 0 not in rows.user
    first = log.timestamp[log.offsets[:-1][rows.user]]
    assert (first < rows.moment).all()


def test_a_bound_on_rows_draws_users_by_the_seed(log):
    rows, again, other = (rows_of(log, most_rows=200, seed=seed) for seed in (0, 0, 1))
    assert len(rows.user) <= 200
    np.testing.assert_array_equal(rows.user, again.user)
    assert not np.array_equal(rows.user, other.user)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 50), until_day=st.integers(40, 95))
def test_what_happens_after_the_training_window_changes_nothing(seed, until_day):
    histories, until = random_log(n_users=12, seed=seed), until_day * DAY
    other = random_log(n_users=12, seed=seed + 1000)
    past, future = known_before(histories, np.full(12, until)), other.timestamp >= until
    items, types, times = [], [], []
    for user in range(12):
        own = slice(past.offsets[user], past.offsets[user + 1])
        late = np.arange(other.offsets[user], other.offsets[user + 1])
        late = late[future[late]]
        for found, mine, theirs in (
            (items, past.item_index[own], other.item_index[late]),
            (types, past.event_type[own], other.event_type[late]),
            (times, past.timestamp[own], other.timestamp[late]),
        ):
            found.append([*mine.tolist(), *theirs.tolist()])
    changed = Histories.from_lists(items, types, times)
    for name, value in vars(rows_of(histories, until)).items():
        np.testing.assert_array_equal(value, vars(rows_of(changed, until))[name], err_msg=name)


def test_an_event_at_the_moment_is_to_come_and_one_at_the_end_is_not_seen():
    histories = Histories.from_lists([[1, 2, 3]], [[0, 1, 0]], [[DAY, 2 * DAY, 9 * DAY]])
    moments = np.array([2 * DAY])
    assert known_before(histories, moments).item_index.tolist() == [1]
    assert days_to_first(histories, moments, 2, until=9 * DAY).tolist() == [[np.inf, 0.0]]
    assert days_to_first(histories, moments, 2, until=9 * DAY + 1).tolist() == [[7.0, 0.0]]


def test_cuts_of_a_part_of_the_users_are_the_same_as_of_all(log):
    some = np.array([5, 3, 3])
    whole = days_to_first(log, np.full(log.n_users, 50 * DAY), 2, UNTIL)
    np.testing.assert_array_equal(days_to_first(log.take(some), np.full(3, 50 * DAY), 2, UNTIL), whole[some])


def test_windows_are_known_under_a_time_split_alone(log):
    split = make_split(validation_from="1970-02-01", test_from="1970-03-01")
    assert holdout_window(split, "validation", log) == (31 * DAY, 59 * DAY)
    assert holdout_window(split, "test", log) == (59 * DAY, int(log.timestamp.max()) + 1)
    assert observed_until(split, log) == 31 * DAY
    assert holdout_window(make_split("leave_one_out"), "test", log) is None
    assert observed_until(make_split("leave_one_out"), log) is None
    assert observed_until(make_split("unseen_users"), log) == int(log.timestamp.max()) + 1


def test_no_event_at_or_after_the_moment_is_known_even_where_times_fall():
    histories = Histories.from_lists([[1, 2, 3], [4]], timestamps=[[1, 9, 2], [9]])
    assert known_before(histories, np.array([5, 5])).item_index.tolist() == [1]
