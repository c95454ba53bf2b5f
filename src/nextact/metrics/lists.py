"""Metrics of what is recommended rather than of who is served: spread, novelty, variety.

Recommended lists are int32[users, k] of ``item_index``, best first, 0 for an empty place.
Popularity is int64[n_items + 1], training events per ``item_index``, padding included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.errors import MetricsError, UndefinedError, refuse

Lists = NDArray[np.integer]
Counts = NDArray[np.integer]

USERS_PER_BLOCK = 256  # with k = 20 and 384 dimensions, a block of float64 vectors takes about 16 MB


def coverage(lists: Lists, n_items: int) -> float:
    """Share of the catalogue that at least one user is recommended.

    Args:
        lists: int32[users, k], 0 for an empty place.
        n_items: Items in the catalogue.

    Returns:
        A value in [0, 1]; 0 when nothing is recommended.

    Source:
        Ge, Delgado-Battenfeld & Jannach, RecSys 2010 (catalogue coverage).

    Example:
        >>> coverage(np.array([[1, 2], [2, 0]]), n_items=4)
        0.5
    """
    return float(np.count_nonzero(_recommendation_counts(lists, n_items)) / n_items)


def gini(lists: Lists, n_items: int) -> float:
    """Gini index of how often each catalogue item is recommended.

    ``sum((2 i - n - 1) x_i) / (n sum(x_i))`` over the counts ``x_1 <= ... <= x_n``.

    Args:
        lists: int32[users, k], 0 for an empty place.
        n_items: Items in the catalogue, never recommended ones included.

    Returns:
        A value in [0, 1 - 1/n_items]: 0 when all items are recommended equally often,
        the upper end when one item takes every place. Equal counts need no tie rule.

    Raises:
        UndefinedError: If nothing is recommended.

    Source:
        Fleder & Hosanagar, Management Science 2009.

    Example:
        Counts 0, 0, 1, 3: (1 * 1 + 3 * 3) / (4 * 4).

        >>> gini(np.array([[4, 3], [4, 0], [4, 0]]), n_items=4)
        0.625
    """
    counts = np.sort(_recommendation_counts(lists, n_items))
    _refuse_nothing(counts.sum(), "lists", "nothing recommended", lists.shape)
    weights = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float(weights @ counts / (n_items * counts.sum()))


def novelty(lists: Lists, popularity: Counts) -> float:
    """Mean self-information of the recommended items, in bits.

    ``-log2 p(item)`` with add-one smoothing, ``p = (count + 1) / (sum(counts) + n_items)``,
    over all filled places.

    Args:
        lists: int32[users, k], 0 for an empty place.
        popularity: int64[n_items + 1], training events per item.

    Returns:
        A value above 0 (0 with one item only) and at most ``log2(sum(counts) + n_items)``.

    Raises:
        UndefinedError: If nothing is recommended.
        MetricsError: If a count is negative.

    Source:
        Zhou et al., PNAS 2010 (surprisal); Vargas & Castells, RecSys 2011.

    Example:
        Counts 2, 0 and 2 smooth to 3/7, 1/7 and 3/7; item 2 alone carries log2 7 bits.

        >>> round(novelty(np.array([[2, 0]]), np.array([0, 2, 0, 2])), 4)
        2.8074
    """
    recommended = _filled(lists, len(popularity) - 1)
    smoothed = _item_counts(popularity)[1:] + 1
    return float(-np.log2(smoothed / smoothed.sum())[recommended - 1].mean())


def intra_list_diversity(lists: Lists, vectors: NDArray[np.floating]) -> float:
    """Mean cosine distance between two items of one list, averaged over users.

    Args:
        lists: int32[users, k], 0 for an empty place.
        vectors: float[n_items + 1, dims], one vector per item, of any length. A zero vector
            (an item without text) is at distance 1 from every other.

    Returns:
        A value in [0, 2]; 0 when all vectors of each list point the same way. Users with
        fewer than two items have no pair and are left out.

    Raises:
        UndefinedError: If no user has two items.
        MetricsError: If a recommended item's vector is not finite.

    Source:
        Ziegler et al., WWW 2005; Smyth & McClave, ICCBR 2001.

    Example:
        Items 1 and 2 are orthogonal, items 1 and 3 parallel: distances 1, 0 and 1.

        >>> vectors = np.array([[0, 0], [1, 0], [0, 1], [2, 0]], dtype=np.float32)
        >>> round(intra_list_diversity(np.array([[1, 2, 3], [1, 0, 0]]), vectors), 4)
        0.6667
    """
    items = np.unique(_filled(lists, len(vectors) - 1))
    refuse(~np.isfinite(vectors[items]).all(axis=1), "vectors", "not finite", "recommended item")
    paired = lists[np.count_nonzero(lists, axis=1) >= 2]
    _refuse_nothing(len(paired), "lists", "no user with two items", lists.shape)
    units = _unit_vectors(vectors[items])
    places = np.searchsorted(items, paired) + 1
    places[paired == 0] = 0
    blocks = range(0, len(paired), USERS_PER_BLOCK)
    return float(np.concatenate([_diversity(places[b : b + USERS_PER_BLOCK], units) for b in blocks]).mean())


def category_diversity(lists: Lists, categories: Counts) -> float:
    """Mean share of the pairs of one list whose categories differ, averaged over users.

    Args:
        lists: int32[users, k], 0 for an empty place.
        categories: int[n_items + 1], code of each item's category; below 0 for an item without, which differs from
            every other.

    Returns:
        A value in [0, 1]; 0 when each list keeps to one category. Users with fewer than two items have no pair and
        are left out.

    Raises:
        UndefinedError: If no user has two items.

    Source:
        Intra-list diversity of Ziegler et al., WWW 2005, with the distance 1 between categories and 0 within.

    Example:
        Items 1 and 2 share a category, item 3 has none: two of three pairs differ.

        >>> round(category_diversity(np.array([[1, 2, 3], [1, 0, 0]]), np.array([0, 7, 7, -1])), 4)
        0.6667
    """
    _filled(lists, len(categories) - 1)
    n_filled = np.count_nonzero(lists, axis=1)
    paired = lists[n_filled >= 2]
    _refuse_nothing(len(paired), "lists", "no user with two items", lists.shape)
    found = np.where(paired > 0, categories[paired], -1)
    equal = ((found[:, :, None] == found[:, None, :]) & (found >= 0)[:, :, None]).sum(axis=(1, 2)) - (found >= 0).sum(
        axis=1
    )
    n_filled = n_filled[n_filled >= 2]
    return float((1 - equal / (n_filled * (n_filled - 1))).mean())


def popularity_lift(lists: Lists, history_items: Lists, history_offsets: Counts, popularity: Counts) -> float:
    """How much more popular the recommendations are than what users chose themselves.

    The mean over users of the mean popularity of their list, divided by the mean over
    users of the mean popularity of their history.

    Args:
        lists: int32[users, k], 0 for an empty place.
        history_items: int32[n], the histories one after another; an item counts as often
            as it occurs, and 0 is no event.
        history_offsets: int64[users + 1], user ``u`` owning
            ``history_items[history_offsets[u]:history_offsets[u + 1]]``.
        popularity: int64[n_items + 1], training events per item.

    Returns:
        A value of at least 0; 1 when lists are as popular as histories. Users with an empty
        list or history are left out of both means.

    Raises:
        UndefinedError: If no user is left, or the histories hold only items without events.

    Source:
        Abdollahpouri et al., RecSys 2020; their lift is this ratio minus 1.

    Example:
        The list averages (4 + 2) / 2, the history (4 + 1 + 1) / 3.

        >>> popularity_lift(np.array([[1, 2]]), np.array([1, 3, 3]), np.array([0, 3]), np.array([0, 4, 2, 1]))
        1.5
    """
    if len(history_offsets) != len(lists) + 1:
        problem = f"{len(history_offsets):,} values for {len(lists):,} users"
        raise MetricsError("history_offsets", problem, 1, history_offsets, "array")
    _filled(lists, len(popularity) - 1)
    _check_range(history_items, "history_items", len(popularity) - 1)
    counts = _item_counts(popularity)
    list_users = np.repeat(np.arange(len(lists)), lists.shape[1])
    history_users = np.repeat(np.arange(len(lists)), np.diff(history_offsets))
    of_lists = _mean_popularity(lists.ravel(), list_users, counts, len(lists))
    of_histories = _mean_popularity(history_items, history_users, counts, len(lists))
    both = ~np.isnan(of_lists) & ~np.isnan(of_histories)
    _refuse_nothing(both.sum(), "lists", "no user with a list and a history", lists.shape)
    _refuse_nothing(of_histories[both].sum(), "history_items", "only items without events", history_items)
    return float(of_lists[both].mean() / of_histories[both].mean())


def _unit_vectors(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """float32[items + 1, dims] of length 1, or 0 where a vector is zero; row 0 is an empty place."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    units = np.divide(vectors, lengths, out=np.zeros(vectors.shape), where=lengths > 0)
    return np.vstack([np.zeros((1, vectors.shape[1])), units]).astype(np.float32)


def _diversity(places: Counts, units: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64[users]: the square of a sum of unit vectors holds the cosine of every pair, twice."""
    has_vector = np.any(units[places], axis=2).sum(axis=1)
    sums = units[places].sum(axis=1).astype(np.float64)
    cosines = np.square(sums).sum(axis=1) - has_vector
    n_filled = np.count_nonzero(places, axis=1)
    distances: NDArray[np.float64] = 1 - cosines / (n_filled * (n_filled - 1))
    return np.clip(distances, 0.0, 2.0)  # rounding can pass the ends by a hair


def _mean_popularity(items: Lists, users: Counts, counts: NDArray[np.float64], n_users: int) -> NDArray[np.float64]:
    """float64[users], NaN for a user without items."""
    users, items = users[items > 0], items[items > 0]
    n_filled = np.bincount(users, minlength=n_users)
    total = np.bincount(users, weights=counts[items], minlength=n_users)
    means = np.full(n_users, np.nan)
    np.divide(total, n_filled, out=means, where=n_filled > 0)
    return means


def _recommendation_counts(lists: Lists, n_items: int) -> NDArray[np.int64]:
    """int64[n_items]: how often each item is recommended, checked."""
    _check_range(lists, "lists", n_items)
    ordered = np.sort(lists, axis=1)
    repeated = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] > 0)
    refuse(repeated.any(axis=1), "lists", "an item repeated", "user")
    return np.bincount(lists.ravel(), minlength=n_items + 1)[1:]


def _filled(lists: Lists, n_items: int) -> Lists:
    """The recommended items of all users, flat, at least one."""
    _refuse_nothing(_recommendation_counts(lists, n_items).sum(), "lists", "nothing recommended", lists.shape)
    return lists[lists > 0]


def _check_range(items: Lists, place: str, n_items: int) -> None:
    if n_items <= 0:
        raise MetricsError("n_items", "an empty catalogue", 1, n_items, "argument")
    refuse((items < 0) | (items > n_items), place, f"item_index outside 0..{n_items:,}")


def _item_counts(popularity: Counts) -> NDArray[np.float64]:
    refuse(popularity < 0, "popularity", "negative count", "item")
    return popularity.astype(np.float64)


def _refuse_nothing(amount: float, place: str, problem: str, example: object) -> None:
    if amount <= 0:
        raise UndefinedError(place, problem, 1, example, "argument")
