import numpy as np

from nextact.models.hybrid.trees import FOLDS, parts_and_weights

USERS = np.random.default_rng(0).integers(50, size=400)


def test_all_lists_of_a_user_are_left_out_together():
    parts, _ = parts_and_weights(USERS, seed=1)
    assert set(parts.tolist()) == set(range(FOLDS))
    assert all(len(set(parts[user == USERS])) == 1 for user in np.unique(USERS))


def test_users_weigh_the_same_however_many_lists_they_have_and_a_list_weighs_one_on_average():
    _, weights = parts_and_weights(USERS, seed=1)
    of_users = [weights[user == USERS].sum() for user in np.unique(USERS)]
    assert np.allclose(of_users, of_users[0])
    assert np.isclose(weights.mean(), 1)
