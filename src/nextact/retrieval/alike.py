"""Items that no reader can tell apart: of the same text, they stand in a list once, and are seen together."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.models.recommender import Scores
from nextact.models.top_items import top_k
from nextact.options import options
from nextact.sequences.histories import Histories

logger = logging.getLogger(__name__)

MOST_OF_A_TEXT = 10  # items a text, on average, up to which a text is taken to tell one item from most others
DEEPER = 2  # times as many ranks as places are looked at, then so many times more


@options
class ListOptions:
    """What one list may hold.

    Attributes:
        one_per_text: Whether items of the same text stand in a list once, the best of them; the next ones move up.
            ``auto`` says yes unless a text has more than ten items on average: such texts name kinds of items, as
            categories do, and are no reason to leave an item out. Where it holds and seen items are left out, an item
            with the text of a seen one stands behind all others, as the repeats of a listed text do.
    """

    one_per_text: bool | Literal["auto"] = "auto"


def alike_by_text(texts: Iterable[str | None], one_per_text: bool | Literal["auto"]) -> NDArray[np.int32] | None:
    """Which items have the same text; letter case, kinds of blanks and forms of a character make no difference.

    Args:
        texts: Of items 1 .. n_items; an item without text is like no other.
        one_per_text: See :class:`ListOptions`.

    Returns:
        int32 [n_items + 1], for each item the smallest index among those of its text; None where lists need not mind:
        it was not asked for, or no text repeats.

    Example:
        >>> alike_by_text(["Red  wine", "", "red wine", ""], "auto").tolist()
        [0, 1, 2, 1, 4]
        >>> alike_by_text(["red wine", "", "white wine", ""], True) is None
        True
    """
    if one_per_text is False:
        return None
    normal = pd.Series([normalised(text) for text in texts], dtype=object)
    own = np.arange(1, len(normal) + 1, dtype=np.int32)
    has_text = (normal != "").to_numpy(bool)
    codes, distinct = pd.factorize(normal[has_text])
    if len(distinct) == len(codes):
        return None
    if one_per_text == "auto" and len(codes) > MOST_OF_A_TEXT * len(distinct):
        words = "%d items have %d texts between them, so lists may hold several items of one text; lists.one_per_text"
        logger.info(words + " says otherwise", len(codes), len(distinct))
        return None
    first = np.full(len(distinct), len(own) + 1, np.int32)
    np.minimum.at(first, codes, own[has_text])
    own[has_text] = first[codes]
    return np.append(np.int32(0), own)


def normalised(text: str | None) -> str:
    r"""A text as it is compared.

    Example:
        >>> normalised(" Red\u00a0 WINE ")
        'red wine'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()) if isinstance(text, str) else ""


def top_k_apart(
    scores: Scores,
    k: int,
    tie_order: NDArray[np.integer],
    alike: NDArray[np.int32] | None,
    seen: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int32], Scores]:
    """The best items a user of which no two are alike.

    Args:
        scores: float [users, n_items + 1], -inf for what may not be taken.
        k: At least 1.
        tie_order: See :func:`~nextact.models.top_items.top_k`.
        alike: See :func:`alike_by_text`; None takes the best items whatever they are like.
        seen: bool [users, n_items + 1], items that are like one which a user has seen; see :func:`looks_seen`.

    Returns:
        ``(lists, bound)``: int32 [users, k], best first, where items that are like a better one, or like a seen one,
        stand behind all others, so that a list of few texts is as long as ever; and the k-th best score of each user,
        float [users], whatever is listed.

    Example:
        >>> scores = np.array([[-np.inf, 3, 2, 1]], np.float32)
        >>> alike, order = np.array([0, 1, 1, 3], np.int32), np.arange(4)
        >>> top_k_apart(scores, 2, order, alike)[0].tolist(), top_k_apart(scores, 3, order, alike)[0].tolist()
        ([[1, 3]], [[1, 3, 2]])
    """
    if alike is None:
        lists = top_k(scores, k, tie_order)
        return lists, scores[np.arange(len(lists)), lists[:, -1]]
    everything = scores.shape[1]
    depth = min(DEEPER * k, max(everything, k))
    found = top_k(scores, depth, tie_order)
    bound = scores[np.arange(len(found)), found[:, k - 1]]
    lists, enough = _apart(found, k, alike, seen)
    short = np.flatnonzero(~enough)
    while len(short) and depth < everything:
        depth = min(depth * DEEPER, everything)
        of_short = None if seen is None else seen[short]
        lists[short], enough = _apart(top_k(scores[short], depth, tie_order), k, alike, of_short)
        short = short[~enough]
    return lists, bound


def _apart(
    found: NDArray[np.int32], k: int, alike: NDArray[np.int32], seen: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The first k of ranked items, repeats and what looks seen last; and whether no deeper look would change them."""
    groups = alike[found]
    order = np.argsort(groups, axis=1, kind="stable")
    in_order = np.take_along_axis(groups, order, axis=1)
    again = np.zeros(found.shape, bool)
    np.put_along_axis(again, order[:, 1:], in_order[:, 1:] == in_order[:, :-1], axis=1)
    if seen is not None:
        again |= np.take_along_axis(seen, found, axis=1)
    place = np.where(found == 0, 2, again).astype(np.int8)
    best = np.argsort(place, axis=1, kind="stable")[:, :k]
    enough = ((place == 0).sum(axis=1) >= k) | (found[:, -1] == 0)
    return np.take_along_axis(found, best, axis=1), enough


def looks_seen(histories: Histories, alike: NDArray[np.int32] | None) -> NDArray[np.bool_] | None:
    """Which items have a text that a user has seen: to a reader they are the seen ones.

    Args:
        histories: B users.
        alike: See :func:`alike_by_text`.

    Returns:
        bool [B, n_items + 1]; None where no user has seen a text that several items share.

    Example:
        >>> looks_seen(Histories.from_lists([[1], [3]]), np.array([0, 1, 1, 3], np.int32)).astype(int).tolist()
        [[0, 1, 1, 0], [0, 0, 0, 0]]
        >>> looks_seen(Histories.from_lists([[3]]), np.array([0, 1, 1, 3], np.int32)) is None
        True
    """
    if alike is None:
        return None
    shared = np.bincount(alike, minlength=len(alike))[alike[histories.item_index]] > 1
    if not shared.any():
        return None
    seen_texts = np.zeros((histories.n_users, len(alike)), bool)
    seen_texts[histories.users_of_events[shared], alike[histories.item_index[shared]]] = True
    return np.take(seen_texts, alike, axis=1)
