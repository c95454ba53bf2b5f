"""The lists that are evaluated are the lists that are recommended, however many items score the same."""

import numpy as np
import pandas as pd
import pytest

from nextact.evaluation.one_pass import read_model, shuffle_targets
from nextact.metrics.targets import Targets
from nextact.retrieval.catalogue import Catalogue
from nextact.retrieval.reasons import LogWords
from nextact.retrieval.recommending import recommend_items
from nextact.retrieval.scoring import popular_first
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout

N_USERS, N_ITEMS, K, TEMPERATURE = 50, 200, 20, 0.7
LOG = LogWords(("view",), has_times=True)


class FewLevels:
    """Gives most items of a user one of a few scores, told by the first item of the history; nobody else any."""

    def __init__(self, levels):
        self.table = np.random.default_rng(levels).integers(levels, size=(N_ITEMS + 1, N_ITEMS + 1)).astype(np.float32)

    def score(self, histories):
        scores = np.zeros((histories.n_users, N_ITEMS + 1), np.float32)
        known = histories.lengths > 0
        scores[known] = self.table[histories.item_index[histories.offsets[:-1][known]]]
        return scores


def catalogue_of(texts):
    counts = np.random.default_rng(0).integers(0, 30, N_ITEMS)  # seven items or so share a count
    ids = [f"item {index:03d}" for index in range(1, N_ITEMS + 1)]
    return Catalogue(pd.DataFrame({"item_id": ids, "item_text": texts or ids, "n_training_events": counts}))


@pytest.fixture(scope="module")
def catalogue():
    return catalogue_of(None)


@pytest.fixture(scope="module")
def repeating():
    """Three items or so have the same text, one in ten has none."""
    drawn = np.random.default_rng(3).integers(0, N_ITEMS // 3, N_ITEMS).tolist()
    return catalogue_of(["" if one % 10 == 0 else f"text {one}" for one in drawn])


@pytest.fixture(scope="module")
def holdout():
    random = np.random.default_rng(1)
    items = [random.integers(1, N_ITEMS + 1, length).tolist() for length in random.integers(0, 9, N_USERS)]
    items[0] = list(range(1, N_ITEMS + 1))  # nothing is left to recommend under exclude_seen
    items[1] = list(range(9, N_ITEMS + 1))
    targets = Targets.from_lists(random.integers(1, N_ITEMS + 1, (N_USERS, 1)).tolist())
    return Holdout(np.arange(N_USERS), Histories.from_lists(items), targets, np.ones((N_USERS, 1)))


@pytest.mark.parametrize("exclude_seen", [False, True])
@pytest.mark.parametrize("levels", [1, 2, 50])
@pytest.mark.parametrize("texts", ["catalogue", "repeating"])
def test_lists_and_probabilities_of_evaluation_and_recommendation_agree(request, holdout, texts, exclude_seen, levels):
    catalogue = request.getfixturevalue(texts)
    model, users = FewLevels(levels), np.array([f"user {user}" for user in range(N_USERS)], dtype=object)
    shuffled, tie_order = shuffle_targets(holdout.targets, seed=0), catalogue.tie_order
    reading = read_model(model, holdout, shuffled, exclude_seen, tie_order, catalogue.alike, K, TEMPERATURE)
    table = recommend_items(model, holdout.histories, users, catalogue, LOG, TEMPERATURE, exclude_seen, K).items
    places = reading.lists > 0
    assert table["item_id"].tolist() == catalogue.ids[reading.lists[places]].tolist()
    assert table["user_id"].tolist() == users[np.nonzero(places)[0]].tolist()
    assert table["rank"].tolist() == (np.nonzero(places)[1] + 1).tolist()
    assert table["probability"].astype(np.float32).tolist() == reading.probability[places].tolist()


def test_of_equal_scores_the_popular_item_is_listed_first_and_then_the_smaller_index(holdout, catalogue):
    counts = catalogue.table["n_training_events"].to_numpy()
    expected = sorted(range(1, N_ITEMS + 1), key=lambda item: (-counts[item - 1], item))[:K]
    shuffled = shuffle_targets(holdout.targets, seed=0)
    reading = read_model(FewLevels(1), holdout, shuffled, False, popular_first(counts), None, K, TEMPERATURE)
    assert reading.lists.tolist() == [expected] * N_USERS


def test_the_order_of_ties_changes_no_rank(holdout):
    shuffled, orders = shuffle_targets(holdout.targets, seed=0), [np.arange(N_ITEMS + 1), None]
    orders[1] = np.append(0, np.random.default_rng(2).permutation(N_ITEMS) + 1)
    one, other = (read_model(FewLevels(4), holdout, shuffled, True, order, None, K, TEMPERATURE) for order in orders)
    assert one.lists.tolist() != other.lists.tolist()
    for name in ("ranks", "shuffled"):
        for field in ("n_greater", "n_equal", "allowed"):
            assert getattr(getattr(one, name), field).tolist() == getattr(getattr(other, name), field).tolist()
    assert one.log_probability.tolist() == other.log_probability.tolist()


def lists_of(holdout, catalogue, k, alike=True):
    shuffled = shuffle_targets(holdout.targets, seed=0)
    groups = catalogue.alike if alike else None
    return read_model(FewLevels(50), holdout, shuffled, True, catalogue.tie_order, groups, k, TEMPERATURE)


def test_no_list_holds_a_text_twice_and_each_is_as_long_as_before(holdout, repeating):
    found, before = (lists_of(holdout, repeating, K, alike).lists for alike in (True, False))
    texts = np.array(["", *repeating.table["item_text"]], dtype=object)

    def repeats(items):
        named = [text for text in texts[items] if text]
        return len(named) - len(set(named))

    assert sum(repeats(items) for items in before) > N_USERS  # it is no small matter of these texts
    for items, old in zip(found, before, strict=True):
        assert (items > 0).sum() == (old > 0).sum()
        if (items > 0).sum() == K:
            assert repeats(items) == 0


def test_a_list_with_each_text_once_is_the_whole_ranking_without_later_repeats_and_what_looks_seen(holdout, repeating):
    whole = lists_of(holdout, repeating, N_ITEMS, alike=False).lists
    found = lists_of(holdout, repeating, K).lists
    for user in range(N_USERS):
        ranked = [item for item in whole[user].tolist() if item]
        history = holdout.histories.take(np.array([user])).item_index
        seen = set(repeating.alike[history].tolist())
        first = list({int(repeating.alike[item]): item for item in reversed(ranked)}.values())[::-1]
        order = sorted((item for item in first if int(repeating.alike[item]) not in seen), key=ranked.index)
        again = [item for item in ranked if item not in order]
        assert [item for item in found[user].tolist() if item] == (order + again)[:K]


def test_a_longer_list_begins_with_the_shorter_one(holdout, repeating):
    assert lists_of(holdout, repeating, 60).lists[:, :K].tolist() == lists_of(holdout, repeating, K).lists.tolist()


def test_one_of_a_text_changes_lists_and_no_rank_or_probability_of_a_target(holdout, repeating):
    apart, together = lists_of(holdout, repeating, K), lists_of(holdout, repeating, K, alike=False)
    assert apart.lists.tolist() != together.lists.tolist()
    for name in ("ranks", "shuffled"):
        for field in ("n_greater", "n_equal", "allowed"):
            assert getattr(getattr(apart, name), field).tolist() == getattr(getattr(together, name), field).tolist()
    assert apart.log_probability.tolist() == together.log_probability.tolist()


def test_an_item_with_the_text_of_a_seen_one_is_seen_and_ranks_stay_those_of_all_items():
    """Of six items a and b share a text, as d and f do; the first user has seen b, the second nothing."""
    ids = list("abcdef")
    texts = ["Same ", "same", "c", "other", "e", "OTHER"]
    catalogue = Catalogue(pd.DataFrame({"item_id": ids, "item_text": texts, "n_training_events": range(6)}))
    model, histories = Descending(), Histories.from_lists([[2], []])
    holdout = Holdout(np.arange(2), histories, Targets.from_lists([[5], [5]]), np.ones((2, 1)))
    shuffled = shuffle_targets(holdout.targets, seed=0)
    order, alike = catalogue.tie_order, catalogue.alike
    apart, plain = (read_model(model, holdout, shuffled, True, order, one, 5, 1.0) for one in (alike, None))
    short = read_model(model, holdout, shuffled, True, order, alike, 3, 1.0)
    assert short.lists.tolist() == [[3, 4, 5], [1, 3, 4]]
    assert apart.lists.tolist() == [[3, 4, 5, 1, 6], [1, 3, 4, 5, 2]]
    assert plain.lists.tolist() == [[1, 3, 4, 5, 6], [1, 2, 3, 4, 5]]
    assert apart.ranks.n_greater.tolist() == plain.ranks.n_greater.tolist() == [3, 4]
    assert apart.log_probability.tolist() == plain.log_probability.tolist()
    users = np.array(["u", "v"], dtype=object)
    table = recommend_items(model, histories, users, catalogue, LOG, 1.0, True, 5).items
    assert table["item_id"].tolist() == [*"cdeaf", *"acdeb"]


class Descending:
    """The smaller the index the better."""

    def score(self, histories):
        return np.tile(-np.arange(7, dtype=np.float32), (histories.n_users, 1))
