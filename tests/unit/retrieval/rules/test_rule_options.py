import json

import pytest

from nextact.errors import NextactError
from nextact.options import OptionsError, plain
from nextact.retrieval.rules.rule_options import RuleOptions, columns_named, require_options, with_request


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"excluded": ["a"]}, "RuleOptions has no option 'excluded'; did you mean 'exclude'?"),
        ({"exclude": "a"}, "RuleOptions.exclude should be a list, got 'a'"),
        ({"where": "len(x)"}, "RuleOptions.where calls 'len(x)'"),
        ({"where": ["x == 1", ""]}, "RuleOptions.where is empty"),
        ({"boosts": [{"where": "x", "factor": 0}]}, "RuleOptions.boosts[0].factor must be above 0, got 0"),
        ({"boosts": [{"where": "x("}]}, "RuleOptions.boosts[0]"),
        ({"pinned": ["a"], "exclude": ["a"]}, "RuleOptions.pinned: exclude forbids 1 of 1 ids, e.g. 'a'"),
        ({"pinned": ["a"], "include_only": ["b"]}, "pinned: include_only (by not being in it) forbids 1 of 1 ids"),
        ({"pinned": ["a", "a"]}, "pinned: 'a' stands at several places"),
        ({"pinned": {1: "a", 4: "a"}}, "pinned: 'a' stands at 2 places"),
        ({"pinned": {0: "a"}}, "pinned"),
        ({"include_only": []}, "include_only names no id"),
        ({"include_only": ["a"], "exclude": ["a", "b"]}, "include_only: exclude names all of its 1 ids, e.g. 'a'"),
        ({"seen": "never"}, "seen: should be exclude, allow, only or as in {exclude: [purchase]}, got 'never'"),
        ({"seen": {"allow": ["view"]}}, "seen: should be exclude"),
        ({"seen": {"exclude": []}}, "seen names no event type"),
        ({"freshness": {"column": "added"}}, "freshness: half_life_days: state it"),
        ({"freshness": {"column": "added", "half_life_days": -1}}, "half_life_days must be above 0, got -1"),
        ({"categories": {"column": "x"}}, "categories: at_most: state it"),
        (
            {"categories": {"column": "x", "at_most": 1, "at_least": {"a": 2}}},
            "at_least: 2 of 'a', but at_most allows 1",
        ),
        ({"exploration": {"epsilon": 0.0}}, "nothing would be explored"),
        ({"exploration": {"epsilon": 1.5}}, "exploration.epsilon must be at most 1, got 1.5"),
        ({"diversity": {"strength": float("nan")}}, "strength"),
        ({"candidates": 0}, "candidates must be in [1, 10000], got 0"),
        ({"as_of": "soon"}, "as_of must be an ISO date or time, or now, got 'soon'"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_by_name(block, message):
    with pytest.raises(OptionsError) as refused:
        RuleOptions(**block)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_ids_are_text_whole_numbers_their_digits():
    rules = RuleOptions(exclude=[7, "b"], include_only=[1], pinned={"2": 1})
    assert (rules.exclude, rules.include_only, rules.pinned) == (("7", "b"), ("1",), {2: "1"})
    assert RuleOptions(pinned=["x", "y"]).pinned == {1: "x", 2: "y"}


def test_a_package_keeps_them_as_json():
    rules = RuleOptions(
        exclude=["a"],
        pinned={3: "x"},
        where="price < 3",
        seen={"exclude": ["purchase"]},
        boosts=[{"where": "own", "factor": 2}],
        freshness={"column": "added", "max_age_days": 3},
        categories={"column": "kind", "at_most": {"wine": 2}, "at_least": {"beer": 1}},
        diversity={},
        exploration={"epsilon": 0.2, "seed": 1},
    )
    assert RuleOptions(**json.loads(json.dumps(plain(rules)))) == rules
    assert columns_named(rules) == ["price", "own", "added", "kind"]


def test_rules_are_set_once_one_of_them_does_something():
    assert not RuleOptions(candidates=5, as_of="2024-01-01").are_set
    assert RuleOptions(seen="allow").are_set
    assert RuleOptions(exclude=["a"]).are_set


DEFAULTS = RuleOptions(
    exclude=["a"], include_only=["b", "c", "d"], where="in_stock", pinned=["b"], diversity={}, candidates=7
)


def test_what_forbids_adds_up_and_the_rest_of_a_request_takes_its_place():
    found = with_request(DEFAULTS, {"exclude": ["z"], "include_only": ["c", "b", "x"], "where": "price < 3"})
    assert found.exclude == ("a", "z")
    assert found.include_only == ("c", "b")
    assert found.where == ("in_stock", "price < 3")
    assert (found.pinned, found.diversity, found.candidates) == (DEFAULTS.pinned, DEFAULTS.diversity, 7)
    assert with_request(DEFAULTS, {"pinned": {2: "c"}}).pinned == {2: "c"}
    assert with_request(DEFAULTS, None) is DEFAULTS


def test_none_switches_a_rule_off_but_nothing_that_forbids():
    found = with_request(DEFAULTS, dict.fromkeys(("exclude", "include_only", "where", "pinned", "diversity")))
    assert (found.exclude, found.include_only, found.where) == (("a",), ("b", "c", "d"), ("in_stock",))
    assert (found.pinned, found.diversity) == ({}, None)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["a"], r"rules: a mapping is needed, as in \{'exclude': \['id'\]\}, got \['a'\]"),
        ({"prices": 1}, "rules has no option 'prices'"),
        ({1: 2}, "rules: a name is needed in place of 1"),
        ({"exclude": ["b"]}, "rules.pinned: exclude forbids 1 of 1 ids, e.g. 'b'"),
        ({"include_only": ["x"]}, "include_only names none of the ids that the package includes"),
        ({"include_only": ["c"]}, "rules.pinned: include_only .* forbids 1 of 1 ids, e.g. 'b'"),
    ],
)
def test_a_request_that_contradicts_is_refused_under_its_own_name(asked, message):
    with pytest.raises(OptionsError, match=message):
        with_request(DEFAULTS, asked)


def test_rules_ask_for_no_more_than_a_list_has_places():
    with pytest.raises(NextactError, match=r"rules.pinned: place 4 is below the 3 places of a list"):
        require_options(RuleOptions(pinned={4: "a"}), 3)
    asked = RuleOptions(categories={"column": "x", "at_least": {"a": 2, "b": 2}})
    with pytest.raises(NextactError, match=r"rules.categories.at_least: 4 items are wanted, and a list has 3 places"):
        require_options(asked, 3)
    require_options(asked, 4)
