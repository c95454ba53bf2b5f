"""A blend: content-based, collaborative and sequential scores added with readable weights."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nextact.errors import CannotFit
from nextact.models.grounds import Evidence
from nextact.models.hybrid.candidates import Candidates, Choice, find_candidates
from nextact.models.hybrid.evidence import evidence_of_members
from nextact.models.hybrid.hybrid_options import BlendOptions
from nextact.models.hybrid.members import Members
from nextact.models.hybrid.memory_forecast import HybridForecast, forecast_hybrid
from nextact.models.hybrid.ranking_examples import examples
from nextact.models.hybrid.users_at_once import AtOnce, users_at_once
from nextact.models.hybrid.weights import Weights, fit_weights, ndcg
from nextact.models.recommender import FitReport, Scores, Training
from nextact.models.storage import ModelFolder
from nextact.sequences.histories import Histories
from nextact.stored import read_json, write_json

logger = logging.getLogger(__name__)


class Blend:
    """Weighted sum of the members' scores, each standardised per user."""

    weights: Weights

    def __init__(self, options: BlendOptions, members: dict[str, ModelFolder] | Members) -> None:
        self.options = options
        self.members = members if isinstance(members, Members) else Members(members)

    def fit(self, training: Training) -> FitReport:
        """Fit the weights on the half of the validation users that does not choose.

        Raises:
            CannotFit: If that half is empty, or what is learnt from does not fit into memory.
        """
        candidates, said = self._candidates(training)
        self.weights = fit_weights(candidates, self.options.rounds, self.options.metric_k)
        return self._report(candidates, said)

    def _report(self, candidates: Candidates, said: HybridForecast) -> FitReport:
        k = self.options.metric_k
        named = {name: round(weight, 4) for name, weight in zip(self.members.names, self.weights.tolist(), strict=True)}
        logger.info("blend: %s", ", ".join(f"{name} {weight:.2f}" for name, weight in named.items() if weight))
        alone = np.eye(len(named))
        return {
            "forecast": dataclasses.asdict(said),
            "weights": named,
            "candidate_recall": round(candidates.recall, 4),
            f"fit_ndcg@{k}": round(ndcg(candidates, self.weights, k), 4),
            f"members_fit_ndcg@{k}": {
                name: round(ndcg(candidates, alone[place], k), 4) for place, name in enumerate(named)
            },
        }

    def _candidates(self, training: Training) -> tuple[Candidates, HybridForecast]:
        """What the weights are fitted on: the members' best items of the validation users of ``training``."""
        options = self.options
        learnt = examples(training, options.later_steps, options.max_users, options.examples_per_user)
        if not len(learnt.rows):
            raise CannotFit("the fitting half of the validation users is empty; it needs users with a target")
        at_once, said = forecast_hybrid(options, self.members, learnt, _bytes_a_candidate(len(self.members.names)))
        logger.info("blend: forecast of %s", said.in_words())
        per_member = options.candidates_per_member
        choice = Choice(training.exclude_seen, per_member, per_member * len(self.members.names))
        return find_candidates(self.members, learnt, choice, at_once), said

    def with_refitted(
        self, members: dict[str, ModelFolder], training: Training, everybody: Training
    ) -> tuple[Self, FitReport]:
        """A blend of members that were fitted again.

        Its weights are fitted on all users of ``everybody`` by what these members say, who did not see their targets;
        of ``training`` nothing is learnt.
        """
        model = type(self)(self.options, members)
        candidates, said = self._candidates(everybody)
        model.weights = fit_weights(candidates, self.options.rounds, self.options.metric_k)
        return model, model._report(candidates, said)

    def with_members(self, members: dict[str, ModelFolder], training: Training) -> Self:
        """The same weights over other fits of the members; of ``training`` nothing is learnt."""
        model = type(self)(self.options, members)
        model.weights = self.weights
        return model

    def score(self, histories: Histories) -> Scores:
        """The weighted sum."""
        total: Scores = np.zeros((histories.n_users, self.members.width), np.float32)
        for users in self._at_once().slices(histories.n_users):
            each = self.members.scores(histories.take(np.arange(users.start, users.stop)))
            for weight, scores in zip(self.weights, each, strict=True):
                total[users] += np.float32(weight) * scores
        return total

    def _at_once(self) -> AtOnce:
        return AtOnce(users_at_once(self.members, self.options.memory_gib), self.options.history_events)

    def explain(self, histories: Histories, item_index: NDArray[np.int32]) -> Evidence:
        """What the member names that adds most to each item; where it names nothing, the next one that adds."""
        return evidence_of_members(self.members, self.weights, histories, item_index, self._at_once())

    def save(self, folder: Path) -> None:
        """Write the weights and copies of the members."""
        write_json(
            folder / "blend.json", {"options": dataclasses.asdict(self.options), "weights": self.weights.tolist()}
        )
        self.members.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        described = read_json(folder / "blend.json")
        model = cls(BlendOptions(**described["options"]), Members.load(folder))
        model.weights = np.array(described["weights"])
        return model


def _bytes_a_candidate(n_members: int) -> int:
    """Kept of a candidate: its members' scores, twice while they are joined; in a logit those in float64, and odds."""
    scores = 4 * n_members + 10
    return max(2 * scores, scores + 8 * n_members + 80)
