"""Ranked lists that obey rules: the one path of :func:`nextact.retrieval.scoring.rank`, with rules on the whole of it.

The order is that of :class:`~nextact.retrieval.rules.rule_options.RuleOptions`. Scores and probabilities that stand
beside a row are the model's own, over what the rules leave: boosts say what a shop wants, not what a user will do.

Shapes: B users, I items, K places, N candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.events import columns as c
from nextact.models.recommender import Recommender, Scores
from nextact.models.top_items import top_k
from nextact.retrieval.alike import looks_seen
from nextact.retrieval.rules.compiled import BY_AGE, BY_EXCLUDE, BY_INCLUDE_ONLY, BY_WHERE, Rules
from nextact.retrieval.rules.eligibility import mask_by_rules, seen_events
from nextact.retrieval.rules.fallback import fill_up
from nextact.retrieval.rules.places import Move, Places, Source, fill_places, with_pins
from nextact.retrieval.scoring import Ranking, log_normaliser, masked_scores
from nextact.sequences.histories import Histories

SOURCE, MOVED_BY, PROPENSITY, POLICY, SEED = "source", "moved_by", "propensity", "policy", "seed"
RULE_COLUMNS = (SOURCE, MOVED_BY, PROPENSITY, POLICY, SEED)
PLACES, LISTED, ELIGIBLE, CUT_BY_SEEN, CAPPED, UNPINNED = "places", "listed", "eligible", "seen", "at_most", "unpinned"
UNKNOWN = "unknown_ids"
FIRST_LOOK = 10  # times the candidates are looked at where they leave a list short, then the whole ranking
STATIC = (BY_EXCLUDE, BY_INCLUDE_ONLY, BY_WHERE, BY_AGE)
CUT_COLUMNS = (
    c.USER_ID,
    PLACES,
    LISTED,
    ELIGIBLE,
    *(f"cut_by_{rule}" for rule in (*STATIC, CUT_BY_SEEN, CAPPED)),
    UNPINNED,
    UNKNOWN,
)


@dataclass(frozen=True, eq=False)
class RuledLists:
    """Lists of B users that obey rules.

    Attributes:
        ranking: Scores and probabilities of the model over what may be shown, and the lists.
        marks: :data:`RULE_COLUMNS`, a row for each of the B * K places.
        cuts: :data:`CUT_COLUMNS`, a row a user: places and how many are filled, items that may be shown, items that
            each rule cut and none before it in that order, better candidates that gave way to ``at_most``, pinned
            items that the user may not be shown, and ids of ``exclude`` and ``include_only`` that no item has.
    """

    ranking: Ranking
    marks: pd.DataFrame
    cuts: pd.DataFrame


def rank_by_rules(
    model: Recommender, histories: Histories, user_ids: NDArray[np.object_], rules: Rules, temperature: float
) -> RuledLists:
    """Scores, rules, lists and probabilities of a block of users.

    Args:
        model: A fitted model.
        histories: B users.
        user_ids: Their ids, object [B], by whom draws differ.
        rules: For the catalogue of the model.
        temperature: Of the softmax over what may be shown, above 0.
    """
    catalogue = rules.catalogue
    scores = masked_scores(model, histories, exclude_seen=False)
    cut_by_seen = mask_by_rules(scores, histories, rules)
    best = scores.max(axis=1)
    normaliser = log_normaliser(scores, best, temperature)
    moved = scores if rules.log_factors is None else scores + rules.log_factors * np.float32(temperature)
    may_show = np.isfinite(scores[:, rules.pins]) & (rules.pins > 0)
    places = with_pins(rules, may_show)
    excludes_seen = rules.seen.how == "exclude"
    seen = looks_seen(seen_events(histories, rules.seen), catalogue.alike) if excludes_seen else None
    candidates = _candidates(moved, places, rules, seen)
    logits = np.take_along_axis(moved, candidates, axis=1).astype(np.float64) / temperature
    fill_places(places, candidates, logits, rules, user_ids)
    n_left = np.isfinite(scores).sum(axis=1)
    for row in np.flatnonzero((places.items > 0).sum(axis=1) < np.minimum(n_left, places.items.shape[1])).tolist():
        history = histories.item_index[histories.offsets[row] : histories.offsets[row + 1]]
        for depth in (min(FIRST_LOOK * rules.n_candidates, n_left[row]), n_left[row]):
            ranked = top_k(moved[[row]], int(depth), catalogue.tie_order)[0]
            if fill_up(places, row, ranked, scores[row], history, None if seen is None else seen[row], rules):
                break
    places = _without_gaps(places)
    ranking = Ranking(scores, places.items, best, temperature, normaliser)
    capped = _capped(candidates, places, rules)
    cuts = _cuts(user_ids, scores, places, rules, cut_by_seen, capped, (~may_show & (rules.pins > 0)).sum(axis=1))
    return RuledLists(ranking, _marks(places, rules), cuts)


def _candidates(moved: Scores, places: Places, rules: Rules, seen: NDArray[np.bool_] | None) -> NDArray[np.int32]:
    """int32 [B, N], best first: the best of all and of each category that is asked for, of a text the best alone.

    Without what is listed already or, by ``seen``, looks like what the user has seen.
    """
    order = rules.catalogue.tie_order
    n_best = min(rules.n_candidates + int((rules.pins > 0).sum()), moved.shape[1] - 1)
    found = top_k(moved, max(n_best, 1), order)
    if rules.categories is not None and rules.categories.at_least.any():
        found = _merged([found, *_best_of_wanted(moved, rules)], moved, order)
    alike = rules.catalogue.alike
    groups = found if alike is None else alike[found]
    drop = _repeats(groups)
    if rules.pins.any():
        drop |= _are_listed(groups, places.items if alike is None else alike[places.items], moved.shape[1])
    if seen is not None:
        drop |= np.take_along_axis(seen, found, axis=1)
    return np.where(drop, 0, found).astype(np.int32)


def _are_listed(items: NDArray[np.int32], listed: NDArray[np.int32], n_columns: int) -> NDArray[np.bool_]:
    """Which items stand in the list of their row, bool as ``items``; 0 never."""
    marked = np.zeros((len(items), n_columns), bool)
    marked[np.arange(len(items))[:, None], listed] = True
    marked[:, 0] = False
    return np.take_along_axis(marked, items, axis=1)


def _best_of_wanted(moved: Scores, rules: Rules) -> list[NDArray[np.int32]]:
    """Of each category with an ``at_least`` its best items, a list each."""
    found = []
    assert rules.categories is not None
    rank = np.argsort(rules.catalogue.tie_order, kind="stable")
    for category in np.flatnonzero(rules.categories.at_least):
        members = np.append(0, np.flatnonzero(rules.categories.of_items == category))
        k = min(2 * int(rules.categories.at_least[category]), len(members) - 1)
        local = top_k(moved[:, members], max(k, 1), np.argsort(rank[members], kind="stable"))
        found.append(members[local].astype(np.int32))
    return found


def _merged(lists: list[NDArray[np.int32]], moved: Scores, order: NDArray[np.int64]) -> NDArray[np.int32]:
    """Ranked lists as one, without repeats, 0 last."""
    both = np.concatenate(lists, axis=1)
    both = np.where(_repeats(both), 0, both)
    rank = np.argsort(order, kind="stable")
    values = np.take_along_axis(moved, both, axis=1)
    rows = np.arange(len(both))[:, None]
    best_first: NDArray[np.int32] = both[rows, np.lexsort((rank[both], -values, both == 0), axis=1)]
    return best_first


def _repeats(values: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which values stand in their row before, 0 never."""
    order = np.argsort(values, axis=1, kind="stable")
    in_order = np.take_along_axis(values, order, axis=1)
    again = np.zeros(values.shape, bool)
    np.put_along_axis(again, order[:, 1:], in_order[:, 1:] == in_order[:, :-1], axis=1)
    return np.asarray(again & (values != 0))


def _without_gaps(places: Places) -> Places:
    """What stands below a place that nothing could fill moves up; only a pinned item can."""
    if not ((places.items[:, :-1] == 0) & (places.items[:, 1:] > 0)).any():
        return places
    order = np.argsort(places.items == 0, axis=1, kind="stable")
    return Places(
        np.take_along_axis(places.items, order, axis=1),
        np.take_along_axis(places.source, order, axis=1),
        np.take_along_axis(places.propensity, order, axis=1),
        np.take_along_axis(places.moves, order, axis=1),
        places.n_of_category,
    )


def _capped(candidates: NDArray[np.int32], places: Places, rules: Rules) -> NDArray[np.int64]:
    """Candidates whose category is full, int64 [B], of those that stand above the last candidate listed."""
    if rules.categories is None:
        return np.zeros(len(candidates), np.int64)
    listed = _are_listed(candidates, places.items, len(rules.allowed))
    above = np.cumsum(listed[:, ::-1], axis=1)[:, ::-1] > 0
    full = places.n_of_category >= rules.categories.at_most
    gave_way = np.take_along_axis(full, rules.categories.of_items[candidates], axis=1)
    counts: NDArray[np.int64] = ((candidates > 0) & above & ~listed & gave_way).sum(axis=1)
    return counts


def _marks(places: Places, rules: Rules) -> pd.DataFrame:
    moves = places.moves.astype(np.int64)
    for name, which in rules.moves.items():
        moves |= np.where(which[places.items], int(Move[name.upper()]), 0)
    moves[np.isin(places.source, (Source.NONE, Source.PINNED))] = 0
    named = np.array([_named(one) for one in range(2 * max(Move))], dtype=object)
    drawn = pd.Series(np.isfinite(places.propensity).ravel())
    explored = rules.exploration
    return pd.DataFrame(
        {
            SOURCE: np.array([one.name.lower() for one in Source], dtype=object)[places.source.ravel()],
            MOVED_BY: named[moves.ravel()],
            PROPENSITY: places.propensity.ravel(),
            POLICY: drawn.map({True: None if explored is None else explored.name, False: None}).astype("str"),
            SEED: pd.array(np.where(drawn, 0 if explored is None else explored.seed, np.nan), "Int64"),
        }
    )


def _named(moves: int) -> str:
    return ", ".join(one.name.lower() for one in Move if one & moves and one.name)


def _cuts(
    user_ids: NDArray[np.object_],
    scores: Scores,
    places: Places,
    rules: Rules,
    by_seen: NDArray[np.int64],
    capped: NDArray[np.int64],
    unpinned: NDArray[np.int64],
) -> pd.DataFrame:
    columns = {
        c.USER_ID: user_ids,
        PLACES: places.items.shape[1],
        LISTED: (places.items > 0).sum(axis=1),
        ELIGIBLE: np.isfinite(scores).sum(axis=1),
        **{f"cut_by_{rule}": rules.cuts.get(rule, 0) for rule in STATIC},
        f"cut_by_{CUT_BY_SEEN}": by_seen,
        f"cut_by_{CAPPED}": capped,
        UNPINNED: unpinned,
        UNKNOWN: rules.n_unknown,
    }
    return pd.DataFrame(columns)[list(CUT_COLUMNS)]


def no_cuts() -> pd.DataFrame:
    """The table of cuts where no rule is set: no row."""
    return pd.DataFrame({name: pd.Series(dtype="str" if name == c.USER_ID else "int64") for name in CUT_COLUMNS})
