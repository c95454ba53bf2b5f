"""What histories say in words."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from nextact.errors import NextactError
from nextact.options import OptionsError
from nextact.text.words.profiles import KeyTerms, ProfileOptions

TOKENS = [["red", "wine", "wine"], ["white", "wine"], ["soap"], [], ["red", "soap"]]


def key_terms(history, tokens=TOKENS, **changes):
    options = ProfileOptions(**{"terms": 10, "min_items": 1} | changes)
    return KeyTerms(tokens, options).of(csr_matrix(np.atleast_2d(history)))


def test_weights_are_share_times_inverse_item_frequency():
    history = [0, 1.0, 0, 0.5, 0, 0]  # item 1 (red wine wine) counts 1, item 3 (soap) a half
    idf = math.log(5 / 3)  # four items with text; red, wine and soap are in two of them each
    shares = {"red": 1 / 3.5, "wine": 2 / 3.5, "soap": 0.5 / 3.5}
    found = dict(key_terms(history)[0])
    assert found == pytest.approx({word: share * idf for word, share in shares.items()})


def test_the_largest_weight_comes_first_and_ties_in_alphabetical_order():
    words = [word for word, _ in key_terms([0, 0, 0, 0, 0, 1.0])[0]]
    assert words == ["red", "soap"]
    assert [word for word, _ in key_terms([0, 1.0, 0, 0, 0, 0])[0]] == ["wine", "red"]


def test_an_older_event_says_less():
    recent_wine = dict(key_terms([0, 0, 1.0, 0.2, 0, 0])[0])
    recent_soap = dict(key_terms([0, 0, 0.2, 1.0, 0, 0])[0])
    assert recent_wine["white"] > recent_wine["soap"]
    assert recent_soap["soap"] > recent_soap["white"]


def test_only_so_many_terms_come_back():
    assert len(key_terms([0, 1.0, 1.0, 1.0, 0, 1.0], terms=2)[0]) == 2


def test_rare_words_and_words_of_every_item_describe_nobody():
    assert key_terms([0, 0, 1.0, 0, 0, 0], min_items=2)[0][0][0] == "wine"
    assert [w for w, _ in key_terms([0, 1.0, 1.0], tokens=[["shop", "tea"], ["shop", "milk"]])[0]] == ["milk", "tea"]


@pytest.mark.parametrize("history", [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1.0, 0]])
def test_a_history_without_words_has_no_terms(history):
    assert key_terms(history) == [[]]


def test_a_catalogue_without_words_describes_nobody():
    assert key_terms([0, 1.0], tokens=[[]]) == [[]]


def test_a_history_of_another_catalogue_raises():
    with pytest.raises(NextactError, match="of 5 items, the history is of 2"):
        key_terms([0, 1.0, 1.0])


@pytest.mark.parametrize("wrong", [{"terms": -1}, {"min_items": 0}, {"history_decay": 0.0}, {"half_life_days": 0.0}])
def test_options_out_of_range_raise(wrong):
    with pytest.raises(OptionsError, match=next(iter(wrong))):
        ProfileOptions(**wrong)
