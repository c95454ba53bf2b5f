"""Ranking metrics of each user over the full catalogue, ties by expectation.

With ``G = n_greater``, ``E = n_equal``, ``m = n_relevant`` and ``h = n_before`` of a tie
group (see ``tie_groups``) and ``t = clip(k - G, 0, E)`` of its ranks within ``k``:

- a rank holds a relevant item with probability ``m / E``: hits and DCG by linearity;
- given that rank ``G + j`` is relevant, ``h + 1 + (j - 1)(m - 1)/(E - 1)`` relevant items are
  expected up to it: average precision by linearity;
- the first relevant item of a user is in the best group, past its first ``j`` ranks with
  probability ``C(E - j, m) / C(E, m)``: hit rate and reciprocal rank.

A test enumerates all orders of tied items and finds the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.errors import MetricsError, refuse
from nextact.metrics.targets import Targets
from nextact.metrics.tie_groups import Scores, TargetRanks, TieGroups, check_scores, group_ranks, rank_targets

PerUser = NDArray[np.float64]


def ranking_metrics(scores: Scores, targets: Targets, ks: Sequence[int] = (5, 10, 20)) -> dict[str, PerUser]:
    """Every metric of :data:`RANKING_METRICS` (hit rate, recall, precision, NDCG, MRR, MAP) at every cut-off.

    Args:
        scores: float32[users, n_items + 1], higher is better; column 0 is padding and
            ``-inf``. Any other ``-inf`` is an item that may not be recommended: it fills
            no rank, and is a miss if relevant. Not modified.
        targets: Relevant items of the same users, in the same order.
        ks: Cut-offs, list lengths that count.

    Returns:
        float64[users] under ``hit_rate@k``, ``recall@k``, ``precision@k``, ``ndcg@k``,
        ``mrr@k`` and ``map@k``, each in [0, 1]. With ``R`` relevant items, missing ones
        included: recall divides by ``R``, precision by ``k`` (also when fewer items may be
        recommended), NDCG by the DCG of ``min(k, R)`` hits, MAP by ``min(k, R)``. Gains are
        binary, the discount is ``1 / log2(rank + 1)``, MRR counts 0 beyond ``k``. Tied
        items count by expectation over their random order, never by index.

    Raises:
        MetricsError: If a score is NaN or +inf, or a user has no relevant item
            (undefined: drop such users and report how many).

    Source:
        Jarvelin & Kekalainen 2002 (NDCG); Manning, Raghavan & Schutze 2008, chapter 8;
        McSherry & Najork 2008 (ties by expectation).

    Example:
        The relevant item 2 ties with item 3 behind item 1, so it is at rank 2 or 3.

        >>> scores = np.array([[-np.inf, 2.0, 1.0, 1.0, 0.0]], dtype=np.float32)
        >>> metrics = ranking_metrics(scores, Targets.from_lists([[2]]), ks=(2,))
        >>> {name: round(float(metrics[name][0]), 4) for name in ("recall@2", "precision@2", "ndcg@2", "mrr@2")}
        {'recall@2': 0.5, 'precision@2': 0.25, 'ndcg@2': 0.3155, 'mrr@2': 0.25}
    """
    _check_cutoffs(ks)
    check_scores(scores, targets)
    return metrics_of_ranks(rank_targets(scores, targets, depth=max(ks)), targets, ks)


def metrics_of_ranks(ranks: TargetRanks, targets: Targets, ks: Sequence[int] = (5, 10, 20)) -> dict[str, PerUser]:
    """The metrics of ``ranking_metrics`` from ranks alone, for all relevant items or for some of them.

    Args:
        ranks: Of the targets' items, to a depth of at least the largest cut-off.
        targets: The same items. Items left out by ``keep`` on both are neither hits nor missed; they go on filling
            their ranks.
        ks: Cut-offs.

    Returns:
        As ``ranking_metrics``.

    Raises:
        MetricsError: If a cut-off lies beyond the depth, or a user has no relevant item.

    Example:
        >>> targets = Targets.from_lists([[2]])
        >>> ranks = rank_targets(np.array([[-np.inf, 2.0, 1.0]], dtype=np.float32), targets, depth=2)
        >>> metrics_of_ranks(ranks, targets, ks=(2,))["mrr@2"].tolist()
        [0.5]
    """
    _check_cutoffs(ks)
    refuse(np.asarray(ks) > ranks.depth, "ks", f"beyond the depth of {ranks.depth} ranks", "cut-off")
    refuse(targets.n_relevant == 0, "targets", "no relevant item", "user")
    groups = group_ranks(ranks, targets)
    first_hit = first_hit_probabilities(groups, targets.n_users, depth=max(ks))
    cutoffs = [Cutoff(k, targets.n_relevant, groups, first_hit[:, :k]) for k in ks]
    return {name: values for cutoff in cutoffs for name, values in _at_cutoff(cutoff).items()}


def metric_names(ks: Sequence[int]) -> list[str]:
    """What ``ranking_metrics`` calls the metrics at these cut-offs.

    Example:
        >>> metric_names((5, 10))[:3]
        ['hit_rate@5', 'recall@5', 'precision@5']
    """
    return [f"{name}@{k}" for k in ks for name in RANKING_METRICS]


@dataclass(frozen=True, eq=False)
class Cutoff:
    """What a metric may read of all users at one cut-off.

    Attributes:
        k: Length of the list that counts.
        n_relevant: int64[users], relevant items, missing ones included, at least 1.
        groups: Tie groups of the users.
        first_hit: float64[users, k], probability that the first relevant item is at each rank; column 0 for rank 1.
    """

    k: int
    n_relevant: NDArray[np.int64]
    groups: TieGroups
    first_hit: PerUser

    @property
    def ideal(self) -> NDArray[np.int64]:
        """int64[users], relevant items in the best list of this length."""
        return np.minimum(self.k, self.n_relevant)

    @property
    def slots(self) -> NDArray[np.int64]:
        """int64[groups], ranks of the group that the list reaches."""
        return np.clip(self.k - self.groups.n_greater, 0, self.groups.n_equal)

    def gain(self, worth: NDArray[np.floating]) -> PerUser:
        """float64[users], the expected sum of what the ranks of relevant items are worth; ``worth`` is float[k]."""
        return self.sum_of_groups(_within(_cumulative(worth.astype(np.float64)), self.groups, self.slots))

    def sum_of_groups(self, per_group: PerUser) -> PerUser:
        """float64[users], from float64[groups]: the sum over a group's ranks, were each of them relevant."""
        return _sum_by_user(self.groups, per_group, len(self.n_relevant))


def hit_rate(at: Cutoff) -> PerUser:
    """Probability that a relevant item is in the list."""
    return np.asarray(at.first_hit.sum(axis=1), dtype=np.float64)


def recall(at: Cutoff) -> PerUser:
    """Share of the relevant items that is in the list."""
    return at.gain(np.ones(at.k)) / at.n_relevant


def precision(at: Cutoff) -> PerUser:
    """Share of the list that is relevant."""
    return at.gain(np.ones(at.k)) / at.k


def ndcg(at: Cutoff) -> PerUser:
    """Discounted cumulative gain, a hit at rank r being worth ``1 / log2(r + 1)``, beside that of the best list."""
    discount = 1 / np.log2(np.arange(2, at.k + 2))
    return at.gain(discount) / _cumulative(discount)[at.ideal]


def mrr(at: Cutoff) -> PerUser:
    """One over the rank of the first relevant item; 0 beyond the list."""
    return np.asarray(at.first_hit @ (1 / np.arange(1, at.k + 1)), dtype=np.float64)


def mean_average_precision(at: Cutoff) -> PerUser:
    """Mean precision at the ranks of the relevant items, misses counting 0."""
    return at.sum_of_groups(_precision_at_hits(at.groups, at.slots, at.k)) / at.ideal


# A metric is a function here and a line in this table; a run then reports it at every length of the list.
RANKING_METRICS: Mapping[str, Callable[[Cutoff], PerUser]] = {
    "hit_rate": hit_rate,
    "recall": recall,
    "precision": precision,
    "ndcg": ndcg,
    "mrr": mrr,
    "map": mean_average_precision,
}


def _at_cutoff(cutoff: Cutoff) -> dict[str, PerUser]:
    return {f"{name}@{cutoff.k}": metric(cutoff) for name, metric in RANKING_METRICS.items()}


def first_hit_probabilities(groups: TieGroups, n_users: int, depth: int) -> PerUser:
    """Probability that a user's first relevant item is at each rank.

    Args:
        groups: Tie groups of the users.
        n_users: Rows to return; a user without a group gets zeros.
        depth: Ranks to return.

    Returns:
        float64[users, depth], column 0 for rank 1; a row sums to the hit rate at ``depth``.

    Example:
        Two relevant among three tied items: rank 1 in two cases of three, else rank 2.

        >>> one = np.array([1])
        >>> first_hit_probabilities(TieGroups(one - 1, one - 1, 3 * one, 2 * one, one - 1), 1, 3).round(4).tolist()
        [[0.6667, 0.3333, 0.0]]
    """
    best = np.flatnonzero(groups.n_before == 0)
    steps = np.arange(depth)
    n_equal, n_relevant = groups.n_equal[best, None], groups.n_relevant[best, None]
    still_missed = np.maximum(n_equal - n_relevant - steps, 0) / np.maximum(n_equal - steps, 1)
    missed = np.cumprod(np.insert(still_missed, 0, 1.0, axis=1), axis=1)
    probability = missed[:, :-1] - missed[:, 1:]
    ranks = groups.n_greater[best, None] + steps
    inside = ranks < depth
    table = np.zeros((n_users, depth))
    table[np.broadcast_to(groups.user[best, None], ranks.shape)[inside], ranks[inside]] = probability[inside]
    return table


def _precision_at_hits(groups: TieGroups, slots: NDArray[np.int64], k: int) -> PerUser:
    """Sum over the ranks ``G + j`` in a group of the precision there, were that rank relevant."""
    # sum of 1 / (G + j), and through it sum of (j - 1) / (G + j), for j = 1..t
    reciprocal = _within(_cumulative(1 / np.arange(1, k + 1)), groups, slots)
    companions = (groups.n_relevant - 1) / np.maximum(groups.n_equal - 1, 1)
    return (groups.n_before + 1) * reciprocal + companions * (slots - (groups.n_greater + 1) * reciprocal)


def _sum_by_user(groups: TieGroups, per_rank: PerUser, n_users: int) -> PerUser:
    """Sum over the groups of a user, each rank being relevant with the same probability."""
    weights = per_rank * groups.n_relevant / groups.n_equal
    return np.asarray(np.bincount(groups.user, weights=weights, minlength=n_users), dtype=np.float64)


def _within(cumulative: PerUser, groups: TieGroups, slots: NDArray[np.int64]) -> PerUser:
    start = np.minimum(groups.n_greater, len(cumulative) - 1)
    return cumulative[start + slots] - cumulative[start]


def _cumulative(values: PerUser) -> PerUser:
    return np.concatenate(([0.0], np.cumsum(values)))


def _check_cutoffs(ks: Sequence[int]) -> None:
    bad = [k for k in ks if isinstance(k, bool) or not isinstance(k, int) or k < 1]
    if bad or not ks:
        raise MetricsError("ks", "not an integer >= 1", max(len(bad), 1), bad[0] if bad else ks, "cut-off")
