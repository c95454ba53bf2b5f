import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextact.metrics.errors import MetricsError
from nextact.metrics.ranking import metrics_of_ranks, ranking_metrics
from nextact.metrics.targets import Targets
from nextact.metrics.tie_groups import rank_targets

MASKED = -np.inf
N_ITEMS = 6

score_rows = st.lists(st.sampled_from([MASKED, 0.0, 1.0, 2.0]), min_size=N_ITEMS, max_size=N_ITEMS)
relevant_sets = st.sets(st.integers(1, N_ITEMS), min_size=1)
users_of_shops = st.lists(st.tuples(score_rows, relevant_sets), min_size=1, max_size=5)


def shop(users):
    scores = np.array([[MASKED, *row] for row, _ in users], dtype=np.float32)
    return scores, Targets.from_lists([sorted(items) for _, items in users])


@settings(max_examples=100, deadline=None)
@given(users_of_shops)
def test_each_entry_counts_the_items_above_and_beside_it(users):
    scores, targets = shop(users)
    ranks = rank_targets(scores, targets, depth=N_ITEMS + 1)
    for entry, (user, item) in enumerate(zip(targets.users_of_items, targets.item_index, strict=True)):
        value = scores[user, item]
        assert ranks.allowed[entry] == (value > MASKED)
        if value > MASKED:
            assert ranks.n_greater[entry] == (scores[user] > value).sum()
            assert ranks.n_equal[entry] == (scores[user] == value).sum()
        else:
            assert ranks.n_greater[entry] == N_ITEMS + 1


@settings(max_examples=100, deadline=None)
@given(users_of_shops, st.integers(1, N_ITEMS))
def test_the_score_at_the_depth_spares_reading_and_changes_nothing(users, depth):
    scores, targets = shop(users)
    cut = np.sort(scores, axis=1)[:, ::-1][:, depth - 1]
    whole, spared = rank_targets(scores, targets, depth), rank_targets(scores, targets, depth, cut)
    assert spared.n_greater.tolist() == whole.n_greater.tolist()
    assert spared.allowed.tolist() == whole.allowed.tolist()
    for name, values in metrics_of_ranks(whole, targets, (depth,)).items():
        assert metrics_of_ranks(spared, targets, (depth,))[name].tolist() == values.tolist(), name


@settings(max_examples=100, deadline=None)
@given(users_of_shops, st.data())
def test_metrics_of_a_part_are_those_of_targets_that_never_held_the_rest(users, data):
    scores, targets = shop(users)
    kept = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(targets.item_index), max_size=len(targets.item_index)))
    )
    part = targets.keep(kept)
    served = np.flatnonzero(part.n_relevant)
    if not len(served):
        return
    ours = metrics_of_ranks(rank_targets(scores, targets, depth=4).keep(kept), part.take(served), ks=(2, 4))
    again = ranking_metrics(scores[served], part.take(served), ks=(2, 4))
    for name, values in again.items():
        np.testing.assert_allclose(ours[name], values, atol=1e-12, err_msg=name)


def test_a_cutoff_beyond_the_depth_is_refused():
    scores, targets = np.array([[MASKED, 2.0, 1.0]], dtype=np.float32), Targets.from_lists([[2]])
    with pytest.raises(MetricsError, match="ks: beyond the depth of 1 ranks"):
        metrics_of_ranks(rank_targets(scores, targets, depth=1), targets, ks=(1, 2))


def test_ranks_of_other_targets_are_refused():
    scores, targets = np.array([[MASKED, 2.0, 1.0]], dtype=np.float32), Targets.from_lists([[2]])
    with pytest.raises(MetricsError, match="1 entries for 2 relevant items"):
        metrics_of_ranks(rank_targets(scores, targets, depth=1), Targets.from_lists([[1, 2]]), ks=(1,))


def test_keeping_forgets_what_was_missing():
    targets = Targets.from_lists([[3, 1], [2]], n_missing=[2, 0]).keep(np.array([True, False, False]))
    assert targets.item_index.tolist() == [3]
    assert targets.n_relevant.tolist() == [1, 0]


def test_a_mask_of_the_wrong_length_is_refused():
    with pytest.raises(MetricsError, match="kept: 1 entries for 2 relevant items"):
        Targets.from_lists([[3, 1]]).keep(np.array([True]))
