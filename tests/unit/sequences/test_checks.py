"""A split of which nothing could be chosen or tested is refused before anything is fitted."""

import numpy as np
import pandas as pd
import pytest

from nextact.errors import NextactError
from nextact.events.contract import EventOptions, as_table
from nextact.events.splitting import SplitOptions, split_events
from nextact.pipelines.data_processing import nodes
from nextact.sequences.build import VocabularyOptions, fit_vocabulary
from nextact.sequences.checks import MORE_USERS, check_holdouts
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Cuts, validation_halves

HISTORIES = Histories.from_lists([[1, 2, 3]] * 6)
STARTS = HISTORIES.offsets[:-1]
SEED = 0
FIT, CHOOSE = validation_halves(6, SEED)


def cuts(users, n_before=1):
    """One target after ``n_before`` events of some users, none of the others."""
    has_target = np.isin(np.arange(6), users).astype(np.int64)
    return Cuts(STARTS + n_before, STARTS + n_before + has_target, np.zeros(6, np.int64))


def check(validation, test, kind="global_time"):
    check_holdouts(HISTORIES, validation, test, SplitOptions(kind=kind), SEED)


EVERYBODY = cuts(range(6))


def test_one_user_in_each_part_is_enough():
    check(cuts([FIT[0], CHOOSE[0]]), cuts([5]))


@pytest.mark.parametrize(
    ("validation", "test", "part"),
    [
        (cuts([]), EVERYBODY, "validation is empty: of 6 users 0 have a target, and of these 0 a history before it"),
        (cuts(CHOOSE), EVERYBODY, "the half of the validation users that fits and calibrates is empty: of 3 users 0"),
        (cuts(FIT), EVERYBODY, "the half of the validation users that chooses is empty: of 3 users 0 have a target"),
        (EVERYBODY, cuts([]), "test is empty: of 6 users 0 have a target, and of these 0 a history before it"),
        (EVERYBODY, cuts(range(6), n_before=0), "test is empty: of 6 users 6 have a target, and of these 0 a history"),
    ],
)
@pytest.mark.parametrize("kind", MORE_USERS)
def test_an_empty_part_is_named_with_what_to_change(validation, test, part, kind):
    with pytest.raises(NextactError) as raised:
        check(validation, test, kind)
    assert str(raised.value).startswith(f"split: {part}")
    assert str(raised.value).endswith(f"under {kind}; {MORE_USERS[kind]}")


def test_a_target_outside_the_catalogue_is_a_target():
    lost = Cuts(STARTS + 1, STARTS + 1, np.ones(6, np.int64))
    check(lost, lost)


@pytest.mark.parametrize("n_events", [2, 4])
def test_the_node_that_makes_the_cuts_refuses_a_log_too_short_for_leave_one_out(n_events):
    """Two events a user leave nothing to hold out; before, every model was fitted first."""
    rows = [(f"u{user}", f"i{(user + n) % 3}", "view", n * 10, n) for user in range(6) for n in range(n_events)]
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "event_type", "timestamp", "position"])
    split = SplitOptions(kind="leave_one_out")
    events, _ = split_events(
        as_table(table.assign(source="log", source_row=np.arange(len(table)), session_id=None)), split
    )
    vocabulary = fit_vocabulary(events, as_table(table[["item_id"]]), VocabularyOptions())
    contract = EventOptions(user_id="user_id", item_id="item_id", timestamp="timestamp", event_types=("view",))
    if n_events == 4:
        assert len(nodes.build_histories(events, vocabulary, contract, split, SEED)[0]) == 6
        return
    with pytest.raises(NextactError, match=r"split: validation is empty: of 6 users 0 .*lower split.min_history, name"):
        nodes.build_histories(events, vocabulary, contract, split, SEED)
