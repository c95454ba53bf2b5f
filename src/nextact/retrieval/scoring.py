"""One path from histories to ranked lists and their probabilities, for evaluation, batch and online alike.

:func:`rank` walks all of it: scores; -inf for padding and, where the policy says so, for items of the history; the best
items, of equal scores the one with more training events first and then the one with the smaller index, and of items
with one text the first (:mod:`nextact.retrieval.alike`); the log of the softmax of the scores over a temperature.
Ranking metrics treat equal scores by expectation instead and read the scores themselves
(:mod:`nextact.metrics.ranking`). Lists that obey rules are made of the same scores, order and softmax by
:func:`nextact.retrieval.rules.ruled_lists.rank_by_rules`.

Shapes: B users, I items, K places of a list.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from nextact.metrics.ranking import ranking_metrics
from nextact.models.masking import mask
from nextact.models.recommender import Recommender, Scores
from nextact.retrieval.alike import looks_seen, top_k_apart
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout
from nextact.sequences.user_blocks import score_bytes, user_blocks

logger = logging.getLogger(__name__)

Floats = NDArray[np.float32] | NDArray[np.float64]
Places = NDArray[np.integer]

ROWS_AT_ONCE = 32  # of scores, so that what is worked out on the way stays in the cache
LOG_TEMPERATURES = (-6.0, 4.0)  # searched, in units of the spread of a user's scores
TOLERANCE = 0.05
FEW_TARGETS = 10


@dataclass(frozen=True, eq=False)
class Ranking:
    """What may be recommended to B users, and the best of it.

    Attributes:
        scores: float32 [B, I + 1]; -inf for what may not be recommended.
        lists: int32 [B, K]; the best items, best first, 0 for an empty place; see
            :func:`~nextact.retrieval.alike.top_k_apart`.
        bound: float32 [B]; the K-th best score, whatever is listed.
        temperature: Of the softmax.
        normaliser: float64 [B]; see :func:`log_normaliser`.
    """

    scores: Scores
    lists: NDArray[np.int32]
    bound: Scores
    temperature: float
    normaliser: NDArray[np.float64]

    @property
    def listed_scores(self) -> Scores:
        """The score at each place of the lists, float32 [B, K]; -inf at an empty one."""
        return np.take_along_axis(self.scores, self.lists, axis=1)

    @property
    def listed_probability(self) -> NDArray[np.float64]:
        """The probability at each place of the lists, float64 [B, K]; 0 at an empty one."""
        probability: NDArray[np.float64] = np.exp(self.log_probability(np.arange(len(self.lists))[:, None], self.lists))
        return probability

    def log_probability(self, users: Places, items: Places) -> NDArray[np.float64]:
        """Log of the softmax at ``scores[users, items]``; -inf for what may not be recommended."""
        return log_probability(self.scores, users, items, self.normaliser, self.temperature)


def rank(
    model: Recommender,
    histories: Histories,
    exclude_seen: bool,
    tie_order: Places,
    alike: NDArray[np.int32] | None,
    k: int,
    temperature: float,
) -> Ranking:
    """Scores, mask, lists and probabilities of a block of users.

    Args:
        model: A fitted model.
        histories: B users.
        exclude_seen: The run's policy.
        tie_order: int [I + 1]; see :func:`popular_first`.
        alike: int32 [I + 1]; see :func:`~nextact.retrieval.alike.alike_by_text`.
        k: Places of a list, at least 1.
        temperature: Of the softmax over what may be recommended, above 0.
    """
    scores = masked_scores(model, histories, exclude_seen)
    seen = looks_seen(histories, alike) if exclude_seen else None
    lists, bound = top_k_apart(scores, k, tie_order, alike, seen)
    best = scores.max(axis=1) if seen is not None else scores[np.arange(len(lists)), lists[:, 0]]
    return Ranking(scores, lists, bound, temperature, log_normaliser(scores, best, temperature))


def masked_scores(model: Recommender, histories: Histories, exclude_seen: bool) -> Scores:
    """Scores with -inf for padding and, where the policy says so, for items of the history."""
    scores = np.array(model.score(histories), dtype=np.float32)  # a copy: the mask must not reach the model's arrays
    return mask(scores, histories, exclude_seen)


def popular_first(n_training_events: NDArray[np.integer]) -> NDArray[np.int64]:
    """The order in which equal scores are listed: a user of whom a model says nothing gets what is popular.

    Args:
        n_training_events: int [I], of item indices 1 .. I, as the vocabulary counts them: events of the training
            window alone, with or without a refit.

    Returns:
        int64 [I + 1]; padding, then item indices by training events, most first, equal ones by index.

    Example:
        >>> popular_first(np.array([1, 5, 1])).tolist()
        [0, 2, 1, 3]
    """
    return np.append(0, 1 + np.argsort(-n_training_events, kind="stable"))


def log_normaliser(scores: Floats, best: Floats, temperature: float) -> NDArray[np.float64]:
    """Log of the sum of ``exp(score / temperature)`` over each user's allowed items, float64 [B].

    The exponentials have the precision of the scores: at float32 they take a fifth of the time and are right to about
    1e-6.

    Args:
        scores: float [B, I + 1], -inf for what may not be recommended.
        best: float [B], the largest score of each.
        temperature: Above 0.

    Returns:
        -inf for a user to whom nothing may be recommended.

    Example:
        >>> scores = np.array([[-np.inf, 0.0, 0.0]], np.float32)
        >>> log_normaliser(scores, scores.max(axis=1), temperature=1.0).round(4).tolist()
        [0.6931]
    """
    best = np.where(np.isfinite(best), best, np.zeros_like(best))
    total = np.empty(len(scores), scores.dtype)
    for start in range(0, len(scores), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        scaled = scores[rows] - best[rows, None]
        scaled *= scores.dtype.type(1 / temperature)
        np.exp(scaled, out=scaled)
        scaled.sum(axis=1, out=total[rows])
    with np.errstate(divide="ignore"):  # nothing may be recommended
        normaliser: NDArray[np.float64] = best.astype(np.float64) / temperature + np.log(total, dtype=np.float64)
    return normaliser


def log_probability(
    scores: Floats, users: Places, items: Places, normaliser: NDArray[np.float64], temperature: float
) -> NDArray[np.float64]:
    """Log of the softmax of ``scores / temperature`` at ``scores[users, items]``; -inf stays -inf.

    Example:
        >>> scores = np.array([[-np.inf, 0.0, 0.0]], np.float32)
        >>> normaliser = log_normaliser(scores, scores.max(axis=1), temperature=1.0)
        >>> log_probability(scores, np.array([0, 0]), np.array([0, 1]), normaliser, 1.0).round(4).tolist()
        [-inf, -0.6931]
    """
    found: NDArray[np.float64] = scores[users, items] / np.float64(temperature)
    np.subtract(found, normaliser[users], out=found, where=found > -np.inf)
    return found


def evaluate(
    model: Recommender, holdout: Holdout, exclude_seen: bool, ks: tuple[int, ...], n_items: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Ranking metrics of one model for every user of a holdout.

    Args:
        model: A fitted model.
        holdout: Users and what they did next.
        exclude_seen: The run's policy.
        ks: Cut-offs.
        n_items: Items of the catalogue, by which blocks of users keep to their memory; 0 for a small one.

    Returns:
        Metric name -> float64 [holdout users]; see :func:`nextact.metrics.ranking.ranking_metrics`.
    """
    parts = []
    for which in user_blocks(len(holdout.users), score_bytes(n_items)):
        block = holdout.take(which)
        parts.append(ranking_metrics(masked_scores(model, block.histories, exclude_seen), block.targets, ks))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def fit_temperature(model: Recommender, holdout: Holdout, exclude_seen: bool, max_users: int = 1_000) -> float:
    """Temperature under which softmax of the masked scores fits what a holdout's users chose next.

    Minimises the mean negative log probability of reachable targets by bounded scalar search over the log temperature.
    Its unit is the typical spread of one user's scores, so that the bounds hold for any model. A temperature that ends
    at a bound is warned of: beyond it the probabilities would fit better still.

    Args:
        model: A fitted model.
        holdout: Users who did not choose the model.
        exclude_seen: The run's policy; the softmax runs over what may be recommended.
        max_users: Only the first so many users are scored, to bound memory.

    Returns:
        A temperature above 0; 1.0 where no target is reachable, or no user has scores that differ; the spread itself
        where fewer than :data:`FEW_TARGETS` targets are reachable, of which nothing can be learnt.
    """
    block = holdout.take(np.arange(min(len(holdout.users), max_users)))
    scores = masked_scores(model, block.histories, exclude_seen)
    reachable = np.isfinite(scores[block.targets.users_of_items, block.targets.item_index])
    users, rows = np.unique(block.targets.users_of_items[reachable], return_inverse=True)
    items = block.targets.item_index[reachable]
    if len(rows) == 0:
        return 1.0
    logits = scores[users].astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    spread = _spread(logits)
    if spread == 0:
        return 1.0
    if len(rows) < FEW_TARGETS:
        words = "%s: %d target(s) are too few to fit a temperature; the spread of a user's scores stands in"
        logger.info(words, type(model).__name__, len(rows))
        return spread

    def loss(log_temperature: float) -> float:
        temperature = float(spread * np.exp(log_temperature))
        normaliser = log_normaliser(logits, np.zeros(len(logits)), temperature)
        return float(-log_probability(logits, rows, items, normaliser, temperature).mean())

    found = minimize_scalar(loss, bounds=LOG_TEMPERATURES, method="bounded", options={"xatol": TOLERANCE})
    _warn_of_a_bound(model, float(found.x))
    return float(spread * np.exp(found.x))


def _spread(logits: NDArray[np.float64]) -> float:
    """Root of the mean variance within a user, over items that may be recommended."""
    allowed = np.isfinite(logits)
    counts = np.maximum(allowed.sum(axis=1), 1)
    values = np.where(allowed, logits, 0)
    means = values.sum(axis=1) / counts
    squares = np.where(allowed, (values - means[:, None]) ** 2, 0).sum(axis=1)
    return float(np.sqrt((squares / counts).mean()))


def _warn_of_a_bound(model: Recommender, log_temperature: float) -> None:
    low, high = LOG_TEMPERATURES
    if low + 2 * TOLERANCE < log_temperature < high - 2 * TOLERANCE:
        return
    bound, kind = ("lower", "sharper") if log_temperature < 0 else ("upper", "flatter")
    words = "%s: its temperature ends at the %s bound of the search; %s probabilities would fit better"
    logger.warning(words, type(model).__name__, bound, kind)
