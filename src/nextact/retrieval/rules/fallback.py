"""What fills a list that the candidates leave short, in stated steps; each row carries its step.

1. ``model_next``: what follows in the model's ranking, as long as the model tells items apart.
2. ``popular_in_category``: of items that the model does not tell apart (they share the user's lowest score), those of
   the categories that the list holds, or else the history, most training events first.
3. ``popular``: the others of them, most training events first.

Eligibility and caps hold in every step. Items of a text that is listed, or that was
seen where seen items are excluded, come last. A list that is short after that is as
long as it can be: no other item may be shown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextact.models.recommender import Scores
from nextact.retrieval.rules.compiled import Rules
from nextact.retrieval.rules.places import Places, Source


def fill_up(
    places: Places,
    row: int,
    ranked: NDArray[np.int32],
    scores: Scores,
    history: NDArray[np.int32],
    seen: NDArray[np.bool_] | None,
    rules: Rules,
) -> None:
    """Fill the empty places of one list.

    Args:
        places: Written to.
        row: Whose list.
        ranked: int32, every item that the user may be shown, best first.
        scores: float32 [I + 1], the model's own scores of the user.
        history: int32, items of the user's history.
        seen: bool [I + 1], items that look like an excluded seen one; None for none.
        rules: Categories and texts.
    """
    ranked = ranked[~np.isin(ranked, places.items[row])]
    steps = _steps(ranked, scores, places.items[row], history, rules)
    order = np.argsort(steps, kind="stable")
    popular = steps[order] >= Source.POPULAR_IN_CATEGORY
    order[popular] = order[popular][np.lexsort((_tie_rank(rules)[ranked[order[popular]]], steps[order[popular]]))]
    queue, sources = ranked[order], steps[order]
    waiting = np.ones(len(queue), bool)
    for place in np.flatnonzero(places.items[row] == 0):
        open_ = waiting & _has_room(queue, places.n_of_category[row], rules)
        new = open_ & ~_is_repeat(queue, places.items[row], rules) & (True if seen is None else ~seen[queue])
        which = new if new.any() else open_
        if not which.any():
            return
        chosen = int(which.argmax())
        waiting[chosen] = False
        places.put(np.array([row]), int(place), queue[[chosen]], int(sources[chosen]), rules)


def _steps(
    ranked: NDArray[np.int32], scores: Scores, listed: NDArray[np.int32], history: NDArray[np.int32], rules: Rules
) -> NDArray[np.int64]:
    """The step in which each item's turn comes."""
    own = scores[ranked]
    at_floor = own == scores[np.isfinite(scores)].min(initial=np.inf)
    if at_floor.sum() < 2:
        at_floor[:] = False
    steps = np.where(at_floor, Source.POPULAR, Source.MODEL_NEXT).astype(np.int64)
    if rules.categories is not None:
        of_items = rules.categories.of_items
        near = np.unique(of_items[listed[listed > 0] if listed.any() else history])
        near = near[near < len(rules.categories.at_most) - 1]
        steps[at_floor & np.isin(of_items[ranked], near)] = Source.POPULAR_IN_CATEGORY
    return steps


def _tie_rank(rules: Rules) -> NDArray[np.int64]:
    rank = np.empty(len(rules.catalogue.tie_order), np.int64)
    rank[rules.catalogue.tie_order] = np.arange(len(rank))
    return rank


def _has_room(queue: NDArray[np.int32], n_of_category: NDArray[np.int32], rules: Rules) -> NDArray[np.bool_]:
    if rules.categories is None:
        return np.ones(len(queue), bool)
    full: NDArray[np.bool_] = n_of_category >= rules.categories.at_most
    return ~full[rules.categories.of_items[queue]]


def _is_repeat(queue: NDArray[np.int32], listed: NDArray[np.int32], rules: Rules) -> NDArray[np.bool_]:
    alike = rules.catalogue.alike
    if alike is None:
        return np.zeros(len(queue), bool)
    return np.isin(alike[queue], alike[listed[listed > 0]])
