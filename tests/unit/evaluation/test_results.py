import dataclasses

import numpy as np
import pytest
from scipy.special import log_softmax

from nextact.evaluation.results import (
    best_baseline,
    catalogue_metrics,
    chosen_against,
    evaluated_model,
    is_known,
    is_one_list,
    reachable,
)
from nextact.metrics.comparison import bootstrap_intervals
from nextact.metrics.targets import Targets
from nextact.results.models import Gate, Leaderboard, ModelHandle
from nextact.retrieval.scoring import evaluate, masked_scores
from nextact.sequences.histories import Histories

from .conftest import CANDIDATE, N_ITEMS, Factors, make_holdout, make_set, read

LEADERBOARD = Leaderboard(
    run_id="r",
    protocol_hash="p",
    metric="ndcg@10",
    models=(),
    gate=Gate(best_baseline=None, models={}),
    left_out=(),
)


def row_of(held_out, temperature=0.7):
    return evaluated_model(CANDIDATE, read(Factors(), held_out, temperature), held_out, temperature)


def test_reachable_targets_leave_out_what_the_catalogue_lacks_and_the_policy_hides(holdout):
    row = row_of(make_set(holdout, exclude_seen=True))
    known = [set(holdout.histories.take(np.array([user])).item_index) for user in range(len(holdout.users))]
    lists = [
        [item for item in holdout.targets.take(np.array([user])).item_index if item not in known[user]]
        for user in range(len(holdout.users))
    ]
    served = np.array([user for user, items in enumerate(lists) if items])
    part = dataclasses.replace(holdout.take(served), targets=Targets.from_lists([lists[user] for user in served]))
    expected = evaluate(Factors(), part, True, (3, 10))
    assert row.test_reachable["recall@3"].n_users == len(served) < len(holdout.users)
    for name, values in expected.items():
        assert row.test_reachable[name].mean == pytest.approx(values.mean(), abs=1e-7), name


def test_without_seen_items_hidden_all_catalogue_targets_are_reachable(holdout):
    assert reachable(holdout, exclude_seen=False).all()
    assert 0 < reachable(holdout, exclude_seen=True).sum() < len(holdout.targets.item_index)


def test_intervals_are_those_of_the_bootstrap(holdout):
    row = row_of(make_set(holdout))
    expected = bootstrap_intervals(evaluate(Factors(), holdout, False, (3, 10)), draws=50, seed=0)
    for name, interval in expected.items():
        assert dataclasses.asdict(row.test[name]) == pytest.approx(dataclasses.asdict(interval)), name


def test_the_item_log_loss_is_the_mean_over_users_of_the_mean_over_their_targets(holdout):
    row = row_of(make_set(holdout), temperature=0.4)
    scores = masked_scores(Factors(), holdout.histories, exclude_seen=False).astype(np.float64)
    log_probabilities, offsets = log_softmax(scores / 0.4, axis=1), holdout.targets.offsets
    losses = [
        -log_probabilities[user, holdout.targets.item_index[offsets[user] : offsets[user + 1]]].mean()
        for user in range(len(holdout.users))
    ]
    assert row.calibration.item_log_loss.mean == pytest.approx(np.mean(losses), rel=1e-5)
    assert row.calibration.users_left_out == {"no relevant item that may be recommended": 0}


def test_users_whose_targets_are_all_hidden_have_no_log_loss_and_are_counted():
    holdout = make_holdout(n_users=6)
    own = holdout.histories.item_index[holdout.histories.offsets[:-1]]
    new = min(set(range(1, N_ITEMS + 1)) - set(holdout.histories.item_index))
    hidden = dataclasses.replace(holdout, targets=Targets.from_lists([[item] for item in own[:4]] + [[new]] * 2))
    row = row_of(make_set(hidden, exclude_seen=True, shuffled_targets=holdout.targets))
    assert row.calibration.users_left_out == {"no relevant item that may be recommended": 4}
    assert row.calibration.item_log_loss.n_users == 2


def test_a_model_nobody_can_be_served_by_still_has_a_row():
    holdout = make_holdout(n_users=4)
    own = holdout.histories.item_index[holdout.histories.offsets[:-1]]
    hidden = dataclasses.replace(holdout, targets=Targets.from_lists([[item] for item in own]))
    row = row_of(make_set(hidden, exclude_seen=True, shuffled_targets=holdout.targets))
    assert row.test_reachable == {}
    assert row.calibration.item_log_loss is None
    assert row.test["ndcg@10"].mean == 0


def test_catalogue_metrics_step_aside_where_they_are_undefined(holdout):
    held_out = make_set(holdout)
    nothing = np.zeros((len(holdout.users), 5), np.int32)
    undefined = dict.fromkeys(["gini", "novelty", "popularity_lift", "diversity_text", "diversity_category"])
    assert catalogue_metrics(nothing, held_out).items() >= ({"coverage": 0.0} | undefined).items()
    one_each = nothing.copy()
    one_each[:, 0] = 1
    found = catalogue_metrics(one_each, held_out)
    assert found["diversity_text"] is None
    assert found["diversity_category"] is None
    assert found["coverage"] == 1 / N_ITEMS
    plain = catalogue_metrics(one_each, make_set(holdout, vectors=None, categories=None))
    assert {"coverage", "gini", "novelty", "popularity_lift"} <= set(plain)
    assert not {"diversity_text", "diversity_category"} & set(plain)


def test_the_chosen_model_is_tested_against_every_other_with_correction():
    rng = np.random.default_rng(0)
    values = {name: {"ndcg@10": rng.random(200) + shift} for name, shift in (("a", 0.3), ("b", 0.0), ("c", 0.29))}
    found = chosen_against(values, "a", "ndcg@10", draws=200)
    assert set(found) == {"b", "c"}
    assert found["b"].p_value_holm == pytest.approx(2 * found["b"].p_value)
    assert found["c"].p_value_holm == found["c"].p_value
    assert found["b"].difference == pytest.approx((values["a"]["ndcg@10"] - values["b"]["ndcg@10"]).mean())


def test_the_only_model_is_tested_against_nothing():
    assert chosen_against({"a": {"ndcg@10": np.ones(3)}}, "a", "ndcg@10", draws=10) == {}


def test_the_best_baseline_is_another_model_than_the_chosen_one():
    names = [("hybrid", "blend"), ("baselines", "ease"), ("baselines", "popularity")]
    models = tuple(CANDIDATE.model_copy(update={"family": family, "name": name}) for family, name in names)
    leaderboard = LEADERBOARD.model_copy(update={"models": models})
    assert best_baseline(leaderboard, "blend") == "ease"
    assert best_baseline(leaderboard, "ease") == "popularity"
    assert best_baseline(LEADERBOARD.model_copy(update={"models": models[:1]}), "blend") is None


def test_an_item_is_known_to_its_own_user_alone():
    known = is_known(Histories.from_lists([[1, 2], [3]]), Targets.from_lists([[2, 3], [1, 3]]))
    assert known.tolist() == [True, False, False, True]


def handle(family, name):
    return ModelHandle(run_id="r", protocol_hash="p", family=family, name=name, folder="f", refitted_folder="f")


@pytest.mark.parametrize(
    ("chosen", "lists", "expected"),
    [
        (("baselines", "transition"), [[1, 2], [1, 2], [1, 2]], True),
        (("baselines", "transition"), [[1, 2], [1, 2], [2, 1]], False),
        (("baselines", "transition"), [[1, 2]], False),  # one user's list says nothing of others'
        (("baselines", "popularity"), [[1, 2], [2, 3]], True),  # seen items are left out
        (("baselines", "popularity_forecast"), [[1, 2], [2, 3]], True),
        (("hybrid", "blend"), [[1, 2], [2, 3]], False),
    ],
)
def test_one_list_is_known_by_the_model_or_by_the_lists(chosen, lists, expected):
    assert is_one_list(handle(*chosen), np.array(lists, np.int32)) is expected
