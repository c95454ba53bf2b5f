"""The rules, as parameters and requests state them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from nextact.errors import NextactError, shorten
from nextact.events.moments import require_moment
from nextact.options import Count, Name, NotNegative, OptionsError, Positive, Seed, Share, WholeNumber, options
from nextact.retrieval.policies import SamplingPolicyOptions
from nextact.retrieval.rules.expressions import ExpressionError, parse

RULES = "rules"  # in messages
MOST_CANDIDATES = 10_000


def _ids(given: Any) -> Any:
    """Ids as text, as the events' are read: whole numbers are their digits."""
    return tuple(_id(one) for one in given) if isinstance(given, list | tuple | set) else given


def _id(one: Any) -> Any:
    return str(one) if isinstance(one, int) and not isinstance(one, bool) else one


def _places(given: Any) -> Any:
    """A list names the places from the first on."""
    if isinstance(given, list | tuple):
        given = dict(enumerate(given, 1))
        if repeated := next((one for one in given.values() if list(given.values()).count(one) > 1), None):
            raise ValueError(f"{shorten(repeated)} stands at several places")
    if not isinstance(given, Mapping):
        raise ValueError(f"should be a list of ids, or place -> id, got {shorten(given)}")
    return {place: _id(one) for place, one in given.items()}


def _several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


def _whether(given: Any) -> Any:
    """What becomes of seen items, as a word or as a word for some event types."""
    words = [given] if isinstance(given, str) else list(given) if isinstance(given, Mapping) and given else [""]
    known = ("exclude", "only") if isinstance(given, Mapping) else get_args(Whether)
    if given is not None and (len(words) > 1 or words[0] not in known):
        raise ValueError(f"should be exclude, allow, only or as in {{exclude: [purchase]}}, got {shorten(given)}")
    return {words[0]: _several(given[words[0]])} if isinstance(given, Mapping) else given


Whether = Literal["exclude", "allow", "only"]
Seen = Annotated[Whether | dict[Literal["exclude", "only"], tuple[str, ...]] | None, BeforeValidator(_whether)]
Ids = Annotated[tuple[str, ...], BeforeValidator(_ids)]
Pins = Annotated[dict[Count, str], BeforeValidator(_places)]
Conditions = Annotated[tuple[str, ...], BeforeValidator(_several)]


@options
class BoostOptions:
    """What counts more, or less.

    Attributes:
        where: Of which items; see :mod:`nextact.retrieval.rules.expressions`.
        factor: How many times as probable they are taken to be, above 0; 2 doubles, 0.5 halves.
    """

    where: Name
    factor: Positive

    def __post_init__(self) -> None:
        _require_conditions("where", (self.where,))


@options
class FreshnessOptions:
    """What an item's age does; an item added after the moment of the list is new.

    Attributes:
        column: Column of the item table with the time from which the age counts.
        half_life_days: An item of this age is taken to be half as probable as a new one, of twice this age a quarter;
            None leaves the order as it is. An item without a time is taken to be as old as the oldest.
        max_age_days: Older items, and those without a time, may not be listed; None allows any age.
    """

    column: Name
    half_life_days: Positive | None = None
    max_age_days: Positive | None = None

    def __post_init__(self) -> None:
        if self.half_life_days is None and self.max_age_days is None:
            raise ValueError("half_life_days: state it, max_age_days, or both; else freshness does nothing")


@options
class CategoryOptions:
    """How many items of a category a list holds; an item without a category is not counted.

    Attributes:
        column: Column of the item table with the category.
        at_most: Of any category, or by name: ``{wine: 2}`` leaves the others as they are.
        at_least: By name. Where fewer of them may be listed, as many as there are.
    """

    column: Name
    at_most: Count | dict[str, WholeNumber] | None = None
    at_least: dict[str, Count] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.at_most is None and not self.at_least:
            raise ValueError("at_most: state it, at_least, or both; else categories do nothing")
        for name, least in self.at_least.items():
            most = self.cap(name)
            if most is not None and most < least:
                raise ValueError(f"at_least: {least} of {name!r}, but at_most allows {most}")

    def cap(self, name: str) -> int | None:
        """Most items of a category in a list; None for any number."""
        return self.at_most.get(name) if isinstance(self.at_most, dict) else self.at_most


@options
class DiversityOptions:
    """How far items that resemble those above give way: maximal marginal relevance, in units of log probability.

    Attributes:
        strength: An item whose vector is that of an item above it is taken to be ``exp(-strength)`` times as probable;
            one at a right angle to all above stays as it is. ``strength`` is ``(1 - l) / l`` of the usual trade-off
            ``l``.
        block: Block of item vectors that resemblance (the cosine) is taken of.
    """

    strength: NotNegative = 1.0
    block: Name = "encoder"


@options
class ExplorationOptions:
    """How places are drawn; see :class:`~nextact.retrieval.policies.SamplingPolicyOptions`.

    Attributes:
        epsilon: Share of places that any candidate may take, in [0, 1].
        temperature: Of the softmax that draws the other places, over log probabilities; 0 takes the best.
        seed: The same seed draws the same list of the same scores for a user. None makes one of the moment of the
            list (0 where ``now`` is unknown), so that each delivery draws anew; it stands beside each row.
    """

    epsilon: Share = 0.1
    temperature: NotNegative = 0.0
    seed: Seed | None = None

    def __post_init__(self) -> None:
        if self.epsilon == 0 and self.temperature == 0:
            raise ValueError("epsilon and temperature are both 0, so nothing would be explored; leave exploration out")

    @property
    def policy(self) -> SamplingPolicyOptions:
        """The policy that fills a place."""
        return SamplingPolicyOptions(temperature=self.temperature, epsilon=self.epsilon)

    @property
    def name(self) -> str:
        """What rows say of it."""
        return f"epsilon {self.epsilon:g}, temperature {self.temperature:g}"


@options
class RuleOptions:
    """What a list obeys; ``docs/rules.md`` shows each with an example.

    They work on the whole ranking, in this order:

    1. eligibility: ``exclude``, ``include_only``, ``where``, ``freshness.max_age_days``, ``seen``. What one of them
       forbids is never listed, whatever the others say;
    2. ``boosts`` and ``freshness.half_life_days`` move the scores;
    3. ``pinned`` items take their places;
    4. the other places are filled from above: within ``categories``, by score less ``diversity``'s deduction;
    5. ``exploration`` draws instead of taking the best;
    6. a list that is still short is filled up; see :mod:`nextact.retrieval.rules.fallback`.

    Attributes:
        exclude: Ids that are not listed.
        include_only: Ids of which alone lists are made; None for all.
        pinned: Ids for the first places in order, or place -> id. A pinned item that a user may not be shown (``seen``)
            is left out for that user.
        where: Condition, or several that must all hold, on columns of the item table and ``now``.
        seen: What becomes of items of the history: ``exclude``, ``allow`` or list them ``only``; with event types
            (``{exclude: [purchase]}``) only such events make an item seen. None goes by ``policy.exclude_seen``. Where
            items of one text stand in a list once, one that looks like an excluded seen item is listed last of all.
        boosts: What counts more or less; an item of several boosts gets the product.
        freshness: What an item's age does.
        categories: How many of a category.
        diversity: Whether items that resemble those above give way.
        exploration: Whether places are drawn.
        candidates: Diversity and exploration choose among the best so many of the ranking (at least the length of the
            list) and the best of each category that has an ``at_least``.
        as_of: The moment that ``now`` and ages mean: an ISO date or time, or ``now`` for that of the clock. None means
            the end of the log where lists are made in a batch, and the clock where a request is answered.
    """

    exclude: Ids = ()
    include_only: Ids | None = None
    pinned: Pins = field(default_factory=dict)
    where: Conditions = ()
    seen: Seen = None
    boosts: tuple[BoostOptions, ...] = ()
    freshness: FreshnessOptions | None = None
    categories: CategoryOptions | None = None
    diversity: DiversityOptions | None = None
    exploration: ExplorationOptions | None = None
    candidates: Annotated[int, Field(ge=1, le=MOST_CANDIDATES)] = 100
    as_of: str | None = None

    def __post_init__(self) -> None:
        _require_conditions("where", self.where)
        if self.as_of is not None:
            require_moment("as_of", self.as_of, "an ISO date or time, or now")
        if isinstance(self.seen, dict) and not all(self.seen.values()):
            raise ValueError("seen names no event type; write them as in {exclude: [purchase]}")
        ids = list(self.pinned.values())
        if repeated := next((one for one in ids if ids.count(one) > 1), None):
            raise ValueError(f"pinned: {repeated!r} stands at {ids.count(repeated)} places")
        _require_apart("pinned", ids, "exclude", [one for one in ids if one in set(self.exclude)])
        if self.include_only is not None:
            if not self.include_only:
                raise ValueError("include_only names no id, so nothing could be listed")
            only = set(self.include_only)
            _require_apart("pinned", ids, "include_only (by not being in it)", [one for one in ids if one not in only])
            if only <= set(self.exclude):
                raise ValueError(f"include_only: exclude names all of its {len(only):,} ids, e.g. {min(only)!r}")

    @property
    def are_set(self) -> bool:
        """Whether any rule is stated; without, lists are those of the model."""
        plain = RuleOptions()
        return any(
            getattr(self, one.name) != getattr(plain, one.name)
            for one in dataclasses.fields(self)
            if one.name not in ("candidates", "as_of")
        )


def with_request(defaults: RuleOptions, asked: Mapping[str, Any] | RuleOptions | None) -> RuleOptions:
    """The rules of a request over those of the package.

    What forbids adds up: an id is excluded if either says so, ``where`` holds if both do, and of two ``include_only``
    what both name remains. So no request opens what the package forbids. Every other rule that the request states takes
    the place of the package's own; ``None`` switches it off.

    Args:
        defaults: Of the package.
        asked: Names and values as in :class:`RuleOptions`.

    Raises:
        OptionsError: If the request is no block of rules, or contradicts the package or itself.

    Example:
        >>> with_request(RuleOptions(exclude=("a",), seen="allow"), {"exclude": ["b"]}).exclude
        ('a', 'b')
    """
    if asked is None:
        return defaults
    if isinstance(asked, RuleOptions):
        asked = {one.name: getattr(asked, one.name) for one in dataclasses.fields(RuleOptions)}
    if not isinstance(asked, Mapping):
        raise OptionsError(f"{RULES}: a mapping is needed, as in {{'exclude': ['id']}}, got {shorten(asked)}")
    if odd := [name for name in asked if not isinstance(name, str)]:
        raise OptionsError(f"{RULES}: a name is needed in place of {shorten(odd[0])}")
    try:
        request = RuleOptions(**_without_empty(asked))
        stated = {name: getattr(request, name) for name in asked}
        if "include_only" in stated and defaults.include_only is not None:
            both = tuple(one for one in request.include_only or () if one in set(defaults.include_only))
            if request.include_only is not None and not both:
                raise OptionsError(f"{RULES}: include_only names none of the ids that the package includes")
            stated["include_only"] = both or defaults.include_only
        for name in ("exclude", "where"):
            stated[name] = tuple(dict.fromkeys((*getattr(defaults, name), *getattr(request, name))))
        return dataclasses.replace(defaults, **stated)
    except OptionsError as error:
        raise OptionsError(str(error).replace("RuleOptions", RULES)) from None


def _without_empty(asked: Mapping[str, Any]) -> dict[str, Any]:
    """``None`` in place of a list means that the request adds none."""
    lists = ("exclude", "pinned", "where", "boosts")
    return {name: () if value is None and name in lists else value for name, value in asked.items()}


def _require_conditions(name: str, conditions: tuple[str, ...]) -> None:
    for condition in conditions:
        try:
            parse(condition)
        except ExpressionError as error:
            raise ValueError(f"{name} {error}") from None


def _require_apart(name: str, ids: list[str], other: str, both: list[str]) -> None:
    if both:
        raise ValueError(f"{name}: {other} forbids {len(both)} of {len(ids)} ids, e.g. {both[0]!r}")


def require_options(rules: RuleOptions, k: int) -> None:
    """Refuse rules that no list of k places can obey.

    Raises:
        NextactError: Naming the rule.
    """
    if late := [place for place in rules.pinned if place > k]:
        raise NextactError(f"{RULES}.pinned: place {late[0]} is below the {k} places of a list")
    if rules.categories is not None and (wanted := sum(rules.categories.at_least.values())) > k:
        raise NextactError(f"{RULES}.categories.at_least: {wanted} items are wanted, and a list has {k} places")


def columns_named(options: RuleOptions) -> list[str]:
    """Columns of the item table that rules read."""
    conditions = [*options.where, *(boost.where for boost in options.boosts)]
    names = [name for condition in conditions for name in parse(condition).columns]
    names += [block.column for block in (options.freshness, options.categories) if block is not None]
    return list(dict.fromkeys(names))
