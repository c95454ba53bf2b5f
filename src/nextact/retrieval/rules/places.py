"""The places of lists, filled one after the other from the best candidates: caps, diversity, exploration, and marks.

Shapes: B users, N candidates, K places, C categories.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray

from nextact.retrieval.policies import next_probabilities
from nextact.retrieval.rules.compiled import Categories, Exploration, Rules

Truths = NDArray[np.bool_]
Floats = NDArray[np.float64]
Items = NDArray[np.int32]

VECTOR_BYTES = 8 * 2**20  # of the candidates of so many lists at once, so that they stay in the cache


class Source(IntEnum):
    """Where a row comes from; of the steps that fill up, see :mod:`nextact.retrieval.rules.fallback`."""

    NONE = 0
    MODEL = 1
    PINNED = 2
    MODEL_NEXT = 3
    POPULAR_IN_CATEGORY = 4
    POPULAR = 5


class Move(IntFlag):
    """What moved a row from where the model's order would have it."""

    BOOSTS = 1
    FRESHNESS = 2
    AT_MOST = 4
    AT_LEAST = 8
    DIVERSITY = 16
    EXPLORATION = 32


@dataclass(eq=False)
class Places:
    """The lists of B users as they are filled; written to until they are full.

    Attributes:
        items: int32 [B, K], 0 for an empty place.
        source: int8 [B, K] of :class:`Source`.
        propensity: float64 [B, K], NaN where nothing was drawn.
        moves: int8 [B, K] of :class:`Move`.
        n_of_category: int32 [B, C + 1], items of each category so far.
    """

    items: NDArray[np.int32]
    source: NDArray[np.int8]
    propensity: Floats
    moves: NDArray[np.int8]
    n_of_category: NDArray[np.int32]

    def rows(self, part: slice | NDArray[np.int64]) -> Places:
        """Some of the lists: of a slice views, so that what is put into them is put into these, else copies."""
        return Places(
            self.items[part], self.source[part], self.propensity[part], self.moves[part], self.n_of_category[part]
        )

    def put(self, rows: NDArray[np.int64], place: int, items: NDArray[np.int32], source: int, rules: Rules) -> None:
        """Let items take a place in some of the lists."""
        self.items[rows, place] = items
        self.source[rows, place] = source
        if rules.categories is not None:
            self.n_of_category[rows, rules.categories.of_items[items]] += 1


def with_pins(rules: Rules, may_show: Truths) -> Places:
    """Empty lists but for pinned items; one that a user may not be shown leaves its place to others.

    Args:
        rules: Pins and categories.
        may_show: bool [B, K], whether the user may be shown what is pinned to the place.
    """
    shape = may_show.shape
    n_categories = 1 if rules.categories is None else len(rules.categories.at_most)
    places = Places(
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int8),
        np.full(shape, np.nan),
        np.zeros(shape, np.int8),
        np.zeros((shape[0], n_categories), np.int32),
    )
    for place in np.flatnonzero(rules.pins).tolist():
        rows = np.flatnonzero(may_show[:, place])
        places.put(rows, place, np.full(len(rows), rules.pins[place], np.int32), Source.PINNED, rules)
    return places


def fill_places(
    places: Places,
    candidates_BN: NDArray[np.int32],
    logits_BN: Floats,
    rules: Rules,
    user_ids: NDArray[np.object_],
) -> None:
    """Fill places that are empty from candidates, as far as the categories allow; see :class:`Places`.

    A place takes the best of the candidates that are left and whose category has room: by log probability less what
    diversity takes off, drawn where there is exploration. Where all places that remain are needed for what
    ``at_least`` asks, only such categories have room.

    Args:
        places: With pinned items; written to.
        candidates_BN: Best first, 0 where there is none; no two of one text, and none that is listed.
        logits_BN: Scores of the candidates over the temperature, in the same order: log probabilities but for a term
            that is the same for all items of a user.
        rules: The rules.
        user_ids: [B], by whom draws differ.
    """
    if rules.categories is None and rules.vectors is None and rules.exploration is None:
        _fill_in_order(places, candidates_BN)
        return
    n_lists, n_candidates = candidates_BN.shape
    row_bytes = 0 if rules.vectors is None else n_candidates * rules.vectors.shape[1] * rules.vectors.itemsize
    n_at_once = n_lists if row_bytes == 0 else max(VECTOR_BYTES // row_bytes, 1)
    for start in range(0, n_lists, n_at_once):
        part = slice(start, start + n_at_once)
        _fill_one_by_one(places.rows(part), candidates_BN[part], logits_BN[part], rules, user_ids[part])


def _fill_one_by_one(
    places: Places,
    candidates_BN: Items,
    logits_BN: Floats,
    rules: Rules,
    user_ids: NDArray[np.object_],
) -> None:
    left_BN = candidates_BN > 0
    of_BN = None if rules.categories is None else rules.categories.of_items[candidates_BN]
    resemblance = None if rules.vectors is None else _Resemblance(rules.vectors, candidates_BN, places.items)
    draws_BK = (
        None if rules.exploration is None else uniform_draws(rules.exploration.seed, user_ids, places.items.shape[1])
    )
    for place in range(places.items.shape[1]):
        open_BN, moved_B = left_BN, np.zeros(len(left_BN), np.int8)
        if rules.categories is not None and of_BN is not None:
            n_free = (places.items[:, place:] == 0).sum(axis=1)
            open_BN, moved_B = _with_room(left_BN, of_BN, places.n_of_category, n_free, rules.categories)
        rows = np.flatnonzero((places.items[:, place] == 0) & open_BN.any(axis=1))
        open_BN, first = open_BN[rows], open_BN[rows].argmax(axis=1)
        worth_BN = logits_BN[rows]
        if resemblance is not None:
            worth_BN = worth_BN - rules.strength * resemblance.highest_BN[rows]
        best = np.where(open_BN, worth_BN, -np.inf).argmax(axis=1) if resemblance is not None else first
        chosen, moves = best, moved_B[rows] | np.where(best != first, Move.DIVERSITY, 0).astype(np.int8)
        if rules.exploration is not None and draws_BK is not None:
            chosen, propensity = _draw(worth_BN, open_BN, draws_BK[rows, place], rules.exploration)
            moves |= np.where(chosen != best, Move.EXPLORATION, 0).astype(np.int8)
            places.propensity[rows, place] = propensity
        places.put(rows, place, candidates_BN[rows, chosen], Source.MODEL, rules)
        places.moves[rows, place] = moves
        left_BN[rows, chosen] = False
        if resemblance is not None:
            resemblance.add(rows, candidates_BN[rows, chosen])


def _fill_in_order(places: Places, candidates_BN: Items) -> None:
    """The best candidates in the free places: what the loop does where nothing changes the order."""
    order = np.argsort(candidates_BN == 0, axis=1, kind="stable")
    candidates_BN = np.take_along_axis(candidates_BN, order, axis=1)
    free_BK = places.items == 0
    nth_BK = np.minimum(np.cumsum(free_BK, axis=1) - 1, candidates_BN.shape[1] - 1)
    of_place = np.where(free_BK, np.take_along_axis(candidates_BN, np.maximum(nth_BK, 0), axis=1), 0)
    beyond = np.cumsum(free_BK, axis=1) > candidates_BN.shape[1]
    of_place[beyond] = 0
    taken = of_place > 0
    places.items[taken], places.source[taken] = of_place[taken], Source.MODEL


def _with_room(
    left_BN: Truths,
    of_BN: NDArray[np.int32],
    n_of_category: NDArray[np.int32],
    n_free: NDArray[np.int64],
    rules: Categories,
) -> tuple[Truths, NDArray[np.int8]]:
    """Candidates whose category has room, and by which rule a better candidate has none."""
    full = n_of_category >= rules.at_most
    open_BN = left_BN & ~np.take_along_axis(full, of_BN, axis=1)
    moved_B = np.where(_first(open_BN) != _first(left_BN), Move.AT_MOST, 0).astype(np.int8)
    wanted = np.flatnonzero(rules.at_least)
    if not len(wanted):
        return open_BN, moved_B
    lacking_BC = np.maximum(rules.at_least - n_of_category, 0)
    lacking_BC[:, wanted] = np.minimum(
        lacking_BC[:, wanted], np.stack([(open_BN & (of_BN == one)).sum(axis=1) for one in wanted], axis=1)
    )
    needed = lacking_BC.sum(axis=1)
    tight = (needed > 0) & (needed >= n_free)
    wanted_BN = open_BN & np.take_along_axis(lacking_BC > 0, of_BN, axis=1)
    restricted = np.where(tight[:, None], wanted_BN, open_BN)
    moved_B = np.where(_first(restricted) != _first(open_BN), Move.AT_LEAST, moved_B).astype(np.int8)
    return restricted, moved_B


def _first(which_BN: Truths) -> NDArray[np.int64]:
    return np.asarray(which_BN.argmax(axis=1), np.int64)


class _Resemblance:
    """The highest cosine of each candidate with an item of the list so far; 0 where none resembles it."""

    def __init__(self, vectors: NDArray[np.float32], candidates_BN: Items, listed: Items) -> None:
        self.vectors, self.of_candidates = vectors, vectors[candidates_BN]
        self.highest_BN = np.zeros(candidates_BN.shape, np.float32)
        for place in np.flatnonzero(listed.any(axis=0)).tolist():
            self.add(rows := np.flatnonzero(listed[:, place]), listed[rows, place])

    def add(self, rows: NDArray[np.int64], items: Items) -> None:
        """Take items into some of the lists."""
        of_candidates = self.of_candidates if len(rows) == len(self.of_candidates) else self.of_candidates[rows]
        alike = np.matmul(of_candidates, self.vectors[items][:, :, None])[:, :, 0]
        self.highest_BN[rows] = np.maximum(self.highest_BN[rows], alike)


def _draw(
    worth_BN: Floats, open_BN: Truths, draws_B: Floats, exploration: Exploration
) -> tuple[NDArray[np.int64], Floats]:
    """One candidate a row, and the probability with which it is drawn."""
    chances_BN = next_probabilities(worth_BN, open_BN, exploration.policy)
    below_BN = np.cumsum(chances_BN, axis=1)
    chosen = (below_BN > (draws_B * below_BN[:, -1])[:, None]).argmax(axis=1)
    return chosen, np.take_along_axis(chances_BN, chosen[:, None], axis=1)[:, 0]


def uniform_draws(seed: int, user_ids: NDArray[np.object_], k: int) -> Floats:
    """Numbers in [0, 1) for each user and place, float64 [B, K]: those of a user, whoever else is asked about."""
    keys = [zlib.crc32(str(user).encode()) for user in user_ids]
    return np.array([np.random.default_rng([seed, key]).random(k) for key in keys]).reshape(len(keys), k)
