from itertools import product

import numpy as np
import pytest

from nextact.feedback.off_policy import (
    SupportError,
    Terms,
    clipped_ips,
    doubly_robust,
    effective_sample_size,
    importance_weights,
    ips,
    require_support,
    snips,
)
from nextact.feedback.simulator import SimulatedShop, simulate
from nextact.metrics.errors import MetricsError
from nextact.retrieval.policies import SamplingPolicyOptions, next_probabilities

from .conftest import random_shop, true_rewards

LOGGING, TARGET = SamplingPolicyOptions(temperature=1.5), SamplingPolicyOptions(temperature=0.5)


@pytest.fixture(scope="module")
def shop():
    return random_shop(n_users=1000, n_items=6, examination_K=np.array([0.9]), seed=0)


@pytest.fixture(scope="module")
def scores(shop):
    """What the policies rank by: what users like, told with noise."""
    return np.log(shop.liking_UI) + np.random.default_rng(1).normal(scale=0.5, size=shop.liking_UI.shape)


@pytest.fixture(scope="module")
def log_of(shop, scores):
    """Rows of a log: user, weight under the target, reward, true reward of the item, and of the target."""

    def run(seed, lists_per_user=4):
        drawn = np.random.default_rng(seed).integers(1000, size=150)  # other users each time, as the bootstrap supposes
        some, ranked = SimulatedShop(shop.liking_UI[drawn], shop.examination_K), scores[drawn]
        log = simulate(some, ranked, LOGGING, lists_per_user, seed)
        item = log.slates.positions[:, 0]
        target_UI = next_probabilities(ranked, np.ones(ranked.shape, dtype=bool), TARGET)
        liked_UI = some.examination_K[0] * some.liking_UI
        return {
            "user": log.user,
            "weights": importance_weights(target_UI[log.user, item], log.slates.propensity[:, 0]),
            "reward": log.answered[:, 0].astype(float),
            "exact": liked_UI[log.user, item],
            "exact_target": (target_UI * liked_UI).sum(axis=1)[log.user],
        }

    return run


@pytest.fixture(scope="module")
def truth(shop, scores):
    return float(true_rewards(shop, scores, TARGET)[0])


def estimates(log):
    weights, reward = log["weights"], log["reward"]
    rough = 0.5 * log["exact"] + 0.1  # a model that is wrong, the same way for every item
    return {
        "ips": ips(weights, reward),
        "snips": snips(weights, reward),
        "clipped": clipped_ips(weights, reward, 1.5),
        "robust": doubly_robust(weights, reward, log["exact"], log["exact_target"]),
        "robust with a wrong model": doubly_robust(weights, reward, rough, 0.5 * log["exact_target"] + 0.1),
    }


def test_intervals_cover_the_truth_about_as_often_as_they_say(log_of, truth):
    covered = {"ips": [], "snips": [], "robust": [], "robust with a wrong model": []}
    for seed in range(200):
        log = log_of(seed)
        terms = estimates(log)
        for name, found in covered.items():
            interval = terms[name].interval(log["user"], draws=200, seed=seed)
            found.append(interval.low <= truth <= interval.high)
    for name, found in covered.items():
        assert 0.90 <= np.mean(found) <= 0.99, name


def test_the_mean_over_logs_is_the_truth_and_clipping_is_below_it(log_of, truth):
    found = {name: [] for name in estimates(log_of(0))}
    for seed in range(300):
        for name, terms in estimates(log_of(seed)).items():
            found[name].append(terms.value)
    mean = {name: np.mean(values) for name, values in found.items()}
    error = {name: np.std(values) / np.sqrt(300) for name, values in found.items()}
    for name in ("ips", "snips", "robust", "robust with a wrong model"):
        assert mean[name] == pytest.approx(truth, abs=4 * error[name]), name
    assert mean["clipped"] < truth - 4 * error["clipped"]
    assert np.std(found["robust"]) < 0.9 * np.std(found["ips"])


def test_ips_is_unbiased_over_every_log_that_can_happen():
    logging, target, liking = np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.3, 0.6]), np.array([0.9, 0.4, 0.2])
    expected = {"ips": 0.0, "robust": 0.0}
    for items in product(range(3), repeat=2):
        for answers in product((0.0, 1.0), repeat=2):
            at = list(items)
            reward = np.array(answers)
            chance = logging[at].prod() * np.where(reward == 1, liking[at], 1 - liking[at]).prod()
            weights = importance_weights(target[at], logging[at])
            wrong = np.array([0.2, 0.8, 0.5])
            expected["ips"] += chance * ips(weights, reward).value
            expected["robust"] += chance * doubly_robust(weights, reward, wrong[at], np.full(2, target @ wrong)).value
    assert expected["ips"] == pytest.approx(target @ liking)
    assert expected["robust"] == pytest.approx(target @ liking)


def test_estimates_are_those_by_hand():
    target, propensity = np.array([0.5, 0.2, 0.0, 0.8]), np.array([0.25, 0.4, 0.5, 0.1])
    reward = np.array([1.0, 2.0, 3.0, 0.5])
    predicted, expected = np.array([0.8, 1.5, 1.0, 1.0]), np.array([1.1, 0.9, 1.2, 0.7])
    w = [2.0, 0.5, 0.0, 8.0]
    weights = importance_weights(target, propensity)
    assert weights.tolist() == pytest.approx(w)
    assert ips(weights, reward).value == pytest.approx((2 * 1 + 0.5 * 2 + 0 + 8 * 0.5) / 4)
    assert snips(weights, reward).value == pytest.approx((2 * 1 + 0.5 * 2 + 8 * 0.5) / (2 + 0.5 + 8))
    assert clipped_ips(weights, reward, 3.0).value == pytest.approx((2 * 1 + 0.5 * 2 + 3 * 0.5) / 4)
    corrections = 2 * (1 - 0.8) + 0.5 * (2 - 1.5) + 0 + 8 * (0.5 - 1.0)
    assert doubly_robust(weights, reward, predicted, expected).value == pytest.approx((3.9 + corrections) / 4)
    assert effective_sample_size(weights) == pytest.approx(10.5**2 / (4 + 0.25 + 64))
    before = np.array([1.0, 0.5, 0.0, 4.0])  # the places above, for a place further down
    below = 1.1 + 0.5 * 0.9 + 0 + 4 * 0.7
    assert doubly_robust(weights, reward, predicted, expected, before).value == pytest.approx((below + corrections) / 4)


def test_the_logging_policy_itself_earns_the_mean_reward():
    reward, propensity = np.array([1.0, 0.0, 0.5]), np.array([0.2, 0.9, 0.4])
    weights = importance_weights(propensity, propensity)
    assert {ips(weights, reward).value, snips(weights, reward).value, clipped_ips(weights, reward, 1).value} == {0.5}
    assert effective_sample_size(weights) == 3.0


def test_self_normalised_estimates_stay_within_the_rewards():
    rng = np.random.default_rng(0)
    for _ in range(200):
        weights, reward = rng.pareto(0.5, 20), rng.uniform(-1, 2, 20)
        assert reward.min() <= snips(weights, reward).value <= reward.max()
        interval = snips(weights, reward).interval(np.arange(20), draws=50)
        assert reward.min() - 1e-12 <= interval.low <= interval.high <= reward.max() + 1e-12


def test_self_normalised_estimates_of_no_weight_are_undefined():
    assert np.isnan(snips(np.zeros(3), np.ones(3)).value)


def test_with_an_exact_model_and_no_noise_the_robust_estimate_is_the_mean_of_the_model(log_of):
    log = log_of(0)
    robust = doubly_robust(log["weights"], log["exact"], log["exact"], log["exact_target"])
    direct = Terms(log["exact_target"], np.ones(len(log["exact_target"])))
    assert robust.value == direct.value
    assert robust.interval(log["user"]) == direct.interval(log["user"])


def test_the_bootstrap_draws_users_with_all_their_rows():
    user, reward = np.repeat(["a", "b", "c", "d"], 50), np.repeat([0.0, 1.0, 0.0, 1.0], 50)
    by_user = ips(np.ones(200), reward).interval(user)
    by_row = ips(np.ones(200), reward).interval(np.arange(200))
    assert by_user.n_users == 4
    assert by_user.high - by_user.low > 3 * (by_row.high - by_row.low)


@pytest.mark.parametrize(("target", "propensity"), [(0.5, 0.0), (0.5, 1.5), (0.5, np.nan), (-0.1, 0.5), (1.1, 0.5)])
def test_impossible_probabilities_are_refused(target, propensity):
    with pytest.raises(MetricsError, match="outside"):
        importance_weights(np.array([target]), np.array([propensity]))


def test_a_target_with_items_the_log_never_shows_is_refused_with_their_share():
    covered = np.array([1.0, 0.2, 0.6, 1.0])
    with pytest.raises(
        SupportError, match=r"items the log never could: 30.0% .* in 2 of 4 row\(s\), e.g. 80.0% in row 1"
    ):
        require_support(np.ones(4), np.arange(4), covered)


def test_weights_that_average_too_little_are_refused():
    # the log shows two of three items alike; the target gives the third, which the log never shows, 0.4
    shown = np.random.default_rng(0).integers(2, size=500)
    weights = importance_weights(np.array([0.4, 0.2])[shown], np.full(500, 0.5))
    with pytest.raises(SupportError, match=r"average 0\.[56]\d+ \[.*\] instead of 1"):
        require_support(weights, np.arange(500))


def test_full_support_passes_and_gives_the_mean_weight(log_of):
    log = log_of(0, lists_per_user=20)
    found = require_support(log["weights"], log["user"], np.ones(len(log["user"])))
    assert found.low < 1 < found.high


def test_terms_without_rows_to_divide_by_have_no_value():
    assert np.isnan(Terms(np.zeros(0), np.zeros(0)).value)
