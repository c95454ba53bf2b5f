"""One path from histories to masked scores and rankings, for evaluation, batch and online alike."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from nextact.metrics.ranking import ranking_metrics
from nextact.models.masking import mask
from nextact.models.recommender import Recommender, Scores
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout

logger = logging.getLogger(__name__)

BLOCK_USERS = 512
LOG_TEMPERATURES = (-6.0, 4.0)  # searched, in units of the spread of a user's scores
TOLERANCE = 0.05


def masked_scores(model: Recommender, histories: Histories, exclude_seen: bool) -> Scores:
    """Scores with -inf for padding and, where the policy says so, for items of the history."""
    scores = np.array(model.score(histories), dtype=np.float32)  # a copy: the mask must not reach the model's arrays
    return mask(scores, histories, exclude_seen)


def user_blocks(n_users: int, size: int = BLOCK_USERS) -> Iterator[NDArray[np.int64]]:
    """Consecutive blocks of user positions, so that memory is bounded by the block."""
    for start in range(0, n_users, size):
        yield np.arange(start, min(start + size, n_users))


def evaluate(
    model: Recommender, holdout: Holdout, exclude_seen: bool, ks: tuple[int, ...]
) -> dict[str, NDArray[np.float64]]:
    """Ranking metrics of one model for every user of a holdout.

    Returns:
        Metric name -> float64 [holdout users]; see :func:`nextact.metrics.ranking.ranking_metrics`.
    """
    parts = []
    for which in user_blocks(len(holdout.users)):
        block = holdout.take(which)
        parts.append(ranking_metrics(masked_scores(model, block.histories, exclude_seen), block.targets, ks))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def log_softmax(scores: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Log probability of each allowed item, float64 [users, items + 1]; -inf stays -inf."""
    scaled = scores.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return result


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
        A temperature above 0; 1.0 where no target is reachable, or no user has scores that differ.
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

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(logits, spread * np.exp(log_temperature))[rows, items].mean())

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
