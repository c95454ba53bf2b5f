"""Lists that obey rules against a second, slow way of making them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nextact.errors import NextactError
from nextact.options import OptionsError
from nextact.retrieval.catalogue import Catalogue
from nextact.retrieval.rules import ruled_lists
from nextact.retrieval.rules.compiled import compile_rules
from nextact.retrieval.rules.rule_options import RuleOptions
from nextact.retrieval.rules.ruled_lists import rank_by_rules
from nextact.sequences.histories import Histories

T = 0.5  # temperature
TYPES = ("view", "purchase")
BRANDS = ("red", "blue", "green")


@dataclass
class Fixed:
    """Scores that are given."""

    scores: np.ndarray

    def score(self, histories):
        return self.scores[: histories.n_users]


@dataclass
class Case:
    scores: np.ndarray  # [users, items + 1]
    histories: list  # of (item, type) a user
    prices: list
    brands: list
    texts: list
    counts: list
    vectors: np.ndarray
    rules: dict
    k: int

    @property
    def n_items(self):
        return len(self.prices)

    @property
    def ids(self):
        return [f"i{item}" for item in range(1, self.n_items + 1)]

    def catalogue(self):
        table = pd.DataFrame({"item_id": self.ids, "item_text": self.texts, "n_training_events": self.counts})
        attributes = pd.DataFrame({"price": pd.array(self.prices, "Int64"), "brand": self.brands})
        return Catalogue(table, True, attributes, {"encoder": self.vectors})

    def run(self, exclude_seen=False):
        rules = compile_rules(RuleOptions(**self.rules), self.catalogue(), exclude_seen, TYPES, self.k, 0)
        items = [[item for item, _ in one] for one in self.histories]
        types = [[kind for _, kind in one] for one in self.histories]
        users = np.array([f"u{user}" for user in range(len(items))], dtype=object)
        return rank_by_rules(Fixed(self.scores), Histories.from_lists(items, types), users, rules, T)


@st.composite
def cases(draw, explored=False):
    n_items, n_users, k = draw(st.integers(3, 12)), draw(st.integers(1, 3)), draw(st.integers(1, 6))
    some = st.lists(st.integers(1, n_items).map(lambda item: f"i{item}"), unique=True, max_size=3)
    numbers = np.random.default_rng(draw(st.integers(0, 99)))
    level = st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.0])
    rows = [[0.0, *draw(st.lists(level, min_size=n_items, max_size=n_items))] for _ in range(n_users)]
    event = st.tuples(st.integers(1, n_items), st.integers(0, 1))
    brand = st.sampled_from([*BRANDS, None])
    rules = {"candidates": draw(st.integers(1, 6))}
    if draw(st.booleans()):
        rules["exclude"] = draw(some)
    if draw(st.booleans()):
        rules["pinned"] = draw(st.dictionaries(st.integers(1, k), some.map(lambda ids: (ids or ["i1"])[0]), max_size=2))
    if draw(st.booleans()):
        rules["where"] = draw(st.sampled_from(["price < 3", "not (price < 2)", "price == None or brand != 'red'"]))
    rules["seen"] = draw(st.sampled_from(["exclude", "allow", "only", {"exclude": ["purchase"]}]))
    if draw(st.booleans()):
        rules["boosts"] = [{"where": "brand == 'blue'", "factor": 7.0}, {"where": "price > 1", "factor": 0.3}]
    if draw(st.booleans()):
        at_least = draw(st.dictionaries(st.sampled_from(BRANDS), st.integers(1, 2), max_size=2))
        at_most = draw(st.sampled_from([None, 1, 2, {"red": 0}, {"red": 1, "blue": 2}]))
        rules["categories"] = {"column": "brand", "at_most": at_most, "at_least": at_least}
    if draw(st.booleans()):
        rules["diversity"] = {"strength": draw(st.sampled_from([0.0, 1.0, 5.0]))}
    if explored:
        rules["exploration"] = {
            "epsilon": draw(st.sampled_from([0.2, 1.0])),
            "temperature": draw(st.sampled_from([0.0, 1.0])),
            "seed": draw(st.integers(0, 9)),
        }
    return Case(
        scores=np.array(rows, np.float32),
        histories=[draw(st.lists(event, max_size=4)) for _ in range(n_users)],
        prices=draw(st.lists(st.sampled_from([1, 2, 3, None]), min_size=n_items, max_size=n_items)),
        brands=[*draw(st.lists(brand, min_size=n_items - 3, max_size=n_items - 3)), *BRANDS],
        texts=draw(st.lists(st.sampled_from(["", "a", "b", "c", "d"]), min_size=n_items, max_size=n_items)),
        counts=draw(st.lists(st.integers(0, 2), min_size=n_items, max_size=n_items)),
        vectors=np.vstack([np.zeros(4), numbers.normal(size=(n_items, 4))]).astype(np.float32),
        rules=rules,
        k=k,
    )


class Reference:
    """One user's list, item by item, straight from the description of the rules."""

    def __init__(self, case, user):
        self.case, self.user, self.rules = case, user, RuleOptions(**case.rules)
        self.score = {item: case.scores[user, item] for item in range(1, case.n_items + 1)}
        self.seen = self.seen_items()
        self.eligible = [item for item in self.score if self.may_show(item)]
        rank = sorted(self.score, key=lambda item: (-case.counts[item - 1], item))
        self.popularity = {item: place for place, item in enumerate(rank)}
        self.moved = {item: self.score[item] + self.factor(item) * np.float32(T) for item in self.eligible}
        self.ranking = sorted(self.eligible, key=lambda item: (-self.moved[item], self.popularity[item]))

    def id(self, item):
        return f"i{item}"

    def text(self, item):
        return self.case.texts[item - 1] or f"none {item}"

    def brand(self, item):
        return self.case.brands[item - 1]

    def seen_items(self):
        wanted = self.rules.seen
        kinds = {TYPES.index(one) for one in wanted["exclude"]} if isinstance(wanted, dict) else {0, 1}
        return {item for item, kind in self.case.histories[self.user] if kind in kinds}

    def seen_texts(self):
        """Texts that count as seen."""
        excluded = self.rules.seen == "exclude" or isinstance(self.rules.seen, dict)
        return {self.text(item) for item in self.seen} if excluded else set()

    def may_show(self, item):
        price, how = self.case.prices[item - 1], self.rules.seen
        how = "exclude" if isinstance(how, dict) else how
        if self.id(item) in self.rules.exclude:
            return False
        for condition in self.rules.where:
            true = {
                "price < 3": price is not None and price < 3,
                "not (price < 2)": price is not None and price >= 2,
                "price == None or brand != 'red'": price is None or self.brand(item) not in ("red", None),
            }[condition]
            if not true:
                return False
        if how == "exclude":
            return item not in self.seen
        return how == "allow" or item in self.seen

    def factor(self, item):
        total = 0.0
        if self.rules.boosts and self.brand(item) == "blue":
            total += np.log(7.0)
        if self.rules.boosts and (self.case.prices[item - 1] or 0) > 1:
            total += np.log(0.3)
        return np.float32(total)

    def cap(self, item):
        of = self.brand(item)
        most = None if self.rules.categories is None or of is None else self.rules.categories.cap(of)
        return 99 if most is None else most

    def has_room(self, item, listed):
        return sum(self.brand(one) == self.brand(item) for one in listed.values()) < self.cap(item)

    def candidates(self, listed):
        wanted = {} if self.rules.categories is None else self.rules.categories.at_least
        found = self.ranking[: max(self.rules.candidates, self.case.k) + len(self.rules.pinned)]
        for name, least in wanted.items():
            found = found + [item for item in self.ranking if self.brand(item) == name][: 2 * least]
        found = [item for item in self.ranking if item in found]
        taken, kept = {self.text(item) for item in listed.values()} | self.seen_texts(), []
        for item in found:
            if self.text(item) not in taken:
                kept.append(item)
                taken.add(self.text(item))
        return [item for item in kept if item not in listed.values()]

    def open(self, left, listed, place):
        found = [item for item in left if self.has_room(item, listed)]
        if self.rules.categories is None:
            return found
        lacking = {}
        for name, least in self.rules.categories.at_least.items():
            there = sum(self.brand(one) == name for one in listed.values())
            lacking[name] = min(max(least - there, 0), sum(self.brand(item) == name for item in found))
        n_free = sum(one not in listed for one in range(place, self.case.k + 1))
        if sum(lacking.values()) and sum(lacking.values()) >= n_free:
            return [item for item in found if lacking.get(self.brand(item))]
        return found

    def worth(self, item, listed):
        found = np.float64(self.moved[item]) / T
        if self.rules.diversity is None:
            return found
        unit = self.case.vectors / np.maximum(np.linalg.norm(self.case.vectors, axis=1, keepdims=True), 1e-9)
        return found - self.rules.diversity.strength * max([0.0, *(unit[item] @ unit[one] for one in listed.values())])

    def pinned(self):
        items = {place: int(one[1:]) for place, one in self.rules.pinned.items()}
        return {place: item for place, item in items.items() if item in self.eligible}

    def make(self):
        """Place -> item, and place -> source."""
        listed = self.pinned()
        sources = dict.fromkeys(listed, "pinned")
        left = self.candidates(listed)
        for place in range(1, self.case.k + 1):
            if place not in listed and (found := self.open(left, listed, place)):
                best = max(found, key=lambda item: (self.worth(item, listed), -found.index(item)))
                listed[place], sources[place] = best, "model"
                left.remove(best)
        return self.fill_up(listed, sources)

    def fill_up(self, listed, sources):
        floor = min((self.score[item] for item in self.eligible), default=0)
        alike = [item for item in self.eligible if self.score[item] == floor and item not in listed.values()]
        alike = alike if len(alike) > 1 else []
        of_list = {self.brand(item) for item in listed.values()} if listed else None
        near = {self.brand(item) for item, _ in self.case.histories[self.user]} if of_list is None else of_list
        near = set() if self.rules.categories is None else near - {None}
        popular = sorted(alike, key=self.popularity.get)
        queue = [(item, "model_next") for item in self.ranking if item not in alike]
        queue += [(item, "popular_in_category") for item in popular if self.brand(item) in near]
        queue += [(item, "popular") for item in popular if self.brand(item) not in near]
        for place in range(1, self.case.k + 1):
            if place not in listed:
                found = [one for one in queue if one[0] not in listed.values() and self.has_room(one[0], listed)]
                old = {self.text(item) for item in listed.values()} | self.seen_texts()
                new = [one for one in found if self.text(one[0]) not in old]
                if found:
                    listed[place], sources[place] = (new or found)[0]
        order = sorted(listed)
        return [listed[place] for place in order], [sources[place] for place in order]


def made_by(case):
    """Lists of the code; nothing where it refuses the rules."""
    try:
        return case.run()
    except (OptionsError, NextactError):
        assume(False)


@settings(max_examples=400, deadline=None)
@given(cases(), st.integers(1, 3))
def test_lists_and_where_rows_come_from_are_those_of_the_description(case, first_look):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ruled_lists, "FIRST_LOOK", first_look)
        found = made_by(case)
    sources = found.marks["source"].to_numpy().reshape(found.ranking.lists.shape)
    for user, items in enumerate(found.ranking.lists):
        expected, expected_sources = Reference(case, user).make()
        assert items[items > 0].tolist() == expected
        assert sources[user][: len(expected)].tolist() == expected_sources
        assert set(sources[user][len(expected) :]) <= {"none"}


@settings(max_examples=200, deadline=None)
@given(cases(explored=True))
def test_whatever_is_drawn_no_rule_is_broken_and_rows_say_how(case):
    found = made_by(case)
    marks = found.marks.assign(user=np.repeat(np.arange(len(case.scores)), case.k), item=found.ranking.lists.ravel())
    for user, rows in marks[marks["item"] > 0].groupby("user"):
        told, items = Reference(case, user), rows["item"].tolist()
        assert len(set(items)) == len(items)
        assert set(items) <= set(told.eligible)
        listed = dict(enumerate(items, 1))
        assert all(sum(told.brand(one) == told.brand(item) for one in items) <= told.cap(item) for item in items)
        assert [item for item, of in zip(items, rows["source"], strict=True) if of == "pinned"] == [
            item for _, item in sorted(told.pinned().items())
        ]
        rest = [item for item in told.eligible if item not in items and told.has_room(item, listed)]
        assert len(items) == case.k or not rest
        drawn = rows["source"] == "model"
        assert rows["propensity"].notna().tolist() == drawn.tolist()
        assert rows["propensity"][drawn].between(0, 1, inclusive="right").all()
        assert rows["seed"].notna().tolist() == rows["policy"].notna().tolist() == drawn.tolist()
    assert found.cuts["listed"].tolist() == (found.ranking.lists > 0).sum(axis=1).tolist()
    assert found.cuts["eligible"].tolist() == [len(Reference(case, user).eligible) for user in range(len(case.scores))]
    cuts = found.cuts.filter(like="cut_by_").drop(columns="cut_by_at_most").sum(axis=1)
    assert (found.cuts["eligible"] + cuts).tolist() == [case.n_items] * len(case.scores)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_propensities_are_how_often_items_are_drawn(temperature):
    """Of 20,000 users with the same scores each list comes as often as the product of its propensities says."""
    n_users = 20_000
    case = Case(
        scores=np.tile(np.array([[0, 1.0, 0.8, 0.5, 0.5, 0.1]], np.float32), (n_users, 1)),
        histories=[[]] * n_users,
        prices=[1, 2, 3, 4, 5],
        brands=["red", "red", "red", "blue", None],
        texts=["a", "b", "c", "d", "e"],
        counts=[1] * 5,
        vectors=np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32),
        rules={
            "categories": {"column": "brand", "at_most": 2, "at_least": {"blue": 1}},
            "diversity": {"strength": 0.7},
            "exploration": {"epsilon": 0.3, "temperature": temperature, "seed": 1},
        },
        k=3,
    )
    found = case.run()
    lists = [str(one) for one in found.ranking.lists.tolist()]
    chances = found.marks["propensity"].to_numpy().reshape(n_users, 3).prod(axis=1)
    of_list = dict(zip(lists, chances, strict=True))
    shares = pd.Series(lists).value_counts(normalize=True)
    assert len(of_list) > 20
    assert sum(of_list.values()) == pytest.approx(1, abs=1e-9)
    expected = pd.Series(of_list)
    assert ((shares[expected.index] - expected).abs() <= 5 * np.sqrt(expected / n_users)).all()
