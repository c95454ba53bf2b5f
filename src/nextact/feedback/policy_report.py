"""Policies over the current recommendations, judged by lists that were logged with propensities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.events import columns as c
from nextact.feedback import off_policy
from nextact.feedback.logged import LoggedLists
from nextact.feedback.off_policy import SupportError, Terms
from nextact.feedback.target_places import Place, follow
from nextact.metrics.comparison import Interval
from nextact.options import Count, InnerShare, NotNegative, OptionsError, Positive, Seed, Share, options
from nextact.results.feedback import JudgedPolicies, PolicyAtRank
from nextact.retrieval.policies import SamplingPolicyOptions

LOGGING = "logging"


@options
class OffPolicyOptions:
    """What is estimated from propensities.

    Attributes:
        rewards: What an outcome is worth by event type, 0 where it is not named; None makes every outcome worth 1.
        max_rank: Places of a list that are judged, each for itself.
        targets: Policies over the current recommendations by name, each as the options of
            :class:`~nextact.retrieval.policies.SamplingPolicyOptions`.
        max_weight: Where clipped weights end, above 0.
        min_support: Least share of a policy's probability that the log must speak of, in [0, 1].
        min_effective_rows: Fewest rows of weight 1 that a place must be worth; with fewer, a resampled interval is too
            short to be believed.
        draws: Bootstrap resamples of users.
        level: Share of resamples inside an interval, in (0, 1).
        seed: Of resamples and of the halves that the reward model is fitted on.
    """

    rewards: dict[str, float] | None = None
    max_rank: Count = 3
    targets: dict[str, dict[str, float]] = field(
        default_factory=lambda: {
            "greedy": {"temperature": 0.0},
            "softmax": {"temperature": 1.0},
            "exploring": {"temperature": 1.0, "epsilon": 0.2},
        }
    )
    max_weight: Positive = 10.0
    min_support: Share = 0.95
    min_effective_rows: NotNegative = 30.0
    draws: Count = 1_000
    level: InnerShare = 0.95
    seed: Seed = 0

    def __post_init__(self) -> None:
        if LOGGING in self.targets:
            raise ValueError(f"targets: {LOGGING!r} is the policy that was live, choose another name")
        self.policies()

    def policies(self) -> dict[str, SamplingPolicyOptions]:
        """The targets, checked."""
        return {name: _policy(name, chosen) for name, chosen in self.targets.items()}


def _policy(name: str, chosen: dict[str, float]) -> SamplingPolicyOptions:
    try:
        return SamplingPolicyOptions(**chosen)
    except OptionsError as error:
        raise ValueError(re.sub(r"SamplingPolicyOptions\b", f"targets.{name}", str(error))) from error


def policy_report(lists: LoggedLists, recommendations: pd.DataFrame, options: OffPolicyOptions) -> JudgedPolicies:
    """Mean reward of the policy that was live and of each target, place by place.

    A place below the first counts with the weights of all places above it, which makes it the reward of the place when
    the target fills the whole list down to it (McInerney et al., KDD 2020).

    Args:
        lists: What was shown; those of users without current recommendations are left out.
        recommendations: ``user_id``, ``item_id``, ``rank`` and ``probability``, the choices of the targets.
        options: Targets and intervals.
    """
    known = pd.Series(lists.user_id).isin(recommendations[c.USER_ID]).to_numpy(bool)
    kept = lists.take(known)
    left_out = lists.left_out | {"lists of users without current recommendations": int((~known).sum())}
    return JudgedPolicies(
        lists=len(kept.depth),
        users=len(set(kept.user_id.tolist())),
        left_out={why: n for why, n in left_out.items() if n},
        policies=(*_logging(kept, options), *_targets(kept, recommendations, options)) if known.any() else (),
    )


def _targets(lists: LoggedLists, recommendations: pd.DataFrame, options: OffPolicyOptions) -> Iterator[PolicyAtRank]:
    for name, policy in options.policies().items():
        for rank, place in enumerate(follow(lists, recommendations, policy, options.seed), 1):
            yield _judged(name, rank, place, options)


def _logging(lists: LoggedLists, options: OffPolicyOptions) -> Iterator[PolicyAtRank]:
    user, _ = pd.factorize(lists.user_id)
    for place in range(int(lists.depth.max())):
        there = lists.depth > place
        reward = lists.reward[there, place]
        mean = off_policy.ips(np.ones(len(reward)), reward)
        earned = _interval(mean, user[there], options)
        yield PolicyAtRank(policy=LOGGING, rank=place + 1, rows=len(reward), mean_reward=earned)


def _judged(name: str, rank: int, place: Place, options: OffPolicyOptions) -> PolicyAtRank:
    """All estimates of one target at one place, or why there are none."""
    weights, reward = place.weights, place.reward
    n_effective = off_policy.effective_sample_size(weights)
    found = PolicyAtRank(
        policy=name, rank=rank, rows=len(reward), effective_rows=n_effective, max_weight=float(weights.max())
    )
    try:
        support = _support(place, n_effective, options)
    except SupportError as refusal:
        return found.model_copy(update={"refused": str(refusal)})
    robust = off_policy.doubly_robust(weights, reward, place.predicted, place.predicted_target, place.before)
    terms = {
        "ips": off_policy.ips(weights, reward),
        "snips": off_policy.snips(weights, reward),
        "clipped_ips": off_policy.clipped_ips(weights, reward, options.max_weight),
        "doubly_robust": robust,
    }
    gain = Terms(robust.numerator - reward, robust.denominator)
    return found.model_copy(
        update={
            "mean_weight": support,
            "estimates": {name: _interval(one, place.user, options) for name, one in terms.items()},
            "gain_over_logging": _interval(gain, place.user, options),
        }
    )


def _support(place: Place, n_effective: float, options: OffPolicyOptions) -> Interval:
    reached = place.before > 0
    covered = place.covered[reached] if reached.any() else None
    support = off_policy.require_support(place.weights, place.user, covered, options.min_support, options.seed)
    if n_effective < options.min_effective_rows:
        raise SupportError(
            f"the lists that the target policy would show too are worth {n_effective:.1f} rows, fewer than "
            f"{options.min_effective_rows:g} (min_effective_rows); no estimate is given"
        )
    return support


def _interval(terms: Terms, user: NDArray[Any], options: OffPolicyOptions) -> Interval:
    return terms.interval(user, options.draws, options.level, options.seed)
