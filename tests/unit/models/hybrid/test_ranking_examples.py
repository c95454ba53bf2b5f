import dataclasses

import numpy as np
import pytest

from nextact.datasets.generated import GeneratedShopDataset
from nextact.metrics.targets import Targets
from nextact.models.hybrid.hybrid_options import EXAMPLES_PER_USER
from nextact.models.hybrid.ranking_examples import RankingExamples, examples, joined
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, Holdout, LaterSteps, later_steps, make_holdout

ANY = 99


def holdout(users, items):
    histories = Histories.from_lists([[item] for item in items])
    return Holdout(
        np.array(users), histories, Targets.from_lists([[item + 1] for item in items]), np.ones((len(users), 1))
    )


FIRST = holdout([1, 2], [1, 2])
LOG = Histories.from_lists([[9], [5, 6, 7, 8], [4]])  # of user 1 the last two steps are later ones
LATER = LaterSteps(np.array([1, 1]), LOG, np.array([2, 3]), np.array([3, 4]), 1)
ROWS_FIRST = [(1, [1], [2]), (2, [2], [3])]
ROWS_LATER = [(1, [5], [6]), (1, [5, 6], [7])]


@pytest.fixture
def with_later(training):
    return dataclasses.replace(training, validation=FIRST, later_steps=LATER)


def in_order(found):
    """User, history and targets of each row."""
    each = [found.take(np.array([row])) for row in range(len(found.users))]
    return [(int(one.users[0]), one.histories.item_index.tolist(), one.targets.item_index.tolist()) for one in each]


def rows(found):
    return sorted(in_order(found))


def test_joined_rows_keep_their_history_and_their_target():
    both = joined(FIRST, LATER.take(np.arange(2)))
    assert rows(both) == sorted(ROWS_FIRST + ROWS_LATER)


def test_later_steps_are_learnt_from_beside_the_targets(with_later):
    assert rows(examples(with_later, True, 9, ANY)) == sorted(ROWS_FIRST + ROWS_LATER)


def test_later_steps_can_be_left_out(with_later):
    assert rows(examples(with_later, False, 9, ANY)) == ROWS_FIRST


@pytest.mark.parametrize("most", [1, 2, 3])
def test_first_targets_come_before_later_steps_where_there_is_no_room_for_all(with_later, most):
    taken = rows(examples(with_later, True, most, ANY))
    assert len(taken) == most
    assert sum(row in ROWS_FIRST for row in taken) == min(most, 2)


def test_of_a_user_no_more_later_steps_are_taken_than_asked(with_later):
    taken = rows(examples(with_later, True, 9, most_of_user=1))
    assert [row for row in taken if row in ROWS_FIRST] == ROWS_FIRST
    assert len(taken) == 3


def test_the_same_seed_takes_the_same_rows(with_later):
    one, other = (in_order(examples(with_later, True, 3, ANY)) for _ in range(2))
    assert one == other


def test_several_rows_are_taken_in_the_order_asked_for_whichever_they_come_from(with_later):
    found = examples(with_later, True, 9, ANY)
    alone = in_order(found)
    for order in ([3, 0, 2, 1], [2, 2], [1]):
        assert in_order(found.take(np.array(order))) == [alone[row] for row in order]
        part = found.only(np.array(order))
        assert in_order(part) == [alone[row] for row in order]
        assert np.split(part.targets.item_index, part.targets.offsets[1:-1])[0].tolist() == alone[order[0]][2]
        assert part.n_events.tolist() == [len(alone[row][1]) for row in order]


def test_a_block_has_neither_too_many_rows_nor_too_many_events():
    found = RankingExamples.of(
        Holdout(np.arange(6), Histories.from_lists([[1]] * 3 + [[1] * 5] + [[1] * 2] * 2), None, None)
    )
    assert [which.tolist() for which in found.blocks(2, 99)] == [[0, 1], [2, 3], [4, 5]]
    assert [which.tolist() for which in found.blocks(9, 4)] == [[0, 1, 2], [3], [4, 5]]
    assert [which.tolist() for which in found.blocks(9, 1)] == [[0], [1], [2], [3], [4], [5]]


@pytest.fixture(scope="module")
def shop(training):
    """What hybrids learn from on the generated shop: validation are the ninth and tenth of its twelve days."""
    events = GeneratedShopDataset(table="events").load().sort_values(["user_id", "timestamp"])
    times = events["timestamp"].to_numpy().astype("datetime64[us]").astype(np.int64)
    users = [events["user_id"].to_numpy() == user for user in events["user_id"].unique()]
    items = events["item_id"].str[1:].astype(int).to_numpy() + 1
    histories = Histories.from_lists(
        [items[own].tolist() for own in users], None, [times[own].tolist() for own in users]
    )
    starts = histories.offsets[:-1]
    cuts = Cuts(starts + 8, starts + 9, np.zeros(len(users), np.int64), window_end=starts + 11)
    first = make_holdout(histories, cuts, 1, np.arange(0, 60, 2))
    later = later_steps(histories, cuts, 1, first.users, np.array([0]))
    return dataclasses.replace(training, histories=histories, n_items=24, validation=first, later_steps=later)


@pytest.mark.parametrize("most", [15, 50, 4_000])
def test_on_the_generated_shop_the_limit_of_a_user_changes_no_example(shop, most):
    """They are those of the draw written down without blocks and without a limit."""
    rng = np.random.default_rng(shop.context.seed)
    first, later = shop.validation, shop.later_steps
    expected = first.take(rng.permutation(len(first.users))[:most])
    if most > len(first.users):
        room = most - len(expected.users)
        expected = joined(expected, later.take(rng.permutation(len(later.users))[:room]))
        expected = expected.take(rng.permutation(len(expected.users)))
    found = examples(shop, True, most, EXAMPLES_PER_USER)
    assert len(found.users) == min(most, 30 + 60)
    assert in_order(found) == in_order(expected)
