import hashlib
import random
from itertools import groupby

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.events.cleaning import clean_events
from nextact.events.contract import EventOptions
from nextact.events.filtering import FilterOptions
from nextact.events.labelling import count_rows, label_events
from nextact.events.splitting import SplitOptions, describe_split
from nextact.events.steps import describe_ties
from nextact.protocol import Ties

pytestmark = pytest.mark.slow

MINUTE = 60_000_000
TYPES = ("view", "purchase")
EVENTS = {"event_type": "kind", "event_types": TYPES, "timestamp_unit": "us", "position": "place"}
NO_FILTER = FilterOptions()


def log(seed=0, n_users=8, n_events=160, n_moments=30):
    draw = random.Random(seed)
    rows = [
        (
            f"u{draw.randrange(n_users)}",
            f"i{draw.randrange(40)}",
            draw.choice(TYPES),
            1_000 * MINUTE + draw.randrange(n_moments) * 7 * MINUTE,
            draw.randrange(5),
        )
        for _ in range(n_events)
    ]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "kind", "timestamp", "place"])


def label(table, keep=NO_FILTER, events=None, **split):
    options = EventOptions(**(EVENTS | {"repeat_columns": ()} | (events or {})))
    found = label_events(table, None, options, SplitOptions(**split), keep)
    return found.accepted.order_by(["user_id", "timestamp", "position"]).execute(), found


def by_user(rows):
    return {user: part.to_dict("records") for user, part in rows.groupby("user_id", sort=True)}


def reference_steps(table, baskets=True, gap=None, targets=None):
    """user -> list of steps, each a list of (source_row, is a target type), worked out by hand."""
    result = {}
    for user, part in table.reset_index(names="row").groupby("user_id"):
        records = part.to_dict("records")
        is_target = lambda r: targets is None or r["kind"] in targets  # noqa: E731
        records.sort(key=lambda r: (r["timestamp"], not is_target(r), r["place"], r["row"]))
        steps, last = [], None
        for r in records:
            new = last is None or not baskets
            if last is not None and baskets:
                new = r["timestamp"] - last["timestamp"] > (0 if gap is None else gap * MINUTE)
                new = new or is_target(r) != is_target(last)
            if new:
                steps.append([])
            steps[-1].append((r["row"], is_target(r)))
            last = r
        result[user] = steps
    return result


@pytest.mark.parametrize("targets", [None, ("purchase",)])
@pytest.mark.parametrize(("baskets", "gap"), [(True, None), (False, None), (True, 8), (True, 0.1)])
def test_steps_are_those_worked_out_by_hand(baskets, gap, targets):
    table = log()
    rows, _ = label(table, kind="leave_one_out", baskets=baskets, session_gap_minutes=gap, target_event_types=targets)
    expected = reference_steps(table, baskets, gap, targets)
    for user, records in by_user(rows).items():
        found = [[r["source_row"] for r in step] for _, step in groupby(records, key=lambda r: r["step"])]
        assert found == [[row for row, _ in step] for step in expected[user]]
        assert [r["step"] for r in records] == sorted(r["step"] for r in records)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("targets", [None, ("purchase",)])
@pytest.mark.parametrize("min_history", [1, 12])
def test_leave_one_out_holds_out_the_two_newest_steps_that_may_be_targets(targets, min_history, seed):
    table = log(seed)
    rows, _ = label(table, kind="leave_one_out", target_event_types=targets, min_history=min_history)
    expected = reference_steps(table, targets=targets)
    for user, records in by_user(rows).items():
        steps = expected[user]
        possible = [n for n, step in enumerate(steps) if step[0][1]]
        second, newest = possible[-2:] if len(possible) > 1 else (None, None)
        enough = second is not None and sum(map(len, steps[:second])) >= min_history
        for r in records:
            if not enough:
                wanted = ("train", False)
            else:
                split = "test" if r["step"] >= newest else "validation" if r["step"] >= second else "train"
                wanted = (split, r["step"] in (second, newest))
            assert (r["split"], r["is_target"]) == wanted


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("min_history", [1, 12])
def test_by_time_the_first_step_of_each_window_that_may_be_a_target_is_one(min_history, seed):
    table = log(seed)
    split = {"validation_from": 0.6, "test_from": 0.8, "target_event_types": ("purchase",), "min_history": min_history}
    rows, _ = label(table, kind="global_time", **split)
    ordered = sorted(table["timestamp"])
    moments = [ordered[int(share * len(table))] for share in (0.6, 0.8)]
    expected = reference_steps(table, targets=("purchase",))
    for user, records in by_user(rows).items():
        firsts = {}
        for r in records:
            assert r["split"] == ("train", "validation", "test")[sum(r["timestamp"] >= m for m in moments)]
            if r["event_type"] == "purchase" and r["split"] != "train":
                firsts.setdefault(r["split"], r["step"])
        for r in records:
            n_before = sum(map(len, expected[user][: r["step"]]))
            wanted = firsts.get(r["split"]) == r["step"] and n_before >= min_history
            assert r["is_target"] == wanted


@pytest.mark.parametrize("seed", [0, 7])
def test_unseen_users_are_drawn_by_a_hash_that_python_computes_too(seed):
    table = log(n_users=200, n_events=1_500)
    rows, _ = label(table, kind="unseen_users", users_seed=seed, validation_from=0.7, test_from=0.8)
    for user, records in by_user(rows).items():
        draw = int(hashlib.sha256(f"{seed}:{user}".encode()).hexdigest()[:8], 16) / 16**8
        split = "train" if draw < 0.7 else "validation" if draw < 0.8 else "test"
        assert {r["split"] for r in records} == {split}
        newest = records[-1]["step"]
        assert [r["is_target"] for r in records] == [
            split != "train" and newest > 0 and r["step"] == newest for r in records
        ]


def test_another_seed_draws_other_unseen_users():
    table = log(n_users=200, n_events=1_500)
    draws = [
        label(table, kind="unseen_users", users_seed=seed)[0].query("split == 'test'")["user_id"] for seed in (0, 1)
    ]
    assert set(draws[0]) != set(draws[1])


def test_too_few_users_for_a_share_are_refused():
    with pytest.raises(NextactError, match="no user falls into"):
        label(log(n_users=1), kind="unseen_users")


def moment_of(table, ties, seed=0, **more):
    rows, _ = label(table, kind="leave_one_out", baskets=False, ties=ties, ties_seed=seed, **more)
    return rows["item_id"].tolist()


ONE_MOMENT = pd.DataFrame(
    {
        "user_id": "u",
        "item_id": list("abcdef"),
        "kind": "view",
        "timestamp": 5_000 * MINUTE,
        "place": [5, 4, 3, 2, 1, 0],
    }
)


def test_ties_follow_the_position_or_the_file():
    assert moment_of(ONE_MOMENT, "position") == list("fedcba")
    assert moment_of(ONE_MOMENT, "file") == list("abcdef")


def test_shuffled_ties_depend_on_the_seed_and_on_nothing_else():
    first = moment_of(ONE_MOMENT, "shuffled", seed=1)
    assert sorted(first) == list("abcdef")
    assert first == moment_of(ONE_MOMENT.sample(frac=1, random_state=0), "shuffled", seed=1)
    orders = {tuple(moment_of(ONE_MOMENT, "shuffled", seed=seed)) for seed in range(8)}
    assert len(orders) > 4


def test_shuffling_ties_never_moves_an_event_to_another_moment():
    table = log()
    rows, _ = label(table, kind="leave_one_out", baskets=False, ties="shuffled")
    for records in by_user(rows).values():
        times = [r["timestamp"] for r in records]
        assert times == sorted(times)


@pytest.mark.parametrize(
    ("ties", "has_positions", "expected"),
    [
        ("position", True, Ties(order="position")),
        ("position", False, Ties(order="file")),
        ("file", True, Ties(order="file")),
        ("shuffled", True, Ties(order="shuffled", seed=3)),
    ],
)
def test_the_certificate_says_which_order_of_ties_was_had(ties, has_positions, expected):
    assert describe_ties(SplitOptions(ties=ties, ties_seed=3), has_positions) == expected


def test_the_certificate_says_how_users_were_drawn():
    described = describe_split(SplitOptions(kind="unseen_users", users_seed=4), {})
    assert described.users_seed == 4
    assert (described.validation_from, described.test_from) == (0.8, 0.9)


NO_TIMES = {"timestamp": None, "timestamp_unit": "native"}


def test_leave_one_out_works_without_times():
    rows, _ = label(ONE_MOMENT, events=NO_TIMES, kind="leave_one_out")
    assert rows["item_id"].tolist() == list("fedcba")
    assert rows["split"].tolist() == ["train"] * 4 + ["validation", "test"]


def test_a_split_by_time_without_times_is_refused_with_a_way_out():
    with pytest.raises(
        NextactError, match=r"'global_time' needs times.*set split\.kind to leave_one_out or unseen_users"
    ):
        label(ONE_MOMENT, events=NO_TIMES, kind="global_time")


def test_sessions_by_gap_without_times_are_refused():
    with pytest.raises(NextactError, match="session_gap_minutes needs times"):
        label(ONE_MOMENT, events=NO_TIMES, kind="leave_one_out", session_gap_minutes=30)


def test_the_legacy_core_is_taken_before_the_split_so_that_held_out_steps_move_up():
    table = pd.DataFrame(
        {
            "user_id": ["u"] * 5 + ["v"] * 4,
            "item_id": ["a", "b", "c", "d", "rare", "a", "b", "c", "d"],
            "kind": "view",
            "timestamp": [k * MINUTE for k in range(1, 10)],
            "place": 0,
        }
    )
    legacy, found = label(table, FilterOptions(min_item_events=2, window="all"), kind="leave_one_out")
    targets = legacy[legacy["is_target"] & (legacy["user_id"] == "u")]
    assert targets["item_id"].tolist() == ["c", "d"]
    assert found.rejected.execute()["item_id"].tolist() == ["rare"]
    ours, _ = label(table, FilterOptions(min_item_events=1), kind="leave_one_out")
    assert ours[ours["is_target"] & (ours["user_id"] == "u")]["item_id"].tolist() == ["d", "rare"]


@pytest.mark.parametrize("window", ["training", "all"])
def test_accepted_and_rejected_rows_are_all_rows(window):
    table = log()
    table.loc[3, "user_id"] = None
    keep = FilterOptions(min_item_events=4, min_user_events=2, window=window)
    _, found = label(table, keep, kind="leave_one_out")
    rows = pd.concat([found.accepted.execute(), found.rejected.execute()])
    assert sorted(rows["source_row"]) == list(range(len(table)))
    counts = count_rows(found)
    assert sum(counts["rows_by_reason"].values()) == len(table)
    assert counts["rows_by_source"]["raw_events"] == counts["rows_by_reason"]
    assert sum(counts["rows_by_split"].values()) == counts["rows_by_reason"]["accepted"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"kind": "unseen_users", "validation_from": "2024-01-01"}, "share of users"),
        ({"kind": "unseen_users", "validation_from": 0.9, "test_from": 0.8}, "must come before test_from"),
        ({"min_history": 0}, "at least 1"),
        ({"session_gap_minutes": 0.0}, "above 0"),
        ({"session_gap_minutes": 5.0, "baskets": False}, "baskets: true"),
        ({"target_event_types": ()}, "must name an event type"),
        ({"validation_from": 1.5}, r"share in \(0, 1\)"),
    ],
)
def test_splits_that_cannot_be_are_refused(bad, message):
    with pytest.raises(NextactError, match=message):
        SplitOptions(**bad)


def test_a_target_event_type_that_nobody_declared_names_the_close_match():
    with pytest.raises(NextactError, match="no event type 'purchas'; did you mean 'purchase'"):
        label(log(), kind="leave_one_out", target_event_types=("purchas",))


def test_the_rows_read_are_not_touched():
    table = log()
    before = table.copy()
    clean_events(table, EventOptions(**EVENTS))
    pd.testing.assert_frame_equal(table, before)
    assert np.array_equal(table.index, before.index)
