"""Where each user's relevant items stand in the ranking, ties kept together.

A tie group is the set of items that share one score in one user's row. A group with
``n_greater`` items above it and ``n_equal`` members fills the ranks ``n_greater + 1`` to
``n_greater + n_equal``; in a uniformly random order of the tied items its ``n_relevant``
relevant members are a random subset of those ranks. Every expected metric follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.errors import MetricsError, refuse
from nextact.metrics.targets import Targets

Scores = NDArray[np.floating]

# Comparing a row with one score costs about a fifth of partitioning it, so a row with
# more groups than this is partitioned once instead of compared once per group.
MOST_COMPARISONS = 4


@dataclass(frozen=True, eq=False)
class TieGroups:
    """One row per tie group that holds a relevant item and starts within the depth.

    Attributes:
        user: int64[groups], position of the user, ascending; best group of a user first.
        n_greater: int64[groups], items of that user with a higher score, below the depth.
        n_equal: int64[groups], items in the group, relevant or not, at least 1.
        n_relevant: int64[groups], relevant items in the group, at least 1.
        n_before: int64[groups], relevant items of that user with a higher score.
    """

    user: NDArray[np.int64]
    n_greater: NDArray[np.int64]
    n_equal: NDArray[np.int64]
    n_relevant: NDArray[np.int64]
    n_before: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TargetRanks:
    """Where each relevant item stands in its user's ranking, entry for entry as in ``Targets.item_index``.

    The scores are gone, yet every ranking metric follows from it, for any part of the relevant items.

    Attributes:
        n_greater: int64[n], items with a higher score; the depth where there are that many, and for a masked item.
        n_equal: int64[n], items with the same score, itself included; exact where ``n_greater`` is below the depth.
        allowed: bool[n], whether the item may be recommended: its score is not ``-inf``.
        depth: Ranks that were looked at.
    """

    n_greater: NDArray[np.int64]
    n_equal: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    depth: int

    def keep(self, kept: NDArray[np.bool_]) -> TargetRanks:
        """The ranks of some of the relevant items, as ``Targets.keep`` leaves them."""
        return TargetRanks(self.n_greater[kept], self.n_equal[kept], self.allowed[kept], self.depth)


def rank_targets(scores: Scores, targets: Targets, depth: int, cut: Scores | None = None) -> TargetRanks:
    """Count the items above and beside each relevant item.

    Args:
        scores: float[users, n_items + 1], checked by ``check_scores``.
        targets: Relevant items of the same users.
        depth: Ranks that matter.
        cut: float[users], each user's ``depth``-th best score where it is at hand: items below it are known to be
            beyond the depth, and their rows need not be read.

    Returns:
        One entry per relevant catalogue item, in the order of ``targets.item_index``.

    Example:
        >>> scores = np.array([[-np.inf, 2.0, 1.0, 1.0, 0.0]])
        >>> ranks = rank_targets(scores, Targets.from_lists([[2, 1]]), depth=3)
        >>> ranks.n_greater.tolist(), ranks.n_equal.tolist()
        ([1, 0], [2, 1])
    """
    users = targets.users_of_items
    values = scores[users, targets.item_index]
    allowed = values > -np.inf
    order = np.lexsort((-values, users))
    looked_at = allowed if cut is None else allowed & (values >= cut[users])
    order = order[looked_at[order]]
    starts = _group_starts(users[order], values[order])
    firsts = order[starts]
    n_greater = np.full(len(users), depth, dtype=np.int64)
    n_equal = np.ones(len(users), dtype=np.int64)
    sizes = np.diff(np.append(starts, len(order)))
    above, beside = _count_above_and_beside(scores, users[firsts], values[firsts], depth)
    n_greater[order], n_equal[order] = np.repeat(above, sizes), np.repeat(beside, sizes)
    return TargetRanks(n_greater, n_equal, allowed, depth)


def group_ranks(ranks: TargetRanks, targets: Targets) -> TieGroups:
    """The tie groups of ranked targets.

    Args:
        ranks: Of the targets' items.
        targets: The relevant items, or those of them that are left.

    Returns:
        The groups that start within the depth. A masked relevant item is in none: it is never retrieved.

    Example:
        Left with item 1 alone, the user has one group, at rank 2 or 3.

        >>> scores, targets = np.array([[-np.inf, 1.0, 2.0, 1.0]]), Targets.from_lists([[1, 2]])
        >>> only_1 = np.array([True, False])
        >>> groups = group_ranks(rank_targets(scores, targets, depth=3).keep(only_1), targets.keep(only_1))
        >>> groups.n_greater.tolist(), groups.n_equal.tolist(), groups.n_before.tolist()
        ([1], [2], [0])
    """
    if len(ranks.n_greater) != len(targets.item_index):
        problem = f"{len(ranks.n_greater):,} entries for {len(targets.item_index):,} relevant items"
        raise MetricsError("ranks", problem, 1, ranks.n_greater.shape, "array")
    users = targets.users_of_items
    order = np.lexsort((ranks.n_greater, users))
    order = order[ranks.n_greater[order] < ranks.depth]
    users, n_greater = users[order], ranks.n_greater[order]
    starts = _group_starts(users, n_greater)
    n_relevant = np.diff(np.append(starts, len(users)))
    user = users[starts]
    n_before = starts - np.searchsorted(users, user)
    return TieGroups(user, n_greater[starts], ranks.n_equal[order][starts], n_relevant, n_before)


def _group_starts(users: NDArray[np.int64], values: Scores | NDArray[np.int64]) -> NDArray[np.int64]:
    changes = (users[1:] != users[:-1]) | (values[1:] != values[:-1])
    return np.flatnonzero(np.append(np.ones(min(len(users), 1), dtype=bool), changes))


def _count_above_and_beside(
    scores: Scores, user: NDArray[np.int64], value: Scores, depth: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``n_greater`` and ``n_equal`` of each group; exact only where ``n_greater < depth``."""
    n_greater = np.full(len(user), depth, dtype=np.int64)
    n_equal = np.ones(len(user), dtype=np.int64)
    rows, starts, counts = np.unique(user, return_index=True, return_counts=True)
    for row, start, count in zip(rows.tolist(), starts.tolist(), counts.tolist(), strict=True):
        group = slice(start, start + count)
        count_row = _count_by_comparison if count <= MOST_COMPARISONS else _count_by_partition
        count_row(scores[row], value[group], depth, n_greater[group], n_equal[group])
    return n_greater, n_equal


def _count_by_comparison(
    row: Scores, values: Scores, depth: int, n_greater: NDArray[np.int64], n_equal: NDArray[np.int64]
) -> None:
    """Compare the row with each of a few values, best first, until the depth is passed."""
    for place, value in enumerate(values):
        above = np.count_nonzero(row > value)
        if above >= depth:
            return
        n_greater[place], n_equal[place] = above, np.count_nonzero(row == value)


def _count_by_partition(
    row: Scores, values: Scores, depth: int, n_greater: NDArray[np.int64], n_equal: NDArray[np.int64]
) -> None:
    """Look all values up in the sorted best ``depth`` scores of the row."""
    depth = min(depth, len(row))
    best = np.sort(np.partition(row, -depth)[-depth:])
    left, right = np.searchsorted(best, values, "left"), np.searchsorted(best, values, "right")
    # A value below all of the best keeps what the arrays hold: beyond the depth.
    inside = values >= best[0]
    n_greater[inside] = depth - right[inside]
    n_equal[inside] = (right - left)[inside]
    # The group at the edge goes on past the depth, so only the row knows its size.
    n_equal[values == best[0]] = np.count_nonzero(row == best[0])


def check_scores(scores: Scores, targets: Targets) -> Scores:
    """Refuse scores that no ranking can be read from.

    Returns:
        float[users], each user's best score.

    Raises:
        MetricsError: If the shape does not fit the targets, a score is NaN or +inf, the
            padding column is not ``-inf``, or a relevant item is outside the columns.
    """
    if scores.ndim != 2 or scores.dtype.kind != "f" or len(scores) != targets.n_users:
        problem = f"{scores.dtype}{list(scores.shape)} where floats of {targets.n_users:,} users are needed"
        raise MetricsError("scores", problem, 1, scores.shape, "array")
    refuse(targets.item_index >= scores.shape[1], "targets.item_index", f"beyond {scores.shape[1] - 1:,} items")
    # NaN spreads through a maximum, so one pass finds both.
    best: Scores = scores.max(axis=1, initial=-np.inf)
    rows = np.flatnonzero(~(best < np.inf))
    if len(rows):
        bad = np.isnan(scores[rows]) | (scores[rows] == np.inf)
        place = int(np.flatnonzero(bad[0])[0])
        example = f"{scores[rows[0], place]} for the user at position {rows[0]}, item {place}"
        raise MetricsError("scores", "NaN or +inf", int(bad.sum()), example, "score")
    refuse(scores[:, 0] != -np.inf, "scores[:, 0]", "padding that is not -inf", "user")
    return best
