import dataclasses

import numpy as np
import pytest

from nextact.metrics.targets import Targets
from nextact.models.hybrid.lessons import joined, lessons
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout


def holdout(users, items):
    histories = Histories.from_lists([[item] for item in items])
    return Holdout(
        np.array(users), histories, Targets.from_lists([[item + 1] for item in items]), np.ones((len(users), 1))
    )


FIRST, LATER = holdout([3, 5], [1, 2]), holdout([3, 3], [6, 7])


@pytest.fixture
def with_later(training):
    return dataclasses.replace(training, validation=FIRST, later_steps=LATER)


def rows(found):
    items = found.histories.item_index.tolist()
    return sorted(zip(found.users.tolist(), items, found.targets.item_index.tolist(), strict=True))


def test_joined_rows_keep_their_history_and_their_target():
    assert rows(joined(FIRST, LATER)) == [(3, 1, 2), (3, 6, 7), (3, 7, 8), (5, 2, 3)]


def test_later_steps_are_learnt_from_beside_the_targets(with_later):
    assert rows(lessons(with_later, later_steps=True, most=9)) == rows(joined(FIRST, LATER))


def test_later_steps_can_be_left_out(with_later):
    assert rows(lessons(with_later, later_steps=False, most=9)) == rows(FIRST)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_first_targets_come_before_later_steps_where_there_is_no_room_for_all(with_later, most):
    taken = rows(lessons(with_later, later_steps=True, most=most))
    assert len(taken) == most
    assert sum(row in rows(FIRST) for row in taken) == min(most, 2)


def test_the_same_seed_takes_the_same_rows(with_later):
    one, other = (lessons(with_later, later_steps=True, most=3) for _ in range(2))
    assert one.users.tolist() == other.users.tolist()
    assert one.histories.item_index.tolist() == other.histories.item_index.tolist()
