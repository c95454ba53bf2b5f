import numpy as np

from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, later_steps

VIEW, BUY = 0, 1
HISTORIES = Histories.from_lists(  # steps by time
    [[1, 2, 3, 4, 5, 6], [7, 8], [9, 1]],
    [[BUY, BUY, BUY, VIEW, BUY, BUY], [BUY, BUY], [BUY, BUY]],
    [[0, 1, 2, 3, 3, 4], [0, 1], [0, 1]],
)
CUTS = Cuts(  # user 0: target is item 2, window up to item 6; user 1: nothing after the target; user 2: no history
    history_end=np.array([1, 7, 8]),
    target_end=np.array([2, 8, 9]),
    n_missing=np.zeros(3, np.int64),
    window_end=np.array([5, 8, 10]),
)
EVERYONE = np.arange(3)


def found(codes=(VIEW, BUY), users=EVERYONE, cuts=CUTS):
    steps = later_steps(HISTORIES, cuts, 2, users, np.array(codes))
    return steps.take(np.arange(len(steps.users)))


def test_each_step_of_the_window_behind_the_target_is_a_row_with_all_that_came_before():
    later = found()
    assert later.users.tolist() == [0, 0]
    histories = [later.histories.take(np.array([row])).item_index.tolist() for row in range(2)]
    assert histories == [[1, 2], [1, 2, 3]]
    assert later.targets.offsets.tolist() == [0, 1, 3]
    assert later.targets.item_index.tolist() == [3, 4, 5]
    assert later.next_types.tolist() == [[0.0, 1.0], [0.5, 0.5]]


def test_what_lies_behind_the_window_is_not_learnt_from():
    assert 6 not in found().targets.item_index


def test_steps_without_a_target_event_are_left_out():
    only_views = found(codes=[VIEW])
    assert only_views.targets.item_index.tolist() == [4, 5]  # the step that holds the view


def test_other_users_are_left_out():
    assert len(found(users=np.array([1, 2])).users) == 0


def test_leave_one_out_has_no_later_step():
    assert len(found(cuts=Cuts(CUTS.history_end, CUTS.target_end, CUTS.n_missing)).users) == 0
