import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.events.cleaning import accepted, clean_events, count_reasons
from nextact.events.contract import EventOptions
from nextact.events.moments import microseconds
from nextact.feedback.contract import empty_feedback
from nextact.feedback.response_events import response_events
from nextact.feedback.simulator import SimulatedShop, feedback_table, simulate
from nextact.retrieval.policies import SamplingPolicyOptions

from .conftest import random_shop, true_rewards

POLICY = SamplingPolicyOptions(temperature=0.8, epsilon=0.1)


@pytest.fixture(scope="module")
def shop():
    return random_shop(n_users=20, n_items=4, examination_K=np.array([1.0, 0.5]), seed=0)


@pytest.fixture(scope="module")
def scores(shop):
    return np.log(shop.liking_UI)


def test_the_exact_value_is_what_many_simulated_lists_earn(shop, scores):
    log = simulate(shop, scores, POLICY, lists_per_user=3000, seed=1)
    exact = true_rewards(shop, scores, POLICY)
    assert log.answered.mean(axis=0) == pytest.approx(exact, abs=4 * 0.5 / np.sqrt(60_000))


def test_the_exact_value_of_a_fixed_list_needs_no_policy(shop):
    scores = np.tile([4.0, 3.0, 2.0, 1.0], (20, 1))
    liked = shop.liking_UI.mean(axis=0)
    greedy = SamplingPolicyOptions(temperature=0.0)
    assert true_rewards(shop, scores, greedy) == pytest.approx([liked[0], 0.5 * liked[1]])


def test_a_liking_that_is_no_probability_is_refused():
    with pytest.raises(NextactError, match=r"liking_UI must be in \[0, 1\], got 0.000 to 1.200"):
        SimulatedShop(np.array([[0.0, 1.2]]), np.ones(1))


@pytest.fixture
def table(shop, scores):
    log = simulate(shop, scores, POLICY, lists_per_user=5, seed=1)
    users, items = [f"u{n}" for n in range(20)], [f"i{n}" for n in range(4)]
    return log, feedback_table(log, users, items, ["view", "purchase"], pd.Timestamp("2024-01-01"))


def test_a_simulated_log_is_a_feedback_table_that_is_accepted_whole(table, clean):
    log, feedback = table
    rows = clean(feedback)
    assert count_reasons(rows) == {"accepted": 20 * 5 * 2}
    assert feedback["outcome"].notna().sum() == log.answered.sum()
    assert (feedback["responded_at"] > feedback["shown_at"])[log.answered.ravel()].all()
    assert feedback.groupby("request_id")["rank"].apply(list).map(tuple).unique().tolist() == [(1, 2)]
    assert feedback.groupby("user_id")["shown_at"].nunique().unique().tolist() == [5]


def test_answers_become_events_that_the_events_contract_accepts_whole(table, shown):
    log, feedback = table
    events = response_events(shown(feedback)).execute()
    assert len(events) == log.answered.sum()
    assert set(events["source"]) == {"feedback"}
    moments = feedback["responded_at"].dropna().astype("datetime64[us]").astype("int64").sort_values()
    assert events["timestamp"].tolist() == moments.tolist()  # when they answered, oldest first
    options = EventOptions(event_type="event_type", event_types=("view", "purchase"), timestamp_unit="us")
    read = accepted(clean_events(events, options)).execute()
    same = ["user_id", "item_id", "event_type", "timestamp"]
    pd.testing.assert_frame_equal(
        read[same].sort_values(same, ignore_index=True), events[same].sort_values(same, ignore_index=True)
    )


def test_an_answer_without_a_time_happened_when_the_item_was_shown(raw, shown):
    (row,) = response_events(shown(raw())).execute().to_dict("records")
    assert row == {
        "user_id": "u0",
        "item_id": "002",
        "event_type": "view",
        "timestamp": microseconds("2024-03-01"),
        "source": "feedback",
    }


def test_one_answer_to_two_showings_is_one_event(raw, shown):
    table = raw().iloc[[1]]
    twice = pd.concat([table, table.assign(rank=1)], ignore_index=True).assign(responded_at=pd.Timestamp("2024-03-02"))
    assert len(response_events(shown(twice)).execute()) == 1


def test_no_feedback_is_no_events():
    assert response_events(empty_feedback()).execute().empty
