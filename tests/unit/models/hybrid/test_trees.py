import numpy as np
import pytest

from nextact.models.hybrid.hybrid_options import StackedOptions
from nextact.models.hybrid.trees import Lists, grow, grow_so_many, parts_and_weights
from nextact.options import OptionsError

USERS = np.random.default_rng(0).integers(50, size=400)


def lists_of(n_lists=240, n_candidates=12):
    """Lists whose target is likely where the first feature is high; the second says nothing."""
    random = np.random.default_rng(0)
    features = random.normal(size=(n_lists, n_candidates, 2)).astype(np.float32)
    target = (features[..., 0] + random.normal(size=(n_lists, n_candidates))).argmax(axis=1)
    labels = (np.arange(n_candidates) == target[:, None]).astype(np.int8)
    return Lists(features, labels, np.ones(labels.shape, bool), np.arange(n_lists) // 2, ["tells", "noise"])


def ndcg_of(booster, lists, which):
    features, labels = lists.features[which], lists.labels[which]
    scores = booster.predict(features.reshape(-1, 2), raw_score=True).reshape(labels.shape)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :10]  # as LightGBM puts equal scores
    return (np.take_along_axis(labels, best, axis=1) / np.log2(np.arange(2, 12))).sum(axis=1).mean()


def test_all_lists_of_a_user_are_left_out_together():
    parts, _ = parts_and_weights(USERS, 4, seed=1)
    assert set(parts.tolist()) == set(range(4))
    assert all(len(set(parts[user == USERS])) == 1 for user in np.unique(USERS))


def test_users_weigh_the_same_however_many_lists_they_have_and_a_list_weighs_one_on_average():
    _, weights = parts_and_weights(USERS, 4, seed=1)
    of_users = [weights[user == USERS].sum() for user in np.unique(USERS)]
    assert np.allclose(of_users, of_users[0])
    assert np.isclose(weights.mean(), 1)


def test_each_booster_is_kept_as_it_served_the_users_that_it_has_not_seen():
    lists = lists_of()
    boosters, ndcg = grow(lists, StackedOptions(boosters=3, min_leaf=5, patience=5, max_trees=60), seed=0)
    parts, _ = parts_and_weights(lists.users, 3, seed=0)
    each = [ndcg_of(booster, lists, parts == part) for part, booster in enumerate(boosters.each)]
    assert {booster.num_trees() for booster in boosters.each} == {boosters.n_trees}
    assert boosters.n_trees < 60
    assert np.mean(each) == pytest.approx(ndcg, abs=1e-6)
    assert ndcg > 0.6
    assert all(
        ndcg_of(booster, lists, parts != part) > each[part] for part, booster in enumerate(boosters.each)
    )  # of those it learnt from it knows more


def test_boosters_of_all_users_are_the_first_of_more():
    two, three = (grow_so_many(lists_of(), 4, StackedOptions(boosters=n, min_leaf=5), seed=0).each for n in (2, 3))
    assert [one.model_to_string() for one in two] == [one.model_to_string() for one in three][:2]
    assert len({one.model_to_string() for one in three}) == 3


def test_one_booster_has_nobody_to_say_when_to_stop():
    with pytest.raises(OptionsError, match="boosters"):
        StackedOptions(boosters=1)
