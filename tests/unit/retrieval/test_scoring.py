import numpy as np
import pytest
from scipy.special import softmax

from nextact.metrics.targets import Targets
from nextact.models.top_items import top_k
from nextact.retrieval.scoring import (
    evaluate,
    fit_temperature,
    log_normaliser,
    log_probability,
    masked_scores,
    popular_first,
)
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout


class Fixed:
    """Gives every user the same scores."""

    def __init__(self, scores):
        self.scores = np.array(scores, np.float32)

    def score(self, histories):
        return np.broadcast_to(self.scores, (histories.n_users, len(self.scores)))


def holdout(histories, targets):
    n = len(histories)
    return Holdout(
        np.arange(n), Histories.from_lists(histories), Targets.from_lists(targets), next_types=np.ones((n, 1))
    )


def test_padding_is_never_recommended_and_seen_items_only_by_policy():
    model, histories = Fixed([9, 1, 2, 3]), Histories.from_lists([[3]])
    assert top_k(masked_scores(model, histories, exclude_seen=False), 2).tolist() == [[3, 2]]
    assert top_k(masked_scores(model, histories, exclude_seen=True), 2).tolist() == [[2, 1]]


@pytest.mark.parametrize(("width", "k"), [(3, 5), (40, 3), (700, 4), (701, 20), (50, 50), (3_000, 7)])
@pytest.mark.parametrize("levels", [2, 12, 100_000])
def test_the_best_items_come_in_order_of_score_then_as_ties_are_ordered_however_many_tie(width, k, levels):
    random = np.random.default_rng(width + levels)
    scores = random.integers(levels, size=(30, width)).astype(np.float32)
    scores[random.random(scores.shape) < 0.2] = -np.inf
    scores[0] = -np.inf
    tie_order = popular_first(random.integers(5, size=width - 1))
    for found, columns in ((top_k(scores, k), np.arange(width)), (top_k(scores, k, tie_order), tie_order)):
        for row, items in zip(scores, found, strict=True):
            order = columns[np.argsort(-row[columns], kind="stable")[:k]]
            allowed = order[np.isfinite(row[order])].tolist()
            assert items.tolist() == allowed + [0] * (k - len(allowed))


def test_masking_leaves_the_model_untouched():
    model = Fixed([9, 1, 2, 3])
    masked_scores(model, Histories.from_lists([[3]]), exclude_seen=True)
    assert model.scores.tolist() == [9, 1, 2, 3]


def test_users_in_several_blocks_keep_their_order(monkeypatch):
    everybody = holdout([[1]] * 5, [[3], [2], [3], [2], [3]])
    whole = evaluate(Fixed([0, 1, 2, 3]), everybody, exclude_seen=False, ks=(1,))
    monkeypatch.setattr("nextact.retrieval.scoring.user_blocks", lambda n, _: ([np.array([i]) for i in range(n)]))
    parts = evaluate(Fixed([0, 1, 2, 3]), everybody, exclude_seen=False, ks=(1,))
    assert parts["hit_rate@1"].tolist() == whole["hit_rate@1"].tolist() == [1, 0, 1, 0, 1]


def softmax_of(scores, temperature):
    users, items = np.indices(scores.shape)
    normaliser = log_normaliser(scores, scores.max(axis=1), temperature)
    return np.exp(log_probability(scores, users, items, normaliser, temperature))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_masked_items_have_no_probability_and_the_rest_is_a_softmax(kind):
    scores = np.random.default_rng(0).normal(size=(100, 50)).astype(kind)
    scores[np.random.default_rng(1).random(scores.shape) < 0.3] = -np.inf
    scores[0] = -np.inf
    found = softmax_of(scores, temperature=0.05)
    assert not found[~np.isfinite(scores)].any()
    expected = softmax(scores[1:].astype(np.float64) / 0.05, axis=1)
    np.testing.assert_allclose(found[1:], expected, rtol=1e-5 if kind == np.float32 else 1e-12)


def test_large_scores_do_not_overflow():
    found = softmax_of(np.array([[-np.inf, 3e4, 3e4, 3e4 - 1]], np.float32), temperature=1.0)
    assert found[0] == pytest.approx(softmax([-np.inf, 0, 0, -1]), rel=1e-6)


def test_the_temperature_recovers_how_often_the_better_item_is_chosen():
    # item 2 leads by 1.0 and is chosen three times in four: odds 3 = exp(1 / temperature)
    chosen = [[2], [2], [2], [1]] * 25
    found = fit_temperature(Fixed([0, 0.0, 1.0]), holdout([[1]] * 100, chosen), exclude_seen=False)
    assert found == pytest.approx(1 / np.log(3), rel=0.05)


class Tabled:
    """Gives each user a row of a table, told apart by the first item of the history."""

    def __init__(self, table):
        self.table = np.array(table, np.float32)

    def score(self, histories):
        return self.table[histories.item_index[histories.offsets[:-1]] - 1]


def random_choices(n_users=300, n_items=40, temperature=0.7):
    """Scores of users, and items chosen by softmax of the scores at a temperature."""
    random = np.random.default_rng(4)
    scores = np.round(random.normal(size=(n_users, n_items + 1)) * 64) / 64  # exact in float32, up to 2**17
    gumbel = random.gumbel(size=(n_users, n_items))
    chosen = (scores[:, 1:] / temperature + gumbel).argmax(axis=1) + 1
    return scores, holdout([[user + 1] for user in range(n_users)], chosen[:, None].tolist())


def test_the_temperature_is_that_of_a_fine_grid():
    scores, chosen = random_choices()
    grid = np.exp(np.linspace(-2, 1, 3_001))
    picked = scores[np.arange(len(scores)), chosen.targets.item_index]
    losses = [np.mean(np.log(np.exp(scores[:, 1:] / one).sum(axis=1)) - picked / one) for one in grid]
    found = fit_temperature(Tabled(scores), chosen, exclude_seen=False)
    assert found == pytest.approx(grid[int(np.argmin(losses))], rel=0.05)


def test_what_is_added_to_all_scores_of_a_user_does_not_change_the_temperature(caplog):
    scores, chosen = random_choices()
    moved = scores + np.random.default_rng(5).integers(0, 100_000, len(scores))[:, None]
    plain, shifted = (fit_temperature(Tabled(table), chosen, exclude_seen=False) for table in (scores, moved))
    assert shifted == plain
    assert not caplog.records


@pytest.mark.parametrize(("sign", "bound"), [(1, "lower"), (-1, "upper")])
def test_a_temperature_at_its_bound_is_warned_of(sign, bound, caplog):
    """The best item is always chosen, or the worst one."""
    scores, _ = random_choices()
    chosen = (sign * scores[:, 1:]).argmax(axis=1) + 1
    everybody = holdout([[user + 1] for user in range(len(scores))], chosen[:, None].tolist())
    fit_temperature(Tabled(scores), everybody, exclude_seen=False)
    assert f"Tabled: its temperature ends at the {bound}" in caplog.text


def test_without_a_reachable_target_or_a_difference_of_scores_the_temperature_is_one(caplog):
    assert fit_temperature(Fixed([0, 1, 1, 1]), holdout([[1]] * 3, [[1], [2], [3]]), exclude_seen=False) == 1
    assert fit_temperature(Fixed([0, 1, 2, 3]), holdout([[1]] * 3, [[1]] * 3), exclude_seen=True) == 1
    assert not caplog.records


@pytest.mark.parametrize("sign", [1, -1])
def test_of_a_few_targets_no_temperature_is_learnt(sign, caplog):
    """One user who took the best item would make it certain; the spread of the scores is as good a guess as any."""
    scores, _ = random_choices()
    few = (sign * scores[:9, 1:]).argmax(axis=1) + 1
    users = [[user + 1] for user in range(9)]
    found = fit_temperature(Tabled(scores), holdout(users, few[:, None].tolist()), exclude_seen=False)
    assert found == pytest.approx(np.sqrt(scores[:9, 1:].var(axis=1).mean()), rel=1e-6)
    assert not [one for one in caplog.records if one.levelname == "WARNING"]
