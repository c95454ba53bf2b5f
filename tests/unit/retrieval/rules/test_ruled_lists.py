import dataclasses

import numpy as np
import pandas as pd
import pytest

from nextact.models.top_items import top_k
from nextact.retrieval.rules import places
from nextact.retrieval.rules.ruled_lists import CUT_COLUMNS, RULE_COLUMNS


def sources(found):
    return found.marks["source"].tolist()


def moved(found):
    return found.marks["moved_by"].tolist()


def test_what_is_not_eligible_is_not_listed_and_the_next_ones_move_up(lists):
    assert lists(exclude=["a"])[0] == ["bcd"]
    assert lists(include_only=["f", "a", "c"])[0] == ["acf"]
    assert lists(where="price < 45 or price == None")[0] == ["abc"]
    assert lists(where=["price > 10", "not hidden"])[0] == ["bd"]
    assert lists(freshness={"column": "added", "max_age_days": 15})[0] == ["abe"]  # f is still to come: new
    assert lists(freshness={"column": "added", "max_age_days": 15}, exclude=["a"])[0] == ["bef"]


def test_probabilities_are_the_models_over_what_may_be_shown_and_boosts_leave_them(lists):
    _, found = lists(k=2, include_only=["a", "b"], boosts=[{"where": "shelf == 3", "factor": 2}])
    expected = np.exp([6, 5]) / np.exp([6, 5]).sum()
    assert found.ranking.listed_probability[0] == pytest.approx(expected, rel=1e-6)
    listed, found = lists(k=6, boosts=[{"where": "price == 60", "factor": 1_000}])
    assert listed == ["fabcde"]
    assert found.ranking.listed_scores.tolist() == [[1, 6, 5, 4, 3, 2]]
    assert moved(found) == ["boosts", "", "", "", "", ""]


@pytest.mark.parametrize(
    ("seen", "listed"),
    [
        ("exclude", "cde"),
        ("allow", "abc"),
        ("only", "ab"),
        ({"exclude": ["purchase"]}, "acd"),
        ({"only": ["purchase"]}, "b"),
        (None, "cde"),
    ],
)
def test_seen_items_are_left_out_allowed_or_all_that_there_is(lists, seen, listed):
    """The user viewed a and bought b; the policy of the run says exclude."""
    found = lists(histories=[[1, 2, 1]], types=[[0, 1, 0]], exclude_seen=True, seen=seen)
    assert found[0] == [listed]


def test_of_items_with_one_text_a_seen_one_speaks_for_all(lists, shop):
    one_of_a_text = dataclasses.replace(shop, one_per_text=True)
    assert lists(histories=[[2]], seen="exclude", shop=one_of_a_text)[0] == ["cde"]
    assert lists(histories=[[2]], seen="exclude", shop=one_of_a_text, k=6)[0] == [
        "cdefa"
    ]  # last, when no other is left
    assert lists(histories=[[2]], types=[[0]], seen={"exclude": ["purchase"]}, shop=one_of_a_text)[0] == ["acd"]
    assert lists(histories=[[2]], seen="exclude", shop=shop)[0] == ["acd"]
    assert lists(histories=[[2]], seen="only", shop=one_of_a_text)[0] == ["b"]
    assert lists(seen="allow", shop=one_of_a_text, exclude=["d"])[0] == ["ace"]


def test_boosts_multiply_and_are_told_in_odds(lists):
    """Scores a unit apart at temperature 1: a factor just above e moves an item past the next one."""
    assert lists(boosts=[{"where": "price == 20", "factor": np.e * 0.99}])[0] == ["abc"]
    assert lists(boosts=[{"where": "price == 20", "factor": np.e * 1.01}])[0] == ["bac"]
    twice = [{"where": "price == 20", "factor": 1.7}, {"where": "kind == 'grape'", "factor": 1.7}]
    assert lists(boosts=twice)[0] == ["abc"]  # a has one of them, too
    assert lists(boosts=[{"where": "shelf == 1", "factor": 0.01}])[0] == ["cde"]


def test_freshness_halves_with_age_and_an_item_without_a_time_is_as_old_as_the_oldest(lists):
    """On day 100, ages are 0, 10, 30, unknown, 1 and 0 days."""
    listed, found = lists(k=6, scores=[0, 1, 1, 1, 1, 1, 1], freshness={"column": "added", "half_life_days": 10})
    assert listed == ["afebcd"]
    assert moved(found)[:4] == ["", "", "freshness", "freshness"]
    shift = np.log(2) * 3  # 30 days
    scores = [0, 0, 0, shift * 1.01, 0, 0, 0]
    assert lists(k=1, scores=scores, freshness={"column": "added", "half_life_days": 10})[0] == ["c"]
    scores[3] = shift * 0.99
    assert lists(k=1, scores=scores, freshness={"column": "added", "half_life_days": 10})[0] == ["a"]


def test_pins_take_their_places_and_count_for_their_category(lists):
    listed, found = lists(pinned={2: "f"})
    assert listed == ["afb"]
    assert sources(found) == ["model", "pinned", "model"]
    assert lists(pinned=["c", "e"])[0] == ["cea"]
    assert lists(pinned=["b"], categories={"column": "kind", "at_most": 1})[0] == ["bcd"]
    assert lists(k=2, pinned=["b"], categories={"column": "kind", "at_least": {"grape": 1}})[0] == ["ba"]


def test_a_pin_that_a_user_may_not_be_shown_leaves_its_place_to_the_next_item(lists):
    listed, found = lists(histories=[[6], []], seen="exclude", pinned=["f"])
    assert listed == ["abc", "fab"]
    assert found.cuts["unpinned"].tolist() == [1, 0]


def test_where_a_pin_stands_below_what_there_is_the_list_has_no_gap(lists):
    listed, found = lists(pinned={3: "b"}, include_only=["a", "b"])
    assert listed == ["ab"]
    assert sources(found) == ["model", "pinned", "none"]
    assert found.cuts["listed"].tolist() == [2]


def test_caps_and_minimums_hold_and_say_what_they_moved(lists):
    listed, found = lists(k=4, categories={"column": "kind", "at_most": 1})
    assert listed == ["acdf"]
    assert moved(found) == ["", "at_most", "at_most", "at_most"]
    assert found.cuts["cut_by_at_most"].tolist() == [2]  # b and e gave way
    listed, found = lists(k=3, categories={"column": "kind", "at_least": {"cane": 1, "grain": 1}})
    assert listed == ["acd"]
    assert moved(found) == ["", "at_least", "at_least"]
    assert lists(k=3, categories={"column": "shelf", "at_most": {"1": 1, "2": 0}})[0] == ["aef"]


def test_a_minimum_of_what_there_is_not_is_as_many_as_there_are(lists):
    found = lists(k=3, exclude=["c"], categories={"column": "kind", "at_least": {"grain": 2}})
    assert found[0] == ["abe"]


def test_minimums_are_found_however_deep_the_ranking_has_them(lists):
    found = lists(k=2, candidates=1, categories={"column": "kind", "at_least": {"cane": 1}})
    assert found[0] == ["ad"]


def test_what_resembles_those_above_gives_way(lists):
    """b and c point where a does: their scores lose 1.5; f points away, which gains nothing."""
    listed, found = lists(k=6, diversity={"strength": 1.5})
    assert listed == ["abdcfe"]
    assert moved(found) == ["", "", "diversity", "", "diversity", ""]
    assert lists(k=3, diversity={"strength": 0.0})[0] == ["abc"]
    assert lists(k=3, pinned={3: "b"}, diversity={"strength": 5})[0] == ["dab"]  # a resembles what is pinned


def test_a_list_that_candidates_leave_short_is_filled_from_the_ranking(lists):
    """Of the three candidates caps leave one; the model's next that has room follows, and then it ranks no more."""
    listed, found = lists(candidates=1, exclude=["c"], categories={"column": "kind", "at_most": 1})
    assert listed == ["ade"]
    assert sources(found) == ["model", "model", "model_next"]


def test_a_cap_holds_also_where_the_list_gets_short_by_it(lists):
    """Nothing of grain may be listed; cola, without a kind, may."""
    listed, found = lists(k=5, exclude=["b"], categories={"column": "kind", "at_most": {"grain": 0}})
    assert listed == ["adf"]
    assert sources(found) == ["model", "model", "model", "none", "none"]


def test_the_steps_of_the_fallback_in_turn(lists):
    """The candidates b to f have no room beside the pinned a and j. Then g, which the model ranks above the rest; of
    the rest h, of whose group the list has one, before i, though i has more training events."""
    shop = _with(pd.DataFrame({"group": ["x"] * 6 + ["y", "y", "z", "y"]}), [9] * 6 + [1, 1, 5, 1])
    rules = {"categories": {"column": "group", "at_most": {"x": 1}}, "candidates": 1, "pinned": ["a", "j"]}
    listed, found = lists(k=5, scores=[0, 99, 8, 8, 7, 6, 5, 2, 1, 1, 98], shop=shop, **rules)
    assert listed == ["ajghi"]
    assert sources(found) == ["pinned", "pinned", "model_next", "popular_in_category", "popular"]
    assert found.marks["propensity"].isna().all()


def _with(attributes, counts):
    from nextact.retrieval.catalogue import Catalogue

    ids = list("abcdefghij")[: len(counts)]
    return Catalogue(pd.DataFrame({"item_id": ids, "item_text": ids, "n_training_events": counts}), False, attributes)


def test_no_place_stays_empty_while_an_item_may_be_shown(lists, shop):
    """Texts run out after five items: the second wine comes last."""
    one_of_a_text = dataclasses.replace(shop, one_per_text=True)
    listed, found = lists(k=6, seen="allow", shop=one_of_a_text, exclude=["f"])
    assert listed == ["acdeb"]
    assert sources(found) == [*["model"] * 4, "model_next", "none"]


def test_rows_that_are_drawn_say_how_and_pins_do_not(lists):
    listed, found = lists(k=3, pinned={2: "f"}, exploration={"epsilon": 0.5, "seed": 3})
    marks = found.marks
    assert listed[0][1] == "f"
    assert marks["propensity"].notna().tolist() == [True, False, True]
    assert marks["policy"][[0, 2]].tolist() == ["epsilon 0.5, temperature 0"] * 2
    assert marks["seed"][[0, 2]].tolist() == [3, 3]
    assert marks.loc[1, ["policy", "seed"]].isna().all()
    first = 0.5 + 0.5 / 5 if listed[0][0] == "a" else 0.5 / 5
    assert marks["propensity"].iloc[0] == pytest.approx(first)


def test_a_draw_depends_on_seed_and_user_alone(lists, monkeypatch):
    histories, users = [[]] * 130, [f"user {one}" for one in range(130)]
    rules = {"exploration": {"epsilon": 1.0, "seed": 3}, "diversity": {}}
    everybody, _ = lists(histories=histories, users=users, **rules)
    assert len(set(everybody)) > 50
    assert lists(histories=[[]], users=users[77:78], **rules)[0] == everybody[77:78]
    monkeypatch.setattr(places, "VECTOR_BYTES", 7 * 6 * 2 * 4)  # seven lists at once
    assert lists(histories=histories, users=users, **rules)[0] == everybody
    other, _ = lists(histories=histories, users=users, exploration={"epsilon": 1.0, "seed": 4}, diversity={})
    assert other != everybody


def test_a_seed_that_is_left_out_is_made_of_the_moment(lists):
    seeds = [
        lists(exploration={"epsilon": 0.5}, as_of=moment)[1].marks["seed"].iloc[0]
        for moment in ("2024-01-01", "2024-01-01", "2024-01-02")
    ]
    assert seeds[0] == seeds[1] != seeds[2]


def test_what_rules_cut_is_counted_by_the_first_that_cuts(lists):
    """exclude cuts a; where cuts b (and a), and e; of what is left the user has seen c."""
    _, found = lists(histories=[[3, 1], []], seen="exclude", exclude=["a"], where="price > 20 or price == None")
    assert found.cuts.columns.tolist() == list(CUT_COLUMNS)
    first, second = found.cuts.to_dict("records")
    wanted = {"cut_by_exclude": 1, "cut_by_where": 1, "cut_by_seen": 1, "eligible": 3, "listed": 3, "places": 3}
    assert {name: first[name] for name in wanted} == wanted
    assert (second["cut_by_seen"], second["eligible"]) == (0, 4)
    assert found.marks.columns.tolist() == list(RULE_COLUMNS)


def test_a_user_to_whom_nothing_may_be_shown_gets_an_empty_list(lists):
    listed, found = lists(histories=[[1], []], seen="only")
    assert listed == ["a", ""]
    assert found.cuts["listed"].tolist() == [1, 0]
    listed, found = lists(
        histories=[[]], seen="only", exploration={}, diversity={}, categories={"column": "kind", "at_most": 1}
    )
    assert listed == [""]


def test_rules_that_change_nothing_leave_the_models_list(lists):
    scores = np.random.default_rng(0).integers(0, 3, 7).astype(np.float32)
    scores[0] = -np.inf
    expected = top_k(scores[None], 6, np.arange(7))[0]  # the shop's items are in the order of their popularity
    for rules in ({"seen": "allow"}, {"diversity": {"strength": 0}}, {"categories": {"column": "kind", "at_most": 6}}):
        assert lists(k=6, scores=scores, **rules)[1].ranking.lists.tolist() == [expected.tolist()]
