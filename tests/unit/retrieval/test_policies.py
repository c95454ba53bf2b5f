from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.feedback.lists import explore, ranked_lists
from nextact.options import OptionsError
from nextact.retrieval.policies import (
    NOTHING,
    SamplingPolicyOptions,
    next_probabilities,
    sample_slates,
    slate_probabilities,
)

SCORES = np.log(np.array([0.5, 0.25, 0.15, 0.1]))
POLICIES = [
    SamplingPolicyOptions(),
    SamplingPolicyOptions(temperature=3.0),
    SamplingPolicyOptions(temperature=0.0),
    SamplingPolicyOptions(temperature=0.0, epsilon=0.3),
    SamplingPolicyOptions(temperature=0.7, epsilon=0.5),
    SamplingPolicyOptions(epsilon=1.0),
]


def by_hand(order, policy):
    """Probability of a list, item by item, in plain arithmetic."""
    left, probability = list(range(len(SCORES))), 1.0
    for item in order:
        if policy.temperature == 0:
            ranked = float(item == max(left, key=lambda one: SCORES[one]))
        else:
            weights = {one: np.exp(SCORES[one] / policy.temperature) for one in left}
            ranked = weights[item] / sum(weights.values())
        probability *= (1 - policy.epsilon) * ranked + policy.epsilon / len(left)
        left.remove(item)
    return probability


@pytest.mark.parametrize("policy", POLICIES)
def test_the_probabilities_of_all_lists_are_those_by_hand_and_sum_to_1(policy):
    orders = np.array(list(permutations(range(4), 3)))
    found = slate_probabilities(np.tile(SCORES, (len(orders), 1)), orders, policy).prod(axis=1)
    assert found == pytest.approx([by_hand(order, policy) for order in orders])
    assert found.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("policy", POLICIES)
def test_drawn_lists_come_as_often_as_their_probabilities_say(policy):
    n_drawn = 40_000
    drawn = sample_slates(np.tile(SCORES, (n_drawn, 1)), 2, policy, seed=0)
    orders, counts = np.unique(drawn.positions, axis=0, return_counts=True)
    share = dict(zip(map(tuple, orders.tolist()), counts / n_drawn, strict=True))
    for order in permutations(range(4), 2):
        expected = by_hand(order, policy)
        spread = np.sqrt(expected * (1 - expected) / n_drawn)
        assert share.get(order, 0.0) == pytest.approx(expected, abs=4.5 * spread + 1e-12)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_propensities_of_drawn_lists_are_those_of_the_lists(policy):
    scores = np.random.default_rng(0).normal(size=(200, 6))
    drawn = sample_slates(scores, 4, policy, seed=1)
    assert drawn.propensity == pytest.approx(slate_probabilities(scores, drawn.positions, policy))
    assert ((drawn.propensity > 0) & (drawn.propensity <= 1)).all()
    assert all(len(set(row)) == 4 for row in drawn.positions.tolist())


def test_the_same_seed_draws_the_same_lists_and_another_seed_others():
    scores = np.random.default_rng(0).normal(size=(50, 6))
    first, again, other = (sample_slates(scores, 3, SamplingPolicyOptions(), seed=seed).positions for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_a_low_temperature_draws_what_temperature_0_takes():
    scores = np.random.default_rng(0).permuted(np.tile(np.arange(6.0), (50, 1)), axis=1)
    cold, greedy = (sample_slates(scores, 3, SamplingPolicyOptions(temperature=t), seed=1) for t in (1e-3, 0.0))
    assert (cold.positions == greedy.positions).all()
    assert (np.take_along_axis(scores, greedy.positions, axis=1) == [5, 4, 3]).all()


def test_equal_scores_are_taken_in_order_at_temperature_0():
    drawn = sample_slates(np.zeros((2, 3)), 3, SamplingPolicyOptions(temperature=0.0), seed=0)
    assert drawn.positions.tolist() == [[0, 1, 2]] * 2
    assert drawn.propensity.tolist() == [[1.0] * 3] * 2


def test_an_item_that_may_not_be_shown_is_never_drawn_and_empty_places_stay_empty():
    scores = np.array([[0.0, -np.inf, 1.0], [-np.inf] * 3])
    drawn = sample_slates(scores, 3, SamplingPolicyOptions(epsilon=0.9), seed=0)
    assert set(drawn.positions[0].tolist()) == {0, 2, NOTHING}
    assert drawn.positions[0, 2] == NOTHING
    assert drawn.positions[1].tolist() == [NOTHING] * 3
    assert np.isnan(drawn.propensity).tolist() == [[False, False, True], [True] * 3]


def test_a_logged_item_that_the_policy_may_not_show_has_probability_0():
    scores = np.array([[0.0, -np.inf, 1.0]])
    assert slate_probabilities(scores, np.array([[1, 0]]), SamplingPolicyOptions())[0, 0] == 0.0


def test_scores_far_apart_do_not_overflow():
    scores = np.array([[1e4, -1e4, 0.0]])
    found = next_probabilities(scores, np.ones((1, 3), dtype=bool), SamplingPolicyOptions(temperature=1e-3))
    assert found.tolist() == [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("scores", "places", "message"),
    [
        ([[0.0, np.nan]], 1, r"NaN or \+inf in 1 row.*row 0, column 1"),
        ([[0.0, np.inf]], 1, r"\+inf"),
        ([[0.0]], 0, "0 places"),
        (np.zeros((1, 0)), 1, "0 items"),
    ],
)
def test_what_cannot_be_drawn_from_is_refused(scores, places, message):
    with pytest.raises(NextactError, match=message):
        sample_slates(np.array(scores), places, SamplingPolicyOptions(), seed=0)


def test_a_list_with_an_item_twice_is_refused():
    with pytest.raises(NextactError, match=r"an item twice in 1 list\(s\), e.g. \[2, 0, 2\] in row 1"):
        slate_probabilities(np.zeros((2, 3)), np.array([[0, 1, NOTHING], [2, 0, 2]]), SamplingPolicyOptions())


@pytest.mark.parametrize("wrong", [{"temperature": -1.0}, {"temperature": float("nan")}, {"epsilon": 1.1}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(OptionsError, match=next(iter(wrong))):
        SamplingPolicyOptions(**wrong)


@pytest.fixture
def recommendations():
    rng = np.random.default_rng(0)
    rows = [(f"u{user}", f"i{item}", item) for user in (2, 0, 1) for item in range(1, 6) if (user, item) != (1, 5)]
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "rank"])
    table["probability"] = rng.dirichlet(np.ones(20), 1)[0, : len(table)]
    return table.sample(frac=1, random_state=1)  # in no order, with a shuffled index


def test_ranked_lists_are_padded_and_point_at_their_rows(recommendations):
    lists = ranked_lists(recommendations)
    assert lists.user_ids.tolist() == ["u0", "u1", "u2"]
    assert lists.row[1, 4] == -1
    assert lists.score[1, 4] == -np.inf
    ordered = recommendations.iloc[lists.row[2]]
    assert ordered["user_id"].unique().tolist() == ["u2"]
    assert ordered["rank"].tolist() == [1, 2, 3, 4, 5]
    assert lists.score[2] == pytest.approx(np.log(ordered["probability"]))


def test_exploring_keeps_rows_whole_and_notes_their_propensities(recommendations):
    before = recommendations.copy()
    drawn = explore(recommendations, 3, SamplingPolicyOptions(temperature=2.0, epsilon=0.1), seed=0)
    pd.testing.assert_frame_equal(recommendations, before)
    assert drawn.groupby("user_id")["rank"].apply(list).to_dict() == {user: [1, 2, 3] for user in ("u0", "u1", "u2")}
    assert not drawn.duplicated(["user_id", "item_id"]).any()
    merged = drawn.merge(recommendations, on=["user_id", "item_id"], suffixes=("", "_was"))
    assert (merged["probability"] == merged["probability_was"]).all()
    first = drawn[drawn["rank"] == 1].iloc[0]
    weights = recommendations[recommendations["user_id"] == "u0"].set_index("item_id")["probability"] ** 0.5
    expected = 0.9 * weights[first["item_id"]] / weights.sum() + 0.1 / 5
    assert first["propensity"] == pytest.approx(expected)


def test_exploring_at_temperature_0_shows_the_ranking_itself(recommendations):
    table = recommendations.assign(probability=1 / recommendations["rank"])
    drawn = explore(table, 2, SamplingPolicyOptions(temperature=0.0), seed=0)
    assert drawn["item_id"].tolist() == ["i1", "i2"] * 3
    assert (drawn["propensity"] == 1).all()


def test_a_probability_that_has_become_0_is_still_possible(recommendations):
    drawn = explore(recommendations.assign(probability=0.0), 5, SamplingPolicyOptions(), seed=0)
    assert len(drawn) == len(recommendations)
