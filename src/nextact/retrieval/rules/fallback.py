"""What fills a list that the candidates leave short, in stated steps; each row carries its step.

1. ``model_next``: what follows in the model's ranking, as long as the model tells items apart.
2. ``popular_in_category``: of items that the model does not tell apart (they share the user's lowest score), those of
   the categories that the list holds, or else the history, most training events first.
3. ``popular``: the others of them, most training events first.

Eligibility and caps hold in every step. Items of a text that is listed, or that was seen where seen items are excluded,
come last. A list that is short after that is as long as it can be: no other item may be shown.
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
) -> bool:
    """Fill the empty places of one list.

    Args:
        places: Written to, unless the answer is no.
        row: Whose list.
        ranked: int32, items that the user may be shown, best first: all of them or as many as are looked at.
        scores: float32 [I + 1], the model's own scores of the user.
        history: int32, items of the user's history.
        seen: bool [I + 1], items that look like an excluded seen one; None for none.
        rules: Categories and texts.

    Returns:
        Whether no item beyond ``ranked`` could stand in the list in place of one that does, or at an empty place.
    """
    listed, floor = places.items[row], scores[np.isfinite(scores)].min(initial=np.inf)
    is_whole = len(ranked) == np.isfinite(scores).sum()
    ranked = ranked[~np.isin(ranked, listed)]
    if not is_whole and (scores[ranked] == floor).any():
        return False
    queue, sources = _in_turn(ranked, scores[ranked] == floor, listed, history, rules)
    waiting, trial = np.ones(len(queue), bool), places.rows(np.array([row]))
    for place in np.flatnonzero(listed == 0).tolist():
        open_ = waiting & _has_room(queue, trial.n_of_category[0], rules)
        new = open_ & ~_is_repeat(queue, trial.items[0], rules) & (True if seen is None else ~seen[queue])
        if not is_whole and not new.any():
            return False
        which = new if new.any() else open_
        if not which.any():
            break
        chosen = int(which.argmax())
        waiting[chosen] = False
        trial.put(np.array([0]), place, queue[[chosen]], int(sources[chosen]), rules)
    places.items[row], places.source[row] = trial.items[0], trial.source[0]
    places.n_of_category[row] = trial.n_of_category[0]
    return True


def _in_turn(
    ranked: NDArray[np.int32],
    at_floor: NDArray[np.bool_],
    listed: NDArray[np.int32],
    history: NDArray[np.int32],
    rules: Rules,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Items in the order of their steps, and the step of each."""
    if at_floor.sum() < 2:
        return ranked, np.full(len(ranked), Source.MODEL_NEXT, np.int64)
    steps = np.where(at_floor, Source.POPULAR, Source.MODEL_NEXT).astype(np.int64)
    if rules.categories is not None:
        of_items = rules.categories.of_items
        near = np.unique(of_items[listed[listed > 0] if listed.any() else history])
        near = near[near < len(rules.categories.at_most) - 1]
        steps[at_floor & np.isin(of_items[ranked], near)] = Source.POPULAR_IN_CATEGORY
    popularity = np.argsort(rules.catalogue.tie_order, kind="stable")  # place of each item in it
    order = np.lexsort((np.where(at_floor, popularity[ranked], 0), steps))
    return ranked[order], steps[order]


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
