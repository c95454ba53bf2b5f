"""What each model can say for an item, in words."""

import numpy as np
import pytest

from nextact.models.grounds import Evidence, Ground, Grounds, explain, grounds_of
from nextact.models.registry import HYBRID, MODELS
from nextact.retrieval.reasons import BY_ITEM, LogWords, reasons
from nextact.retrieval.words import SharedWords
from nextact.sequences.histories import Histories

DAY = 86_400_000_000
NAMES = ["", "bread", "milk", "beer", "jam"]
SHOP, ORDERED = LogWords(("view", "purchase"), True), LogWords(("read",), False)
TOKENS = [["dark", "bread", "rye", "3", "oz"], ["milk"], ["rye", "dark", "beer", "3", "oz"], ["jam", "3", "6pk"]]


class Says:
    """Goes by stated grounds, and names the stated items of the history."""

    def __init__(self, named, otherwise, evidence):
        self.grounds, self.found = Grounds(named, otherwise), np.array([evidence], np.int32)

    def evidence(self, histories, item_index):
        return self.found


def said(model, history, items, scores=None, log=ORDERED, words=None):
    places = np.array([items], np.int32)
    scores = np.ones(places.shape, np.float32) if scores is None else np.array([scores], np.float32)
    return reasons(model, history, places, scores, NAMES, log, words)[0]


def test_items_of_the_history_are_told_by_what_the_user_did_with_them_and_when_last():
    history = Histories.from_lists([[1, 1, 2, 1]], [[0, 0, 1, 1]], [[DAY, 3 * DAY, 4 * DAY, 2 * DAY]])
    model = Says(Ground.STEP, Ground.WHOLE, [1, 2])
    assert said(model, history, [1, 2], log=SHOP) == [
        "in the history: view 2 times, purchase once; last on 1970-01-04",
        "in the history: purchase once; last on 1970-01-05",
    ]


def test_a_log_of_one_event_type_names_none_and_one_without_times_no_date():
    history = Histories.from_lists([[1, 1, 2]], timestamps=[[0, 1, 2]])
    model = Says(Ground.STEP, Ground.WHOLE, [1, 2])
    assert said(model, history, [1, 2]) == ["in the history 2 times", "in the history once"]
    assert said(model, history, [1, 2], log=LogWords(("read",), True)) == [
        "in the history 2 times, last on 1970-01-01",
        "in the history once, last on 1970-01-01",
    ]


@pytest.mark.parametrize(
    ("ground", "words"),
    [
        (Ground.STEP, "because of bread"),
        (Ground.FOLLOWS, "often follows bread"),
        (Ground.TOGETHER, "often in the same histories as bread"),
        (Ground.TEXT, "its text is like that of bread; both name dark, rye"),
        (Ground.TEXT_COLUMN, "its text is like that of bread"),
    ],
)
def test_words_are_quoted_of_models_that_read_texts_alone_and_no_number_or_unit_ever(ground, words):
    shared = SharedWords(TOKENS)
    history = Histories.from_lists([[1, 2]])
    assert said(Says(ground, Ground.NOTHING, [1]), history, [3], words=shared) == [words]
    plain = words.split(";")[0]
    assert said(Says(ground, Ground.NOTHING, [1]), history, [4], words=shared) == [plain]  # a number in common is none
    assert said(Says(ground, Ground.NOTHING, [1]), history, [3]) == [plain]


def test_without_an_item_of_the_history_a_model_says_what_it_went_by():
    history, nobody = Histories.from_lists([[1, 2]]), Histories.from_lists([[]])
    by = {
        Ground.WHOLE: "fits the history as a whole",
        Ground.NEIGHBOURS: "frequent among users with similar histories",
        Ground.POPULAR: "among the most frequent of all users",
        Ground.RECENT: "among the most frequent of all users lately",
        Ground.DEMAND: "expected to be among the most frequent of all users",
        Ground.NOTHING: "fills the list; nothing in the history speaks for it",
    }
    for ground, words in by.items():
        model = Says(Ground.STEP, ground, [0, 0])
        assert said(model, history, [3, 0]) == [words, ""]
        of_everybody = ground in (Ground.POPULAR, Ground.RECENT, Ground.DEMAND)
        new = words if of_everybody else "no history yet; what anybody would be shown"
        assert said(model, nobody, [3, 0]) == [new, ""]


def test_neighbours_who_never_chose_an_item_are_no_reason():
    model = Says(Ground.STEP, Ground.NEIGHBOURS, [0, 0])
    assert said(model, Histories.from_lists([[1]]), [2, 3], scores=[0.2, 0.0]) == [
        "frequent among users with similar histories",
        "fills the list; nothing in the history speaks for it",
    ]


def test_a_model_that_says_nothing_of_itself_claims_no_count_and_no_text():
    class Bare:
        def evidence(self, histories, item_index):
            return np.array([[1, 0]], np.int32)

    words = SharedWords(TOKENS)
    assert said(Bare(), Histories.from_lists([[1, 2]]), [3, 4], words=words) == [
        "because of bread",
        "fits the history as a whole",
    ]


def test_a_model_whose_grounds_differ_is_quoted_place_by_place():
    class Mixed:
        def explain(self, histories, item_index):
            return Evidence(np.array([[1, 2, 0]], np.int32), np.array([[Ground.TEXT, Ground.FOLLOWS, Ground.POPULAR]]))

    assert said(Mixed(), Histories.from_lists([[1, 2]]), [3, 4, 2], words=SharedWords(TOKENS)) == [
        "its text is like that of bread; both name dark, rye",
        "often follows milk",
        "among the most frequent of all users",
    ]


GOES_BY = {
    "popularity": Ground.POPULAR,
    "recent_popularity": Ground.RECENT,
    "popularity_forecast": Ground.DEMAND,
    "personal_popularity": Ground.STEP,
    "transition": Ground.FOLLOWS,
    "item_knn": Ground.TOGETHER,
    "ease": Ground.TOGETHER,
    "tifu_knn": Ground.STEP,
    "content_knn": Ground.TEXT,
    "words_knn": Ground.TEXT,
    "slim": Ground.TOGETHER,
    "als": Ground.TOGETHER,
    "item2vec": Ground.TOGETHER,
    "gpt2": Ground.STEP,
    "nextact": Ground.STEP,
    "bert": Ground.STEP,
}


def test_every_single_model_goes_by_what_it_reads():
    single = {name: entry for family, models in MODELS.items() if family != HYBRID for name, entry in models.items()}
    assert {name: grounds_of(entry.recommender(entry.options())).named for name, entry in single.items()} == GOES_BY
    for name, entry in single.items():
        if grounds_of(entry.recommender(entry.options())).named in (Ground.TEXT, Ground.TEXT_COLUMN):
            assert entry.blocks is not None, name


@pytest.mark.parametrize(
    ("block", "ground"),
    [
        ("encoder", Ground.TEXT),
        ("words", Ground.TEXT),
        ("words_brand", Ground.TEXT_COLUMN),
        ("item2vec", Ground.TOGETHER),
    ],
)
def test_likeness_is_that_of_the_block_that_is_read(block, ground):
    entry = MODELS["baselines"]["content_knn"]
    assert grounds_of(entry.recommender(entry.options(block=block))).named == ground


def test_each_ground_has_words():
    model = Says(Ground.STEP, Ground.WHOLE, [0])
    assert explain(model, Histories.from_lists([[1]]), np.array([[2]], np.int32)).ground.tolist() == [[Ground.WHOLE]]
    for ground in Ground:
        found = said(Says(ground, ground, [1 if ground in BY_ITEM else 0]), Histories.from_lists([[1]]), [2])
        assert found[0]
