"""Rules worked out once for a catalogue and a moment, so that blocks of users only look them up.

Shapes: I items, K places of a list, C categories.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.errors import NextactError, shorten, suggest
from nextact.events.moments import DAY, microseconds
from nextact.options import OptionsError
from nextact.retrieval.catalogue import Catalogue
from nextact.retrieval.policies import SamplingPolicyOptions
from nextact.retrieval.rules.expressions import parse
from nextact.retrieval.rules.item_columns import ItemColumns, Truths
from nextact.retrieval.rules.rule_options import RULES, CategoryOptions, FreshnessOptions, RuleOptions, require_options

logger = logging.getLogger(__name__)

BY_EXCLUDE, BY_INCLUDE_ONLY, BY_WHERE, BY_AGE = "exclude", "include_only", "where", "max_age_days"
SEEDS = 2_000_000_000
NO_CAP = np.iinfo(np.int32).max


@dataclass(frozen=True)
class SeenItems:
    """What becomes of items of the history.

    Attributes:
        how: ``exclude``, ``allow`` or ``only``.
        types: Codes of the event types that make an item seen; None for all.
    """

    how: str
    types: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class Categories:
    """Which category an item is of, and how many of each a list holds.

    Attributes:
        of_items: int32 [I + 1], 0 .. C - 1; C where there is none.
        at_most: int32 [C + 1].
        at_least: int32 [C + 1].
    """

    of_items: NDArray[np.int32]
    at_most: NDArray[np.int32]
    at_least: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Exploration:
    """How places are drawn: the policy, what rows call it, and the seed of the draws."""

    policy: SamplingPolicyOptions
    name: str
    seed: int


@dataclass(frozen=True, eq=False)
class Rules:
    """What lists of K places of one catalogue obey at one moment.

    Attributes:
        catalogue: The items.
        allowed: bool [I + 1], items that no rule forbids to everybody; False for padding.
        cuts: Rule -> items that it forbids and none before it.
        n_unknown: Ids of ``exclude`` and ``include_only`` that no item of the catalogue has.
        seen: What becomes of items of the history.
        log_factors: float32 [I + 1], what boosts and freshness add to the log probability; None without any.
        moves: Rule -> bool [I + 1], items whose score it changes.
        pins: int32 [K], the item pinned to a place, else 0.
        categories: How many of each; None without caps and minimums.
        vectors: float32 [I + 1, dimensions] of length 1 (or 0), None without diversity.
        strength: Of diversity.
        exploration: None where the best are taken.
        n_candidates: See :class:`~nextact.retrieval.rules.rule_options.RuleOptions`.
    """

    catalogue: Catalogue
    allowed: Truths
    cuts: dict[str, int]
    n_unknown: int
    seen: SeenItems
    log_factors: NDArray[np.float32] | None
    moves: dict[str, Truths]
    pins: NDArray[np.int32]
    categories: Categories | None
    vectors: NDArray[np.float32] | None
    strength: float
    exploration: Exploration | None
    n_candidates: int


def compile_rules(
    options: RuleOptions,
    catalogue: Catalogue,
    exclude_seen: bool,
    event_types: Sequence[str],
    k: int,
    newest: int | None,
) -> Rules:
    """Hold rules against the items.

    Args:
        options: The rules.
        catalogue: The items, with the columns and vectors that rules name.
        exclude_seen: The run's policy, where the rules say nothing of seen items.
        event_types: Names in the order of their codes.
        k: Places of a list, at least 1.
        newest: What ``now`` means unless ``as_of`` says otherwise, microseconds since 1970 UTC; None where the log has
            no times.

    Raises:
        NextactError: If a rule names what there is not, does not fit its column, contradicts another, or nothing is
            left to list.
    """
    require_options(options, k)
    now = newest if options.as_of is None else microseconds(options.as_of)
    allowed, cuts = _allowed(options, catalogue, now)
    log_factors, moves = _log_factors(options, catalogue.columns, now)
    pins = np.zeros(k, np.int32)
    for place, item in options.pinned.items():
        pins[place - 1] = _pin(item, catalogue, options, allowed, now)
    categories = None if options.categories is None else _categories(options.categories, catalogue.columns)
    if categories is not None:
        _require_room(categories, pins, catalogue)
    explored = options.exploration
    seed = int((now or 0) % SEEDS) if explored is None or explored.seed is None else explored.seed
    return Rules(
        catalogue=catalogue,
        allowed=allowed,
        cuts=cuts,
        n_unknown=_tell_of_unknown(options, catalogue),
        seen=_seen(options, exclude_seen, event_types),
        log_factors=log_factors,
        moves=moves,
        pins=pins,
        categories=categories,
        vectors=None if options.diversity is None else _directions(catalogue, options.diversity.block),
        strength=0.0 if options.diversity is None else options.diversity.strength,
        exploration=None if explored is None else Exploration(explored.policy, explored.name, seed),
        n_candidates=max(options.candidates, k),
    )


def _allowed(options: RuleOptions, catalogue: Catalogue, now: int | None) -> tuple[Truths, dict[str, int]]:
    """Items that no rule forbids to everybody, and how many each rule forbids that none before it does."""
    allowed = np.ones(len(catalogue.ids), bool)
    allowed[0] = False
    cuts: dict[str, int] = {}

    def keep(rule: str, which: Truths) -> None:
        cuts[rule] = cuts.get(rule, 0) + int((allowed & ~which).sum())
        allowed[:] &= which

    if options.exclude:
        keep(BY_EXCLUDE, ~_marked(options.exclude, catalogue))
    if options.include_only is not None:
        keep(BY_INCLUDE_ONLY, _marked(options.include_only, catalogue))
    for condition in options.where:
        keep(BY_WHERE, parse(condition).true_of(catalogue.columns, now, f"{RULES}.where"))
    if options.freshness is not None and options.freshness.max_age_days is not None:
        age, known = _age_days(options.freshness, catalogue.columns, now)
        keep(BY_AGE, known & (age <= options.freshness.max_age_days))
    if not allowed.any():
        cut = ", ".join(f"{rule} {n:,}" for rule, n in cuts.items() if n)
        raise NextactError(f"{RULES}: nothing is left of {len(allowed) - 1:,} items; they are forbidden by {cut}")
    return allowed, cuts


def _marked(ids: Sequence[str], catalogue: Catalogue) -> Truths:
    """Which items are named."""
    marked = np.zeros(len(catalogue.ids), bool)
    marked[[catalogue.index[one] for one in ids if one in catalogue.index]] = True
    return marked


def _tell_of_unknown(options: RuleOptions, catalogue: Catalogue) -> int:
    """Warn of ids that no item of the catalogue has, and count them; they change nothing."""
    n_unknown = 0
    for rule, ids in ((BY_EXCLUDE, options.exclude), (BY_INCLUDE_ONLY, options.include_only or ())):
        unknown = [one for one in ids if one not in catalogue.index]
        if unknown:
            words = "%s.%s: %d of %d ids are no items of the catalogue, e.g. %s"
            logger.warning(words, RULES, rule, len(unknown), len(ids), shorten(unknown[0]))
        n_unknown += len(unknown)
    return n_unknown


def _pin(item: str, catalogue: Catalogue, options: RuleOptions, allowed: Truths, now: int | None) -> int:
    index = catalogue.index.get(item)
    if index is None:
        raise NextactError(f"{RULES}.pinned: the catalogue has no item {item!r}; {suggest(item, catalogue.index)}")
    if not allowed[index]:
        conditions = (one for one in options.where if not parse(one).true_of(catalogue.columns, now, RULES)[index])
        why = next((f"where ({one})" for one in conditions), "freshness.max_age_days")
        raise NextactError(f"{RULES}.pinned: {why} forbids {item!r}")
    return index


def _seen(options: RuleOptions, exclude_seen: bool, event_types: Sequence[str]) -> SeenItems:
    if options.seen is None:
        return SeenItems("exclude" if exclude_seen else "allow")
    if isinstance(options.seen, str):
        return SeenItems(options.seen)
    ((how, names),) = options.seen.items()
    for name in names:
        if name not in event_types:
            raise OptionsError(f"{RULES}.seen: no event type {name!r}; {suggest(name, event_types)}")
    return SeenItems(how, tuple(list(event_types).index(name) for name in names))


def _age_days(freshness: FreshnessOptions, columns: ItemColumns, now: int | None) -> tuple[NDArray[np.float64], Truths]:
    """Days since an item's time, 0 where that is still to come, and where it is known."""
    place = f"{RULES}.freshness.column"
    if now is None:
        raise NextactError(f"{RULES}.freshness: times of this log are no moments; say as_of")
    column = columns.as_times(freshness.column, place)
    return np.maximum((now - column.values) / DAY, 0.0), column.known


def _log_factors(
    options: RuleOptions, columns: ItemColumns, now: int | None
) -> tuple[NDArray[np.float32] | None, dict[str, Truths]]:
    moves: dict[str, Truths] = {}
    total: NDArray[np.float64] | None = None
    for number, boost in enumerate(options.boosts):
        which = parse(boost.where).true_of(columns, now, f"{RULES}.boosts[{number}].where")
        total = (0.0 if total is None else total) + which * np.log(boost.factor)
        moves["boosts"] = moves.get("boosts", False) | which
    if options.freshness is not None and options.freshness.half_life_days is not None:
        age, known = _age_days(options.freshness, columns, now)
        age = np.where(known, age, age[known].max(initial=0.0))
        fresh = -np.log(2.0) * age / options.freshness.half_life_days
        total = fresh if total is None else total + fresh
        moves["freshness"] = fresh != 0
    return None if total is None else total.astype(np.float32), moves


def _categories(options: CategoryOptions, columns: ItemColumns) -> Categories:
    place = f"{RULES}.categories"
    column = columns.read(options.column, f"{place}.column")
    if column.kind == "time":
        raise NextactError(f"{place}.column: column {options.column!r} holds times, and categories are needed")
    values = pd.Series(column.values[column.known]).map(_category)
    codes, names = pd.factorize(values)
    of_items = np.full(len(column.known), len(names), np.int32)
    of_items[column.known] = codes
    at_most = np.full(len(names) + 1, NO_CAP, np.int32)
    at_least = np.zeros(len(names) + 1, np.int32)
    known = {str(name): code for code, name in enumerate(names)}
    if isinstance(options.at_most, int):
        at_most[:-1] = options.at_most
    elif options.at_most is not None:
        for name, most in options.at_most.items():
            at_most[_code(name, known, f"{place}.at_most")] = most
    for name, least in options.at_least.items():
        at_least[_code(name, known, f"{place}.at_least")] = least
    return Categories(of_items, at_most, at_least)


def _category(value: object) -> str:
    """A category as parameters write it: 7.0 of a column with gaps is 7."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _code(name: str, known: dict[str, int], place: str) -> int:
    if name not in known:
        raise NextactError(f"{place}: no item is of the category {name!r}; {suggest(name, list(known)[:1_000])}")
    return known[name]


def _require_room(categories: Categories, pins: NDArray[np.int32], catalogue: Catalogue) -> None:
    pinned = pins[pins > 0]
    counts = np.bincount(categories.of_items[pinned], minlength=len(categories.at_most))
    if len(over := np.flatnonzero(counts > categories.at_most)):
        examples = pinned[categories.of_items[pinned] == over[0]]
        raise NextactError(
            f"{RULES}.pinned: {counts[over[0]]} of one category are pinned, e.g. {catalogue.ids[examples[0]]!r}, and "
            f"categories.at_most allows {categories.at_most[over[0]]}"
        )


def _directions(catalogue: Catalogue, block: str) -> NDArray[np.float32]:
    if block not in catalogue.vectors:
        known = ", ".join(catalogue.vectors) or "none"
        raise NextactError(
            f"{RULES}.diversity.block: there are no item vectors {block!r} here; known: {known} (of the run: "
            "item_text.blocks; of a package: the block of its own rules.diversity)"
        )
    return catalogue.directions(block)
