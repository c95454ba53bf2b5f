"""Weights of a blend: first those of a conditional logit, then a search that raises NDCG itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from nextact.metrics.ranking import ranking_metrics
from nextact.models.hybrid.candidates import Candidates

Weights = NDArray[np.float64]
FACTORS = (0.0, 0.5, 0.7, 1.4, 2.0)
STEP = 0.1
LEAST_GAIN = 1e-5


def fit_weights(candidates: Candidates, rounds: int, k: int) -> Weights:
    """Non-negative weights of the members, summing to 1, that give the candidates a high NDCG@k.

    The conditional logit is convex, so the start depends on nothing but the data; its likelihood looks at the whole
    list, NDCG at the top, hence the search afterwards.

    Args:
        candidates: Of users who do not choose between models.
        rounds: Passes over the members; each tries a few factors and one step up.
        k: Length of the list.

    Returns:
        float64 [members].
    """
    start = conditional_logit(candidates)
    if start.sum() == 0:
        start = np.ones(candidates.scores.shape[2])
    return coordinate_ascent(candidates, start / start.sum(), rounds, k)


def conditional_logit(candidates: Candidates, l2: float = 1e-3) -> Weights:
    """Non-negative weights w under which softmax(scores @ w) over the candidates best fits the targets.

    Users without a target among their candidates have no say; a user's targets share one vote.

    Source:
        McFadden, 1974.
    """
    usable = candidates.is_target.any(axis=1)
    scores = candidates.scores[usable].astype(np.float64)
    empty = candidates.item_index[usable] == 0
    share = candidates.is_target[usable] / np.maximum(candidates.is_target[usable].sum(axis=1, keepdims=True), 1)
    if not usable.any():
        return np.zeros(scores.shape[2])

    def loss(weights: Weights) -> tuple[float, Weights]:
        logits = np.where(empty, -np.inf, scores @ weights)
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        totals = odds.sum(axis=1, keepdims=True)
        log_p = np.where(empty, 0.0, logits - np.log(totals))
        gradient = -np.einsum("uc,ucm->m", share - odds / totals, scores) / len(scores)
        value = float(-(share * log_p).sum() / len(scores) + l2 * weights @ weights)
        return value, gradient + 2 * l2 * weights

    n_members = scores.shape[2]
    found = minimize(loss, np.full(n_members, 0.5), jac=True, bounds=[(0, None)] * n_members, method="L-BFGS-B")
    weights: Weights = found.x
    return weights


def coordinate_ascent(candidates: Candidates, start: Weights, rounds: int, k: int) -> Weights:
    """Change one weight at a time as long as NDCG@k rises by more than rounding."""
    weights, best = start, ndcg(candidates, start, k)
    for _ in range(rounds):
        before = best
        for member in range(len(weights)):
            for trial in _trials(weights, member):
                value = ndcg(candidates, trial, k)
                if value > best + LEAST_GAIN:
                    weights, best = trial, value
        if best == before:
            break
    return weights


def ndcg(candidates: Candidates, weights: Weights, k: int) -> float:
    """Mean NDCG@k of the weighted scores over the candidates; targets that are no candidate count as missed."""
    scores = np.full((len(candidates.item_index), candidates.item_index.shape[1] + 1), -np.inf, np.float32)
    scores[:, 1:] = np.where(candidates.item_index > 0, candidates.scores @ weights.astype(np.float32), -np.inf)
    return float(ranking_metrics(scores, candidates.targets, (k,))[f"ndcg@{k}"].mean())


def _trials(weights: Weights, member: int) -> list[Weights]:
    changed = [weights[member] * factor for factor in FACTORS] + [weights[member] + STEP]
    trials = []
    for value in changed:
        trial = weights.copy()
        trial[member] = value
        if trial.sum() > 0 and value != weights[member]:
            trials.append(trial / trial.sum())
    return trials
