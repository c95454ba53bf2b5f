import ir_measures
import numpy as np
import pytest
from ir_measures import AP, RR, P, R, Success, nDCG
from numpy.typing import NDArray

from nextact.metrics import ranking, tie_groups
from nextact.metrics.errors import MetricsError
from nextact.metrics.ranking import ranking_metrics
from nextact.metrics.targets import Targets

MASKED = -np.inf


def rows(*scores: list[float]) -> NDArray[np.float32]:
    return np.array([[MASKED, *row] for row in scores], dtype=np.float32)


def one_user(scores: list[float], relevant: list[int], k: int, n_missing: int = 0) -> dict[str, float]:
    metrics = ranking_metrics(rows(scores), Targets.from_lists([relevant], [n_missing]), ks=(k,))
    return {name.split("@")[0]: float(value[0]) for name, value in metrics.items()}


def test_names_follow_the_cutoffs() -> None:
    metrics = ranking_metrics(rows([1, 2]), Targets.from_lists([[1]]), ks=(1, 10))
    assert list(metrics) == [f"{kind}@{k}" for k in (1, 10) for kind in ranking.RANKING_METRICS]
    assert {f"{kind}@10" for kind in ("hit_rate", "recall", "precision", "ndcg", "mrr", "map")} <= set(metrics)
    assert all(value.dtype == np.float64 and value.shape == (1,) for value in metrics.values())


def test_a_metric_is_one_function_and_one_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    def top_heavy(at: ranking.Cutoff) -> NDArray[np.float64]:
        return at.gain(1 / 2 ** np.arange(at.k))

    monkeypatch.setattr(ranking, "RANKING_METRICS", ranking.RANKING_METRICS | {"top_heavy": top_heavy})
    # relevant at rank 2 and, tied with another item, at rank 3 or 4
    values = one_user([9, 8, 7, 7], relevant=[2, 3], k=3)
    assert values["top_heavy"] == pytest.approx(1 / 2 + 1 / 2 * 1 / 4)
    assert ranking.metric_names((3, 5))[-1] == "top_heavy@5"


def test_a_perfect_ranking_scores_one_everywhere_but_in_precision() -> None:
    wanted = {"hit_rate": 1, "recall": 1, "precision": 0.5, "ndcg": 1, "mrr": 1, "map": 1}
    values = one_user([5, 4, 1, 0], relevant=[2, 1], k=4)
    assert {name: values[name] for name in wanted} == pytest.approx(wanted)


def test_values_by_hand_without_ties() -> None:
    # Relevant at ranks 2 and 3 of the cut-off 3, a third relevant item at rank 5.
    values = one_user([9, 8, 7, 6, 5], relevant=[2, 3, 5], k=3)
    gain_2, gain_3 = 1 / np.log2(3), 1 / np.log2(4)
    ndcg, average_precision = (gain_2 + gain_3) / (1 + gain_2 + gain_3), (1 / 2 + 2 / 3) / 3
    wanted = {"hit_rate": 1, "recall": 2 / 3, "precision": 2 / 3, "ndcg": ndcg, "mrr": 0.5, "map": average_precision}
    assert {name: values[name] for name in wanted} == pytest.approx(wanted)


def test_missing_items_stay_in_the_denominators() -> None:
    values = one_user([9, 8, 7], relevant=[1], k=2, n_missing=3)
    assert values["recall"] == 1 / 4
    assert values["map"] == 1 / 2
    assert values["ndcg"] == pytest.approx(1 / (1 + 1 / np.log2(3)))


def test_a_user_with_only_missing_items_scores_zero() -> None:
    assert set(one_user([9, 8], relevant=[], k=2, n_missing=1).values()) == {0.0}


def test_constant_scores_are_worth_a_random_order() -> None:
    values = one_user([0.0] * 10, relevant=[1], k=5)
    assert values["hit_rate"] == pytest.approx(0.5)
    assert values["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 10)


def test_the_position_of_a_tied_item_in_the_catalogue_does_not_matter() -> None:
    first, last = one_user([1, 1, 1, 0], [1], k=2), one_user([1, 1, 1, 0], [3], k=2)
    assert first == last


def test_two_relevant_items_in_one_tie_are_hit_by_the_hypergeometric() -> None:
    # Two of four tied items are relevant, two ranks: both misses in one case of six.
    assert one_user([1, 1, 1, 1], relevant=[1, 2], k=2)["hit_rate"] == pytest.approx(5 / 6)


def test_a_masked_relevant_item_is_a_miss_even_when_ranks_stay_empty() -> None:
    assert set(one_user([1, MASKED], relevant=[2], k=5).values()) == {0.0}


def test_masked_items_fill_no_rank() -> None:
    assert one_user([MASKED, MASKED, 1], relevant=[3], k=1)["hit_rate"] == 1


def test_zero_and_negative_zero_are_tied() -> None:
    assert one_user([0.0, -0.0], relevant=[1], k=1)["hit_rate"] == 0.5


def test_a_cutoff_beyond_the_catalogue_is_allowed() -> None:
    assert one_user([2, 1], relevant=[2], k=50)["mrr"] == 0.5


def test_no_users_give_empty_values() -> None:
    metrics = ranking_metrics(np.zeros((0, 4), dtype=np.float32), Targets.from_lists([]))
    assert all(value.shape == (0,) for value in metrics.values())


def test_scores_are_not_modified() -> None:
    scores = rows([3, 1, 2, 1, 5, 4], [1, 1, 1, 1, 1, 1])
    before = scores.copy()
    ranking_metrics(scores, Targets.from_lists([[1, 2, 3, 4, 5, 6], [2]]), ks=(3,))
    np.testing.assert_array_equal(scores, before)


def test_users_without_a_relevant_item_raise_with_count_and_example() -> None:
    with pytest.raises(MetricsError, match=r"no relevant item in 2 user\(s\), e\.g\. 'user at position 1'"):
        ranking_metrics(rows([1, 2], [1, 2], [1, 2]), Targets.from_lists([[1], [], []]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_cannot_be_ranked_raise_with_count_and_example(bad: float) -> None:
    with pytest.raises(MetricsError, match=rf"NaN or \+inf in 2 score\(s\), e\.g\. '{bad} .* position 1, item 2'"):
        ranking_metrics(rows([1, 2, 3], [1, bad, bad]), Targets.from_lists([[1], [1]]))


def test_a_padding_column_with_scores_raises() -> None:
    with pytest.raises(MetricsError, match="padding that is not -inf in 1 user"):
        ranking_metrics(np.ones((1, 3), dtype=np.float32), Targets.from_lists([[1]]))


def test_a_target_beyond_the_catalogue_raises() -> None:
    with pytest.raises(MetricsError, match="beyond 2 items"):
        ranking_metrics(rows([1, 2]), Targets.from_lists([[3]]))


@pytest.mark.parametrize("shape", [(2, 4), (4,)])
def test_scores_that_do_not_fit_the_targets_raise(shape: tuple[int, ...]) -> None:
    with pytest.raises(MetricsError, match="where floats of 1 users are needed"):
        ranking_metrics(np.full(shape, MASKED, dtype=np.float32), Targets.from_lists([[1]]))


@pytest.mark.parametrize("ks", [(), (0,), (1.5,), (True,)])
def test_cutoffs_that_are_not_positive_integers_raise(ks: tuple[int, ...]) -> None:
    with pytest.raises(MetricsError, match="ks: not an integer >= 1"):
        ranking_metrics(rows([1, 2]), Targets.from_lists([[1]]), ks=ks)


@pytest.mark.parametrize("most_comparisons", [0, 1000])
def test_both_ways_of_counting_agree_with_a_full_sort(monkeypatch: pytest.MonkeyPatch, most_comparisons: int) -> None:
    monkeypatch.setattr(tie_groups, "MOST_COMPARISONS", most_comparisons)
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 40, size=(30, 200)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.2] = MASKED
    scores[:, 0] = MASKED
    targets = Targets.from_lists([(rng.choice(199, 30, replace=False) + 1).tolist() for _ in range(30)])
    groups = tie_groups.group_ranks(tie_groups.rank_targets(scores, targets, depth=12), targets)
    found = set(zip(groups.user.tolist(), groups.n_greater.tolist(), groups.n_equal.tolist(), strict=True))
    expected = set()
    for user, item in zip(targets.users_of_items, targets.item_index, strict=True):
        above = int((scores[user] > scores[user, item]).sum())
        if scores[user, item] > MASKED and above < 12:
            expected.add((int(user), above, int((scores[user] == scores[user, item]).sum())))
    assert found == expected


def test_values_agree_with_ir_measures_where_nothing_ties() -> None:
    rng = np.random.default_rng(0)
    n_users, n_items, ks = 20, 60, (1, 5, 20)
    scores = np.insert(rng.permuted(np.tile(np.arange(n_items), (n_users, 1)), axis=1), 0, 0, axis=1).astype(np.float32)
    scores[:, 0] = MASKED
    relevant = [(rng.choice(n_items, size=rng.integers(1, 30), replace=False) + 1).tolist() for _ in range(n_users)]
    ours = ranking_metrics(scores, Targets.from_lists(relevant), ks)
    measures = {
        name: measure @ k
        for k in ks
        for name, measure in {
            f"hit_rate@{k}": Success,
            f"recall@{k}": R,
            f"precision@{k}": P,
            f"ndcg@{k}": nDCG,
            f"mrr@{k}": RR,
            f"map@{k}": AP,
        }.items()
    }
    qrels = {str(user): {str(item): 1 for item in items} for user, items in enumerate(relevant)}
    run = {
        str(user): {str(item): float(scores[user, item]) for item in range(1, n_items + 1)} for user in range(n_users)
    }
    theirs = {
        (str(value.measure), int(value.query_id)): value.value
        for value in ir_measures.iter_calc(list(measures.values()), qrels, run)
    }
    for name, measure in measures.items():
        expected = np.array([theirs[str(measure), user] for user in range(n_users)])
        if name.startswith("map@"):
            # ir-measures divides by all relevant items, here by those that fit in k.
            n_relevant = np.array([len(items) for items in relevant])
            expected = expected * n_relevant / np.minimum(int(name[4:]), n_relevant)
        np.testing.assert_allclose(ours[name], expected, atol=1e-9, err_msg=name)
