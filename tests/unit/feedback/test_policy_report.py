import json

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.feedback.contract import empty_feedback
from nextact.feedback.logged import declared_rewards, logged_lists
from nextact.feedback.policy_report import OffPolicyOptions, policy_report
from nextact.feedback.reward_model import PRIOR_ROWS, fold_of_users, item_rewards
from nextact.feedback.simulator import feedback_table, simulate
from nextact.feedback.target_places import follow
from nextact.models.baselines.popularity import Popularity
from nextact.options import OptionsError
from nextact.results.feedback import JudgedPolicies
from nextact.retrieval.catalogue import Catalogue
from nextact.retrieval.policies import SamplingPolicyOptions
from nextact.retrieval.reasons import LogWords
from nextact.retrieval.recommending import recommend_items
from nextact.retrieval.rules.compiled import compile_rules
from nextact.retrieval.rules.rule_options import RuleOptions
from nextact.sequences.histories import Histories

from .conftest import random_shop, true_rewards

N_USERS, N_ITEMS = 150, 5
USERS, ITEMS = [f"u{n:03}" for n in range(N_USERS)], [f"i{n}" for n in range(N_ITEMS)]
TARGETS = {"greedy": {"temperature": 0.0}, "softmax": {"temperature": 0.7, "epsilon": 0.1}}
REWARDS = {"view": 1.0}


@pytest.fixture(scope="module")
def shop():
    return random_shop(N_USERS, N_ITEMS, np.array([1.0, 0.6]), seed=2)


@pytest.fixture(scope="module")
def log_scores(shop):
    """The model's log probabilities: what users like, told with noise."""
    scores = np.log(shop.liking_UI) + np.random.default_rng(1).normal(scale=0.7, size=shop.liking_UI.shape)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


@pytest.fixture(scope="module")
def recommendations(log_scores):
    best = np.argsort(-log_scores, axis=1)
    return pd.DataFrame(
        {
            "user_id": np.repeat(USERS, N_ITEMS),
            "item_id": np.array(ITEMS)[best.ravel()],
            "rank": np.tile(np.arange(1, N_ITEMS + 1), N_USERS),
            "probability": np.exp(np.take_along_axis(log_scores, best, axis=1)).ravel(),
        }
    )


@pytest.fixture(scope="module")
def feedback(shop, log_scores):
    log = simulate(shop, log_scores, SamplingPolicyOptions(temperature=2.0, epsilon=0.2), lists_per_user=40, seed=4)
    return feedback_table(log, USERS, ITEMS, ["view"], pd.Timestamp("2024-01-01"))


def by_policy(found):
    return {(one.policy, one.rank): one for one in found.policies}


def test_estimates_at_both_places_cover_the_exact_value(feedback, recommendations, shown, shop, log_scores):
    lists = logged_lists(shown(feedback), 2, REWARDS)
    options = OffPolicyOptions(targets=TARGETS, max_rank=2, max_weight=1e9, draws=400)
    found = by_policy(policy_report(lists, recommendations, options))
    for name, policy in options.policies().items():
        for rank, truth in enumerate(true_rewards(shop, log_scores, policy), 1):
            one = found[name, rank]
            for estimator in ("ips", "snips", "clipped_ips", "doubly_robust"):
                interval = one.estimates[estimator]
                assert interval.low < truth < interval.high, (name, rank, estimator)
            assert one.mean_weight.low < 1 < one.mean_weight.high
            logging = found["logging", rank].mean_reward.mean
            assert one.gain_over_logging.mean == pytest.approx(one.estimates["doubly_robust"].mean - logging)
    assert found["greedy", 1].gain_over_logging.low > 0


def test_weights_and_expectations_of_a_place_are_those_worked_out_by_hand(recommendations, shown):
    mine = recommendations[recommendations["user_id"] == "u000"]
    first, second, third = mine["item_id"][:3]
    chance = dict(zip(mine["item_id"], mine["probability"], strict=True))
    feedback = pd.DataFrame({"user_id": "u000", "item_id": [second, first], "rank": [1, 2], "propensity": [0.4, 0.5]})
    feedback = feedback.assign(shown_at=pd.Timestamp("2024-01-01"), outcome="view")
    lists = logged_lists(shown(feedback), 2, REWARDS)
    top, below = follow(lists, mine, SamplingPolicyOptions(), seed=0)
    assert top.weights[0] == pytest.approx(chance[second] / 0.4)
    assert below.before[0] == top.weights[0]
    assert below.weights[0] == pytest.approx(top.weights[0] * chance[first] / (1 - chance[second]) / 0.5)
    assert top.covered[0] == pytest.approx(chance[first] + chance[second])
    assert below.covered[0] == pytest.approx(chance[first] / (1 - chance[second]))
    assert third not in feedback["item_id"].tolist()


def test_the_reward_expected_of_the_target_is_its_mean_over_the_items(feedback, recommendations, shown):
    lists = logged_lists(shown(feedback), 1, REWARDS)
    (place,) = follow(lists, recommendations, SamplingPolicyOptions(), seed=0)
    items = pd.Series(lists.item_id[:, 0].astype(str))
    fold = fold_of_users(lists.user_id, 0)
    at = 7
    other = fold != fold[at]
    mean = place.reward[other].mean()
    by_item = pd.Series(place.reward[other]).groupby(items[other].to_numpy()).agg(["sum", "size"])
    expected = (by_item["sum"] + PRIOR_ROWS * mean) / (by_item["size"] + PRIOR_ROWS)
    mine = recommendations[recommendations["user_id"] == lists.user_id[at]]
    assert place.predicted[at] == pytest.approx(expected[items[at]])
    assert place.predicted_target[at] == pytest.approx((mine["probability"] * mine["item_id"].map(expected)).sum())


def test_a_target_over_items_that_were_never_shown_is_refused(feedback, recommendations, shown):
    other = recommendations.assign(item_id="new " + recommendations["item_id"])
    lists = logged_lists(shown(feedback), 1, REWARDS)
    found = by_policy(policy_report(lists, other, OffPolicyOptions(draws=50)))
    assert "100.0% of its probability" in found["greedy", 1].refused
    assert found["greedy", 1].estimates == {}
    assert found["logging", 1].mean_reward.mean > 0


def test_too_few_effective_rows_are_refused(feedback, recommendations, shown):
    lists = logged_lists(shown(feedback.head(2 * 40 * 20)), 1, REWARDS)
    found = by_policy(policy_report(lists, recommendations, OffPolicyOptions(draws=50, min_effective_rows=1e6)))
    assert "fewer than 1e+06 (min_effective_rows)" in found["softmax", 1].refused


def test_lists_of_users_without_recommendations_are_left_out_and_counted(feedback, recommendations, shown):
    lists = logged_lists(shown(feedback), 1, REWARDS)
    known = recommendations[recommendations["user_id"] != "u000"]
    found = policy_report(lists, known, OffPolicyOptions(draws=50))
    assert found.left_out["lists of users without current recommendations"] == 40
    assert (found.lists, found.users) == (149 * 40, 149)


def test_without_any_usable_list_there_are_no_policies(recommendations):
    lists = logged_lists(empty_feedback(), 3, REWARDS)
    assert policy_report(lists, recommendations, OffPolicyOptions()).policies == ()


def test_the_report_is_plain_json(feedback, recommendations, shown):
    lists = logged_lists(shown(feedback), 2, REWARDS)
    found = policy_report(lists, recommendations, OffPolicyOptions(draws=50, max_rank=2))
    text = json.dumps(found.model_dump(mode="json"), allow_nan=False)
    assert JudgedPolicies.model_validate_json(text) == found


@pytest.fixture
def rows():
    """One list a user; propensity and outcome as given."""

    def build(ranks, propensity=0.5, **columns):
        table = pd.DataFrame({"user_id": "u", "item_id": [f"i{n}" for n in range(len(ranks))], "rank": ranks})
        table = table.assign(shown_at=pd.Timestamp("2024-01-01"), outcome="view", propensity=propensity)
        return table.assign(**columns)

    return build


@pytest.mark.parametrize(
    ("ranks", "propensity", "depth", "left_out"),
    [
        ([1, 2, 3], [0.5, 0.5, 0.5], 3, {}),
        ([1, 2, 3, 4], [0.5] * 4, 3, {"below max_rank": 1}),
        ([1, 3], [0.5, 0.5], 1, {"without a propensity, or below a place without one": 1}),
        ([1, 2, 3], [0.5, None, 0.5], 1, {"without a propensity, or below a place without one": 2}),
        ([2, 3], [0.5, 0.5], 0, {"without a propensity, or below a place without one": 2}),
        ([1, 1, 2], [0.5] * 3, 0, {"in a list with a rank or an item twice": 3}),
    ],
)
def test_a_list_counts_down_to_its_first_gap(rows, shown, ranks, propensity, depth, left_out):
    lists = logged_lists(shown(rows(ranks, propensity)), 3, REWARDS)
    assert lists.depth.sum() == depth
    assert lists.left_out == left_out


def test_an_item_twice_in_one_list_leaves_the_list_out(rows, shown):
    lists = logged_lists(shown(rows([1, 2], item_id="same")), 3, REWARDS)
    assert lists.left_out == {"in a list with a rank or an item twice": 2}


def test_lists_are_told_apart_by_request_or_else_by_moment_and_slot(rows, shown):
    one = rows([1, 2])
    later = one.assign(shown_at=one.shown_at + pd.Timedelta("1s"))
    moments = logged_lists(shown(pd.concat([one, later], ignore_index=True)), 3, REWARDS)
    assert moments.depth.tolist() == [2, 2]
    slots = pd.concat([one.assign(slot="top"), one.assign(slot="end")], ignore_index=True)
    assert logged_lists(shown(slots), 3, REWARDS).depth.tolist() == [2, 2]
    requests = pd.concat([one, later], ignore_index=True).assign(request_id=["a", "b", "b", "a"])
    assert logged_lists(shown(requests), 3, REWARDS).depth.tolist() == [2, 2]


def test_lists_hold_what_was_logged(rows, shown):
    table = rows([2, 1], [0.3, 0.6], outcome=["view", None])
    lists = logged_lists(shown(table), 3, REWARDS)
    assert lists.item_id.tolist() == [["i1", "i0", None]]
    assert lists.propensity[0, :2].tolist() == [0.6, 0.3]
    assert lists.reward[0, :2].tolist() == [0.0, 1.0]
    assert np.isnan(lists.reward[0, 2])


def test_rewards_default_to_1_for_every_outcome_and_name_what_is_not_declared():
    assert declared_rewards(None, ["view", "purchase"]) == {"view": 1.0, "purchase": 1.0}
    with pytest.raises(NextactError, match=r"rewards: no event type 'purchse'; did you mean 'purchase'\?"):
        declared_rewards({"purchse": 1.0}, ["view", "purchase"])


def test_a_user_is_in_one_fold_with_all_rows_and_folds_are_halves():
    fold = fold_of_users(np.repeat(USERS, 3), seed=0)
    assert (fold.reshape(-1, 3) == fold.reshape(-1, 3)[:, :1]).all()
    assert fold.mean() == 0.5


def test_the_reward_model_never_sees_the_rows_it_predicts_for():
    item, fold = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    first = item_rewards(item, np.array([1.0, 0.0, 1.0, 0.0]), fold, 2)
    changed = item_rewards(item, np.array([0.0, 0.0, 0.0, 0.0]), fold, 2)
    assert (first[0] == changed[0]).all()  # the rows of fold 0 changed
    assert (first[1] != changed[1]).any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_rank": 0}, "max_rank"),
        ({"min_support": 1.5}, "min_support"),
        ({"max_weight": 0.0}, "max_weight"),
        ({"targets": {"logging": {}}}, "'logging' is the policy that was live"),
        ({"targets": {"mine": {"temprature": 1.0}}}, "targets.mine has no option 'temprature'"),
    ],
)
def test_wrong_options_are_refused(wrong, message):
    with pytest.raises(OptionsError, match=message):
        OffPolicyOptions(**wrong)


def test_lists_that_rules_drew_are_read_as_they_are_written_and_what_was_not_drawn_stays_out(recommendations, shown):
    """Of ten places the third is pinned: what stands at it and below it in the same list is in no estimate."""
    ids = [f"i{n}" for n in range(12)]
    catalogue = Catalogue(pd.DataFrame({"item_id": ids, "item_text": ids, "n_training_events": range(12)}), False)
    options = RuleOptions(pinned={3: "i11"}, exploration={"epsilon": 0.3}, candidates=4)
    rules = compile_rules(options, catalogue, False, ["view", "purchase"], 10, 0)
    model = Popularity(None)
    model.counts = np.arange(13, dtype=np.float32)
    histories, users = Histories.from_lists([[]] * 50), np.array(USERS[:50], dtype=object)
    table = recommend_items(model, histories, users, catalogue, LogWords(("view",), True), 1.0, False, 10, rules).items
    feedback = table[["user_id", "item_id", "rank", "propensity"]].assign(
        shown_at=pd.Timestamp("2024-03-01"), outcome=pd.Series([None] * len(table), dtype="str")
    )
    lists = logged_lists(shown(feedback), 10, REWARDS)
    assert lists.depth.tolist() == [2] * 50
    assert lists.left_out == {"without a propensity, or below a place without one": 8 * 50}
    drawn = table[table["rank"] <= 2]["propensity"].to_numpy().reshape(50, 2)
    assert lists.propensity[:, :2].tolist() == drawn.tolist()
    assert policy_report(lists, recommendations, OffPolicyOptions(draws=2)).lists == 50
