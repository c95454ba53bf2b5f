import logging

import pytest

from nextact.errors import NextactError
from nextact.retrieval.rules.compiled import compile_rules
from nextact.retrieval.rules.rule_options import RuleOptions

from .conftest import NOW, TYPES


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"pinned": ["g"]}, r"rules.pinned: the catalogue has no item 'g'"),
        ({"pinned": ["e"], "where": "not hidden"}, r"rules.pinned: where \(not hidden\) forbids 'e'"),
        (
            {"pinned": ["c"], "freshness": {"column": "added", "max_age_days": 5}},
            r"rules.pinned: freshness.max_age_days forbids 'c'",
        ),
        ({"where": "prize < 3"}, r"rules.where: the items have no column 'prize'; did you mean 'price'"),
        ({"boosts": [{"where": "prize < 3", "factor": 2}]}, r"rules.boosts\[0\].where: the items have no column"),
        ({"where": "price > 99"}, r"rules: nothing is left of 6 items; they are forbidden by where 6"),
        ({"include_only": ["x", "y"]}, r"nothing is left of 6 items; they are forbidden by include_only 6"),
        ({"exclude": ["a"], "where": "price < 15"}, "forbidden by exclude 1, where 5"),
        ({"seen": {"exclude": ["buy"]}}, r"rules.seen: no event type 'buy'; known: purchase, view"),
        (
            {"freshness": {"column": "price", "max_age_days": 1}},
            r"rules.freshness.column: column 'price' holds numbers",
        ),
        ({"freshness": {"column": "kind", "max_age_days": 1}}, r"column 'kind' is no ISO date or time in 5 row"),
        ({"categories": {"column": "kinds", "at_most": 1}}, r"rules.categories.column: .*did you mean 'kind'"),
        ({"categories": {"column": "added", "at_most": 1}}, "holds times, and categories are needed"),
        ({"categories": {"column": "kind", "at_most": {"grapes": 1}}}, r"at_most: no item is of the category 'grapes'"),
        ({"categories": {"column": "kind", "at_least": {"wine": 1}}}, r"at_least: no item is of the category 'wine'"),
        (
            {"pinned": ["a", "b"], "categories": {"column": "kind", "at_most": 1}},
            r"rules.pinned: 2 of one category are pinned, e.g. 'a', and categories.at_most allows 1",
        ),
        (
            {"diversity": {"block": "tfidf"}},
            r"rules.diversity.block: there are no item vectors 'tfidf' here",
        ),
    ],
)
def test_rules_that_do_not_fit_the_items_are_refused_by_name(shop, rules, message):
    with pytest.raises(NextactError, match=message):
        compile_rules(RuleOptions(**rules), shop, False, TYPES, 3, NOW)


@pytest.mark.parametrize("rules", [{"where": "added < now"}, {"freshness": {"column": "added", "half_life_days": 1}}])
def test_a_log_without_times_needs_a_moment_that_is_stated(shop, rules):
    with pytest.raises(NextactError, match="say as_of"):
        compile_rules(RuleOptions(**rules), shop, False, TYPES, 3, None)
    compile_rules(RuleOptions(**rules, as_of="2024-01-01"), shop, False, TYPES, 3, None)


def test_ids_that_the_catalogue_does_not_have_are_told_and_change_nothing(shop, caplog):
    with caplog.at_level(logging.WARNING):
        found = compile_rules(RuleOptions(exclude=["a", "x1", "x2"]), shop, False, TYPES, 3, NOW)
    assert (found.cuts, found.n_unknown) == ({"exclude": 1}, 2)
    assert "rules.exclude: 2 of 3 ids are no items of the catalogue, e.g. 'x1'" in caplog.text


def test_categories_of_a_column_of_numbers_are_named_by_their_digits(shop):
    found = compile_rules(RuleOptions(categories={"column": "price", "at_most": {"10": 1}}), shop, False, TYPES, 3, NOW)
    assert found.categories.of_items.tolist() == [5, 0, 1, 5, 2, 3, 4]
    assert found.categories.at_most[0] == 1
