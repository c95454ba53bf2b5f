import ibis
import numpy as np
import pandas as pd
import pytest

from nextact.feedback.contract import empty_feedback
from nextact.feedback.position import RANDOMISED, RATES, examination
from nextact.feedback.rates import ReportOptions
from nextact.feedback.simulator import feedback_table, simulate
from nextact.results.feedback import Examination
from nextact.retrieval.policies import SamplingPolicyOptions

from .conftest import random_shop

EXAMINED = np.array([1.0, 0.6, 0.3])


@pytest.fixture
def simulated():
    """Feedback of users who look at lower places less, and are shown what they like first."""

    def run(seed, lists_per_user=20, temperature=0.5, n_users=60, examined=EXAMINED):
        shop = random_shop(n_users, 8, examined, seed=1)
        scores = np.log(shop.liking_UI)
        log = simulate(shop, scores, SamplingPolicyOptions(temperature=temperature), lists_per_user, seed)
        users, items = [f"u{n}" for n in range(n_users)], [f"i{n}" for n in range(8)]
        return ibis.memtable(feedback_table(log, users, items, ["view"], pd.Timestamp("2024-01-01"), seed))

    return run


def test_rank_randomisation_finds_the_examination_where_rates_do_not(simulated):
    feedback = simulated(seed=3, lists_per_user=60)
    paired = examination(feedback, ReportOptions(draws=300)).ranks
    rates = examination(feedback, ReportOptions(draws=300, min_pairs=10**9)).ranks
    assert {one.method for one in paired} == {RANDOMISED}
    assert {one.method for one in rates} == {RATES}
    for one, other, truth in zip(paired, rates, EXAMINED[1:], strict=True):
        assert one.low < truth < one.high
        assert other.high < truth  # better items stand higher, so that rates blame the place for them


def test_the_intervals_cover_the_examination_about_as_often_as_they_say(simulated):
    covered = []
    for seed in range(40):
        found = examination(simulated(seed), ReportOptions(draws=200, level=0.9)).ranks
        covered += [one.low <= truth <= one.high for one, truth in zip(found, EXAMINED[1:], strict=True)]
    assert 0.8 < np.mean(covered) < 0.98


def test_the_ratio_over_pairs_is_the_one_worked_out_by_hand(shown):
    # u0: item a once at rank 1 (answered), twice at rank 2 (one answered); item b at rank 2 alone says nothing
    # u1: item a three times at rank 1 (two answered), once at rank 2 (answered)
    rows = [("u0", "a", 1, 1), ("u0", "a", 2, 1), ("u0", "a", 2, 0), ("u0", "b", 2, 1)]
    rows += [("u1", "a", 1, 1), ("u1", "a", 1, 1), ("u1", "a", 1, 0), ("u1", "a", 2, 1)]
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "rank", "answered"])
    table["shown_at"] = pd.date_range("2024-01-01", periods=len(table))
    table["outcome"] = table.pop("answered").map({1: "view", 0: None})
    (one,) = examination(shown(table), ReportOptions(draws=50, min_pairs=2)).ranks
    above, below = 1 * 1 / 3 + 1 * 3 / 4, 1 * 2 / 3 + 2 * 1 / 4
    assert one.examination == pytest.approx(above / below)
    assert one.pairs == 2


def test_the_ratio_of_rates_is_that_of_the_two_rates(raw, shown):
    table = raw(outcome=pd.Series(["view", None, None, "view", "view", None] + [None] * 24, dtype="str"))
    ranks = examination(shown(table), ReportOptions(draws=50)).ranks
    assert [(one.rank, one.examination, one.method) for one in ranks] == [(2, 0.5, RATES), (3, 0.0, RATES)]


def test_each_method_in_use_says_what_it_takes_for_granted(simulated):
    found = examination(simulated(seed=0), ReportOptions(draws=50))
    assert set(found.assumptions) == {one.method for one in found.ranks}


def test_without_answers_at_rank_1_nothing_is_estimated(raw, shown):
    assert examination(shown(raw()), ReportOptions(draws=50)) == Examination(ranks=(), assumptions={})
    assert examination(empty_feedback(), ReportOptions(draws=50)).ranks == ()
