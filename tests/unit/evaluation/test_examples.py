import numpy as np
import pandas as pd
import pytest

from nextact.evaluation.examples import pick_examples
from nextact.evaluation.slices import HeldOut
from nextact.sequences.histories import Histories

USER_IDS = ["ann", "bob", "eve"]
ITEMS = ["", *(f"item {number}" for number in range(1, 10))]


def shop():
    """Ann is served right at rank 7, Bob wrong, Eve's only target is outside the catalogue."""
    histories = Histories.from_lists([[1, 2, 1, 3, 9], [4, 5], [6]])
    users = pd.DataFrame({"user_index": [0, 1, 2], "history_end": [4, 6, 8], "n_missing": [0, 0, 1]})
    targets = pd.DataFrame({"user_index": [0, 1], "item_index": [9, 5], "event_type": 0, "timestamp": [9, 9]})
    lists = [
        pd.DataFrame(
            {
                "model": "net",
                "user_index": user,
                "rank": range(1, 9),
                "item_index": [2, 3, 4, 6, 7, 8, 9, 1],
                "probability": np.linspace(0.2, 0.1, 8),
                "is_hit": [user == 0 and item == 9 for item in [2, 3, 4, 6, 7, 8, 9, 1]],
            }
        )
        for user in range(3)
    ]
    other = lists[1].assign(model="other", is_hit=True)
    held_out = HeldOut(users, targets, histories, histories, np.zeros(10, np.int64))
    return held_out, pd.concat([*lists, other], ignore_index=True)


def pick(n_examples=10, seed=0):
    held_out, lists = shop()
    return pick_examples(held_out, lists, "net", USER_IDS, ITEMS, n_examples, seed)


def test_right_and_wrong_are_told_apart_by_the_model_asked_for():
    found = pick()
    assert [one.user_id for one in found["right"]] == ["ann"]
    assert [one.user_id for one in found["wrong"]] == ["bob"]


def test_a_user_is_told_in_words():
    ann = pick()["right"][0]
    assert ann.history == ("item 3", "item 1", "item 2")  # distinct, newest first
    assert ann.chosen == ("item 9",)
    assert ann.n_chosen == 1
    assert [place.rank for place in ann.recommended] == [1, 2, 3, 4, 5, 7]  # the hit below the first five, too
    told = {"rank": 7, "item": "item 9", "probability": pytest.approx(0.2 - 6 * 0.1 / 7), "is_hit": True}
    assert ann.recommended[-1].model_dump() == told


def test_no_examples_are_asked_for_and_none_told():
    assert pick(n_examples=0) == {"right": (), "wrong": ()}


def test_the_draw_depends_on_its_seed_alone():
    histories = Histories.from_lists([[1, 2]] * 50)
    users = pd.DataFrame({"user_index": range(50), "history_end": np.arange(50) * 2 + 1, "n_missing": 0})
    targets = pd.DataFrame({"user_index": range(50), "item_index": 2, "event_type": 0, "timestamp": 1})
    lists = pd.DataFrame(
        {"model": "net", "user_index": range(50), "rank": 1, "item_index": 2, "probability": 0.5, "is_hit": True}
    )
    held_out = HeldOut(users, targets, histories, histories, np.zeros(3, np.int64))
    ids = [str(user) for user in range(50)]
    first, again, other = (pick_examples(held_out, lists, "net", ids, ITEMS, 5, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert len(first["right"]) == 5
