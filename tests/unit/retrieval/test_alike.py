import logging

import numpy as np
import pytest

from nextact.options import OptionsError
from nextact.retrieval.alike import ListOptions, alike_by_text, looks_seen, top_k_apart
from nextact.sequences.histories import Histories


def test_texts_are_compared_without_case_blanks_and_forms_of_a_character():
    same = ["Caf\u00e9  au lait", "cafe\u0301 au\u00a0lait", "CAF\u00c9 AU LAIT "]
    texts = [*same, "cafe au lait", None, float("nan"), " "]
    assert alike_by_text(texts, True).tolist() == [0, 1, 1, 1, 4, 5, 6, 7]


def test_texts_that_name_kinds_of_items_leave_none_out_unless_asked(caplog):
    kinds = [f"kind {item % 3}" for item in range(33)]
    with caplog.at_level(logging.INFO):
        assert alike_by_text(kinds, "auto") is None
    assert "33 items have 3 texts between them" in caplog.text
    assert alike_by_text(kinds[:30], "auto") is not None
    assert len(set(alike_by_text(kinds, True).tolist())) == 4
    assert alike_by_text(kinds, False) is None


def test_no_text_at_all_leaves_none_out():
    assert alike_by_text(["", ""], True) is None


def test_a_list_is_filled_with_repeats_where_texts_run_out():
    scores = np.array([[-np.inf, 5, 4, 3, 2], [-np.inf, -np.inf, 4, -np.inf, 2]], np.float32)
    alike = np.array([0, 1, 1, 1, 4], np.int32)
    lists, bound = top_k_apart(scores, 3, np.arange(5), alike)
    assert lists.tolist() == [[1, 4, 2], [2, 4, 0]]
    assert bound.tolist() == [3, -np.inf]


def test_a_text_that_fills_the_top_is_looked_past_however_deep():
    n_items, many = 500, 450
    scores = np.append(-np.inf, np.arange(n_items, 0, -1)).astype(np.float32)[None]
    alike = np.arange(n_items + 1, dtype=np.int32)
    alike[1 : many + 1] = 1
    lists, bound = top_k_apart(scores, 4, np.arange(n_items + 1), alike)
    assert lists.tolist() == [[1, many + 1, many + 2, many + 3]]
    assert bound.tolist() == [n_items - 3]


def test_the_option_takes_yes_no_and_auto():
    assert [ListOptions(one_per_text=value).one_per_text for value in (True, False, "auto")] == [True, False, "auto"]
    with pytest.raises(OptionsError, match="one_per_text"):
        ListOptions(one_per_text="sometimes")


def test_what_looks_like_a_seen_item_is_found():
    alike = np.array([0, 1, 2, 1, 4, 1], np.int32)
    found = looks_seen(Histories.from_lists([[3, 5, 2], [], [4]]), alike)
    assert [np.flatnonzero(one).tolist() for one in found] == [[1, 3, 5], [], []]
    assert looks_seen(Histories.from_lists([[4], []]), alike) is None
    assert looks_seen(Histories.from_lists([[3]]), None) is None


def test_what_looks_seen_stands_behind_all_others_however_deep_the_others_are():
    n_items, many = 500, 450
    scores = np.append(-np.inf, np.arange(n_items, 0, -1)).astype(np.float32)[None]
    alike = np.arange(n_items + 1, dtype=np.int32)
    alike[1 : many + 1] = 1
    seen = looks_seen(Histories.from_lists([[7]]), alike)
    lists, bound = top_k_apart(scores, 4, np.arange(n_items + 1), alike, seen)
    assert lists.tolist() == [[many + 1, many + 2, many + 3, many + 4]]
    assert bound.tolist() == [n_items - 3]
    assert top_k_apart(scores, 60, np.arange(n_items + 1), alike, seen)[0][0, 48:52].tolist() == [499, 500, 1, 2]
