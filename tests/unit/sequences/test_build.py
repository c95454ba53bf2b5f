import numpy as np
import pandas as pd

from nextact.events.contract import as_table
from nextact.sequences.build import VocabularyOptions, build_histories, fit_vocabulary
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import make_holdout, training_histories

ROWS = [  # user, item, event type, step, split, is_target
    ("v", "b", "view", 0, "train", False),
    ("u", "b", "view", 0, "train", False),
    ("u", "a", "buy", 0, "train", False),
    ("u", "c", "buy", 1, "validation", True),
    ("u", "b", "view", 1, "validation", True),
    ("u", "a", "view", 2, "validation", False),
    ("u", "a", "buy", 3, "test", True),
]
NAMES = ["user_id", "item_id", "event_type", "step", "split", "is_target"]


def built(cold_items=False):
    table = pd.DataFrame(ROWS, columns=NAMES)
    table["timestamp"] = table["step"] * 10
    table["position"] = table["source_row"] = np.arange(len(table))
    events = as_table(table)
    items = as_table(pd.DataFrame({"item_id": ["a", "b", "c", "d"]}))
    vocabulary = fit_vocabulary(events, items, VocabularyOptions(cold_items=cold_items))
    return vocabulary, build_histories(events, vocabulary, ("view", "buy"))


def test_the_vocabulary_counts_training_events_only():
    vocabulary, _ = built()
    assert vocabulary.to_dict("list") == {"item_index": [1, 2], "item_id": ["a", "b"], "n_training_events": [1, 2]}


def test_cold_items_keep_an_index_where_asked():
    vocabulary, _ = built(cold_items=True)
    assert vocabulary["item_id"].tolist() == ["a", "b", "c", "d"]
    assert vocabulary["n_training_events"].tolist() == [1, 2, 0, 0]


def test_histories_are_ordered_and_know_their_baskets():
    _, result = built()
    assert result.user_ids["user_id"].tolist() == ["u", "v"]
    assert result.histories.offsets.tolist() == [0, 5, 6]
    assert result.histories.item_index.tolist() == [2, 1, 2, 1, 1, 2]
    assert result.histories.event_type.tolist() == [0, 1, 0, 0, 1, 0]
    assert result.histories.starts_step.tolist() == [True, False, True, True, True, True]


def test_cuts_separate_history_and_target_and_count_what_the_catalogue_lacks():
    _, result = built()
    assert result.validation.history_end.tolist() == [2, 6]
    assert result.validation.target_end.tolist() == [3, 6]
    assert result.validation.n_missing.tolist() == [1, 0]  # item c
    assert result.test.history_end.tolist() == [4, 6]
    assert result.test.target_end.tolist() == [5, 6]


def test_training_histories_hold_nothing_held_out():
    _, result = built()
    assert training_histories(result.histories, result.validation).item_index.tolist() == [2, 1, 2]


def test_a_holdout_leaves_out_users_without_a_target():
    _, result = built()
    holdout = make_holdout(result.histories, result.validation, n_event_types=2)
    assert holdout.users.tolist() == [0]
    assert holdout.targets.n_relevant.tolist() == [2]
    assert holdout.next_types.tolist() == [[1.0, 0.0]]


def test_saved_histories_open_as_they_were(tmp_path):
    _, result = built()
    result.histories.save(tmp_path)
    opened = Histories.open(tmp_path)
    np.testing.assert_array_equal(opened.item_index, result.histories.item_index)
    assert isinstance(opened.item_index, np.memmap)


def test_last_steps_keep_whole_baskets():
    _, result = built()
    recent = result.histories.last_steps(3)
    assert recent.item_index.tolist() == [2, 1, 1, 2]


def test_the_window_reaches_to_the_last_event_before_the_next_holdout():
    _, result = built()
    assert result.validation.observed_until.tolist() == [4, 6]
    assert result.test.observed_until.tolist() == [5, 6]
