import dataclasses

import numpy as np
import pytest

from nextact.errors import CannotFit
from nextact.models.baselines.baseline_options import PopularityForecastOptions, PopularityOptions
from nextact.models.baselines.popularity import Popularity
from nextact.models.baselines.popularity_forecast import (
    PAST,
    PopularityForecast,
    events_after,
    landmarks,
    past_of_items,
)
from nextact.options import OptionsError
from nextact.sequences.histories import Histories

DAY = 86_400_000_000
OPTIONS = PopularityForecastOptions(days=20.0, landmarks=5, landmark_days=20.0, min_leaf=5, trees=60)


def novelties(n_items=60, events_early=20, n_days=200, seed=0):
    """Every item is new at some day, bought daily for twenty days, then once in forty; user 0 buys all of it.

    By counts an old item leads, by what comes next the newest do.
    """
    random = np.random.default_rng(seed)
    log = []
    for item in range(1, n_items + 1):
        start = int(random.integers(-60, n_days))
        log += [(start + day, item) for day in range(events_early)]
        log += [(day, item) for day in range(start + events_early + 40, n_days, 40)]
    log = sorted((day, item) for day, item in log if 0 <= day < n_days)
    return [item for _, item in log], [day * DAY for day, _ in log]


def test_what_novelties_got_at_earlier_moments_is_expected_of_the_new_items_of_today(training_of):
    items, times = novelties()
    later = Histories.from_lists([items], timestamps=[times])
    today = 180 * DAY
    known = [(item, time) for item, time in zip(items, times, strict=True) if time < today]
    training = training_of([[item for item, _ in known]], [[time for _, time in known]], n_items=60)
    training = dataclasses.replace(training, observed_until=today)
    demand, popularity = PopularityForecast(OPTIONS), Popularity(PopularityOptions())
    report = demand.fit(training)
    popularity.fit(training)
    came = events_after(later, np.ones(later.n_events), 60, today, 20.0)
    right = [np.corrcoef(model.counts[1:], came)[0, 1] for model in (demand, popularity)]
    assert right[0] > 0.7 > 0.3 > right[1]
    assert report["landmarks"] == 5
    assert report["expected_events"] == pytest.approx(came.sum(), rel=0.4)


def test_an_event_type_that_weighs_nothing_is_as_if_it_had_not_happened(training_of):
    items, times = novelties()
    plain = training_of([items], [times], n_items=60)
    twice = [value for value in items for _ in range(2)], [value for value in times for _ in range(2)]
    codes = [code for _ in items for code in (0, 1)]
    seen = Histories.from_lists(
        [twice[0]], [codes], [[time + code for time, code in zip(twice[1], codes, strict=True)]]
    )
    both = dataclasses.replace(plain, histories=seen, event_types=("buy", "view"), observed_until=201 * DAY)
    alone, among = (
        PopularityForecast(OPTIONS),
        PopularityForecast(dataclasses.replace(OPTIONS, event_weights={"view": 0.0})),
    )
    alone.fit(dataclasses.replace(plain, observed_until=201 * DAY))
    among.fit(both)
    np.testing.assert_array_equal(among.counts, alone.counts)


def test_nothing_at_or_after_the_moment_is_read_of_an_items_past():
    log = Histories.from_lists([[1, 1, 2]], timestamps=[[0, 10 * DAY, 20 * DAY]])
    found = past_of_items(log, np.array([1.0, 2.0, 1.0]), 2, 20 * DAY)
    first = dict(zip(PAST, found[0].tolist(), strict=True))
    assert (first["events"], first["age_days"], first["idle_days"]) == (3, 20, 10)
    assert (first["events_in_7_days"], first["events_in_14_days"], first["events_in_30_days"]) == (0, 2, 3)
    assert first["events_halved_in_5_days"] == pytest.approx(2 / 4 + 1 / 16)
    assert first["events_a_day"] == pytest.approx(3 / 20)
    second = dict(zip(PAST, found[1].tolist(), strict=True))
    assert second["events"] == 0
    assert np.isnan([second["age_days"], second["idle_days"]]).all()


def test_only_users_with_a_history_are_counted_and_only_within_the_days():
    log = Histories.from_lists([[1, 2, 2, 1], [2]], timestamps=[[0, 5 * DAY, 14 * DAY, 15 * DAY], [6 * DAY]])
    assert events_after(log, np.ones(5), 2, 5 * DAY, 10.0).tolist() == [0, 2]


def test_a_landmark_needs_the_days_before_and_after_it():
    log = Histories.from_lists([[1, 1]], timestamps=[[0, 100 * DAY]])
    found = landmarks(log, 101 * DAY, OPTIONS)
    assert (found // DAY).tolist() == [81, 61, 41, 21]


@pytest.mark.parametrize("times", [None, [[0, DAY, 2 * DAY]]])
def test_counts_stand_in_where_a_log_is_without_times_or_short(training_of, times, caplog):
    demand = PopularityForecast(OPTIONS)
    report = demand.fit(training_of([[2, 2, 1]], times))
    assert report["landmarks"] == 0
    assert "counts stand in" in caplog.text
    np.testing.assert_allclose(demand.counts[1:3], np.log([1, 2]), atol=1e-6)


def test_without_a_known_end_of_observation_the_log_ends_with_its_newest_event(training_of):
    items, times = novelties()
    training = training_of([items], [times], n_items=60)
    known, unknown = PopularityForecast(OPTIONS), PopularityForecast(OPTIONS)
    unknown.fit(training)
    known.fit(dataclasses.replace(training, observed_until=max(times) + 1))
    np.testing.assert_array_equal(known.counts, unknown.counts)


def test_a_loaded_demand_scores_the_same(training_of, tmp_path):
    items, times = novelties()
    model = PopularityForecast(OPTIONS)
    model.fit(training_of([items], [times], n_items=60))
    model.save(tmp_path)
    user = Histories.from_lists([[1], [2]])
    np.testing.assert_array_equal(PopularityForecast.load(tmp_path).score(user), model.score(user))


@pytest.mark.parametrize("wrong", [{"days": 0.0}, {"landmarks": 0}, {"leaves": 1}, {"learning_rate": 0.0}])
def test_demand_options_out_of_range_are_refused(wrong):
    with pytest.raises(OptionsError):
        PopularityForecastOptions(**wrong)


def test_where_nobody_known_came_back_after_any_landmark_there_is_no_demand_to_learn(training_of):
    """An event months before all others makes a log long enough for landmarks, and nobody was there before them."""
    training = training_of([[1], [2, 3], [3, 1]], [[0], [200 * DAY, 201 * DAY], [200 * DAY, 202 * DAY]])
    with pytest.raises(CannotFit, match=r"no user with an event before one of 5 landmark\(s\) has another in the 20"):
        PopularityForecast(OPTIONS).fit(training)
