import numpy as np
import pandas as pd
import pytest

from nextact.evaluation.groups import Grouping, by_column, by_count
from nextact.evaluation.slices import HeldOut, column_groupings, score_groupings, standard_groupings
from nextact.evaluation.tables import (
    hits,
    list_table,
    rank_table,
    ranks_of,
    target_table,
    targets_of,
    user_table,
)
from nextact.metrics.ranking import ranking_metrics
from nextact.metrics.targets import Targets
from nextact.retrieval.scoring import masked_scores
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, make_holdout

from .conftest import N_ITEMS, N_TYPES, Factors, make_set
from .conftest import read as read_set

METRICS = ("ndcg@10", "hit_rate@10")
NAMES = ("view", "cart", "purchase")


@pytest.fixture(scope="module")
def log():
    """Forty users; the test target is the newest step, and user 3 has no history before it."""
    rng = np.random.default_rng(2)
    lengths = rng.integers(4, 12, 40)
    lengths[3] = 2
    items = [rng.integers(1, N_ITEMS + 1, n).tolist() for n in lengths]
    types = [rng.integers(0, N_TYPES, n).tolist() for n in lengths]
    days = [(86_400_000_000 * np.arange(n)).tolist() for n in lengths]
    for user_days in days:
        user_days[-1] = user_days[-2]  # the newest two events are one step
    histories = Histories.from_lists(items, types, days)
    history_end = histories.offsets[1:] - 2
    cuts = Cuts(history_end, histories.offsets[1:].copy(), rng.integers(0, 2, 40))
    validation = Cuts(np.maximum(history_end - 1, histories.offsets[:-1]), history_end.copy(), np.zeros(40, np.int64))
    return histories, validation, cuts


@pytest.fixture(scope="module")
def read(log):
    histories, validation, cuts = log
    holdout = make_holdout(histories, cuts, N_TYPES)
    held_set = make_set(holdout)
    models = {"one": Factors(0), "other": Factors(1, round_to=0)}
    readings = {name: read_set(model, held_set, temperature=1.0) for name, model in models.items()}
    targets = target_table(holdout, histories, cuts)
    training = histories.between(histories.offsets[:-1], validation.history_end)
    popularity = np.bincount(training.item_index, minlength=N_ITEMS + 1)
    held_out = HeldOut(user_table(holdout, cuts), targets, histories, training, popularity)
    return holdout, readings, held_out


def scored(read, grouping, names=("one", "other")):
    _, readings, held_out = read
    ranks = {name: readings[name].ranks for name in names}
    return score_groupings([grouping], ranks, held_out.relevant, METRICS, draws=40)[0]


def test_tables_give_back_what_was_read(read):
    holdout, readings, held_out = read
    assert held_out.relevant.item_index.tolist() == holdout.targets.item_index.tolist()
    assert held_out.relevant.offsets.tolist() == holdout.targets.offsets.tolist()
    assert held_out.relevant.n_missing.tolist() == holdout.targets.n_missing.tolist()
    assert held_out.known.item_index.tolist() == holdout.histories.item_index.tolist()
    table = rank_table(readings, held_out.targets)
    for name, reading in readings.items():
        again = ranks_of(table, name)
        assert again.n_greater.tolist() == reading.ranks.n_greater.tolist()
        assert again.n_equal.tolist() == reading.ranks.n_equal.tolist()
        assert again.depth == 10


def test_an_item_twice_in_a_target_is_one_row_with_its_first_type():
    histories = Histories.from_lists([[5, 7, 7, 2]], [[0, 2, 1, 1]], [[0, 1, 1, 1]])
    cuts = Cuts(np.array([1]), np.array([4]), np.array([0]))
    table = target_table(make_holdout(histories, cuts, 3), histories, cuts)
    assert table["item_index"].tolist() == [2, 7]
    assert table["event_type"].tolist() == [1, 2]


def test_a_user_without_catalogue_targets_keeps_an_empty_row():
    users = pd.DataFrame({"user_index": [4, 9], "n_missing": [2, 0]})
    targets = pd.DataFrame({"user_index": [9, 9], "item_index": [1, 3]})
    found = targets_of(users, targets)
    assert found.n_relevant.tolist() == [2, 2]
    assert found.item_index.tolist() == [1, 3]


def test_lists_tell_hits(read):
    holdout, readings, _ = read
    table = list_table(readings, holdout, length=4)
    assert len(table) == 2 * 4 * len(holdout.users)
    one = table[table["model"] == "one"]
    for user, part in one.groupby("user_index"):
        at = int(np.flatnonzero(holdout.users == user)[0])
        relevant = holdout.targets.take(np.array([at])).item_index
        assert part["is_hit"].tolist() == np.isin(part["item_index"], relevant).tolist()


def test_empty_places_are_no_rows_and_no_hits(read):
    assert not hits(np.zeros((1, 3), np.int32), Targets.from_lists([[1]])).any()


def test_users_without_history_are_not_held_out(read):
    holdout, _, held_out = read
    assert 3 not in holdout.users
    assert len(held_out.users) == 39


def test_groups_of_users_are_the_metric_of_these_users(read):
    holdout, _, held_out = read
    grouping = by_count("events in the history", "users", held_out.known.lengths)
    found = scored(read, grouping)
    assert sum(group.users for group in found.groups) == len(holdout.users)
    for code, group in enumerate(found.groups):
        users = np.flatnonzero(grouping.codes == code)
        scores = masked_scores(Factors(0), holdout.histories.take(users), exclude_seen=False)
        expected = ranking_metrics(scores, holdout.targets.take(users), (10,))
        assert group.models["one"]["ndcg@10"].mean == pytest.approx(expected["ndcg@10"].mean(), abs=1e-6)
        difference = group.models["one"]["ndcg@10"].mean - group.models["other"]["ndcg@10"].mean
        assert group.difference.mean == pytest.approx(difference)
        assert group.targets == holdout.targets.take(users).n_relevant.sum()


def test_groups_of_items_are_the_metric_with_these_items_alone_relevant(read):
    holdout, _, held_out = read
    grouping = by_count("training events", "targets", held_out.popularity[held_out.targets["item_index"]])
    found = scored(read, grouping)
    for code, group in enumerate(found.groups):
        lists = [
            holdout.targets.item_index[(holdout.targets.users_of_items == user) & (grouping.codes == code)]
            for user in range(len(holdout.users))
        ]
        users = np.array([user for user, items in enumerate(lists) if len(items)])
        scores = masked_scores(Factors(0), holdout.histories.take(users), exclude_seen=False)
        expected = ranking_metrics(scores, Targets.from_lists([lists[user] for user in users]), (10,))
        assert group.users == len(users)
        for metric in METRICS:
            mean = group.models["one"][metric].mean
            assert mean == pytest.approx(expected[metric].mean(), abs=1e-6)


def test_users_left_out_of_groups_of_items_are_counted_with_why(read):
    _, _, held_out = read
    values = pd.Series(["known"] * len(held_out.targets), dtype=object)
    values[(held_out.targets["user_index"] == held_out.users["user_index"].iloc[0]).to_numpy()] = None
    found = scored(read, by_column("brand", "targets", values, max_groups=5))
    assert found.left_out == {"no relevant item with a value": 1}


def test_one_model_has_no_difference(read):
    grouping = Grouping("all", "users", ("all",), np.zeros(39, np.int64))
    group = scored(read, grouping, names=("one",)).groups[0]
    assert "difference" not in group


def test_standard_groups_name_what_they_cut(read):
    _, _, held_out = read
    found = standard_groupings(held_out, NAMES, has_times=True)
    assert [one.name for one in found] == [
        "events in the history",
        "user in training",
        "training events of the item",
        "item in the user's history",
        "event type",
        "time",
    ]
    assert all(len(one.codes) == len(held_out.users if one.of == "users" else held_out.targets) for one in found)
    assert [one.name for one in standard_groupings(held_out, NAMES, has_times=False)][-1] == "event type"


def test_columns_reach_users_and_items_by_index(read):
    _, _, held_out = read
    users = pd.DataFrame({"user_index": range(40), "parity": [f"parity {user % 2}" for user in range(40)]})
    items = pd.DataFrame({"item_index": range(1, N_ITEMS + 1)})
    items["parity"] = [f"parity {item % 2}" for item in items["item_index"]]
    of_users, of_items = column_groupings(held_out, users, items, ["parity"], ["parity"], max_groups=4)
    assert of_users.name == "user: parity"
    labels = [of_users.labels[code] for code in of_users.codes]
    assert labels == [f"parity {user % 2}" for user in held_out.users["user_index"]]
    labels = [of_items.labels[code] for code in of_items.codes]
    assert labels == [f"parity {item % 2}" for item in held_out.targets["item_index"]]
