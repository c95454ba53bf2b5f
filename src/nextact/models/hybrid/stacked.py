"""A stacked ranker: trees re-rank the candidates of all members by what each member and the user's past say."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from nextact.errors import NextactError
from nextact.models.hybrid.candidates import Candidates, Choice, candidates_of, find_candidates
from nextact.models.hybrid.evidence import evidence_of_members
from nextact.models.hybrid.features import Asked, feature_names, features
from nextact.models.hybrid.item_facts import item_facts
from nextact.models.hybrid.lessons import lessons
from nextact.models.hybrid.likeness import Vectors, unit_blocks
from nextact.models.hybrid.members import Members
from nextact.models.hybrid.mixture import Mixture, fit_mixture
from nextact.models.hybrid.options import StackedOptions
from nextact.models.hybrid.trees import Boosters, Lists, grow, grow_so_many
from nextact.models.recommender import FitReport, Scores, Training, read_json, write_json
from nextact.sequences.histories import Histories

if TYPE_CHECKING:
    from nextact.models.registry import ModelFolder

BLOCK = "unit_"  # before a block's name in a folder

logger = logging.getLogger(__name__)


class StackedRanker:
    """LightGBM's trees over the best items by all members; all other items come after these."""

    boosters: Boosters
    exclude_seen: bool
    facts: NDArray[np.float32]
    blocks: dict[str, Vectors]

    def __init__(self, options: StackedOptions, members: dict[str, ModelFolder] | Members) -> None:
        self.options = options
        given = members if isinstance(members, Members) else Members(members)
        self.members = given if options.popularity else given.personal()
        self.mixture: Mixture | None = None

    def fit(self, training: Training) -> FitReport:
        """Grow the trees on the half of the validation users that does not choose.

        Raises:
            NextactError: If fewer than ten of its users have a target among the candidates.
        """
        self.facts = item_facts(training.histories, training.n_items)
        self.exclude_seen = training.exclude_seen
        self.blocks = unit_blocks(training.item_vectors, self.options.newest_blocks)
        lists, recall, self.mixture = self._lists(training)
        self.boosters, left_out_ndcg = grow(lists, self.options, training.seed)
        return self._report(lists, recall) | {f"left_out_ndcg@{self.options.metric_k}": round(left_out_ndcg, 4)}

    def _report(self, lists: Lists, recall: float) -> FitReport:
        return {
            "boosters": len(self.boosters.each),
            "trees": self.boosters.n_trees,
            "users": len(np.unique(lists.users)),
            "steps": len(lists.users),
            "candidate_recall": round(recall, 4),
            "mixture": self._mixture_in_words(),
            "gain_share": self.boosters.gain_share(),
        }

    def _lists(self, training: Training) -> tuple[Lists, float, Mixture | None]:
        """What is learnt from the validation users of ``training``, their candidates' recall and what found these."""
        holdout = lessons(training, self.options.later_steps, self.options.max_users)
        by_mixture = self.options.candidates_by == "mixture"
        mixture = fit_mixture(self.members, holdout, self.exclude_seen, training.seed) if by_mixture else None
        found = find_candidates(self.members, holdout, self._choice(), mixture)
        usable = np.flatnonzero(found.is_target.any(axis=1))
        if len(usable) < 10:
            raise NextactError(
                f"stacked: needs 10 fitting users with a target among the candidates, got {len(usable)}; "
                "a run goes without it by `kedro run --namespaces` with the models wanted"
            )
        learnt = found.take(usable)
        table = self._features(learnt, holdout.histories.take(usable))
        labels, real = learnt.is_target.astype(np.int8), learnt.item_index > 0
        return Lists(table, labels, real, holdout.users[usable], self._names()), found.recall, mixture

    def over(self, members: dict[str, ModelFolder], training: Training, everybody: Training) -> tuple[Self, FitReport]:
        """A ranker over members that were fitted again, with the items' facts of ``training``.

        Its trees are as many as these, grown from all users of ``everybody`` by what these members say, who did not see
        their targets.
        """
        model = type(self)(self.options, members)
        model.exclude_seen, model.blocks = self.exclude_seen, self.blocks
        lists, recall, model.mixture = self._lists(everybody)
        model.boosters = grow_so_many(lists, self.boosters.n_trees, self.options, everybody.seed)
        model.facts = item_facts(training.histories, training.n_items)
        return model, model._report(lists, recall)

    def score(self, histories: Histories) -> Scores:
        """The trees' scores of the candidates; every other item less than the last of them, by mixture or mean."""
        scores = self.members.scores(histories)
        logits = None if self.mixture is None else self.mixture.logits(scores)
        found = candidates_of(self.members, scores, histories, self._choice(), logits)
        by_trees = self.boosters.predict(self._features(found, histories), found.item_index > 0)
        rest = np.mean(scores, axis=0) if logits is None else logits
        total: Scores = _squash(rest)
        total += np.where(np.isfinite(by_trees), by_trees, np.inf).min(axis=1, initial=0)[:, None]
        rows, places = np.nonzero(np.isfinite(by_trees))
        total[rows, found.item_index[rows, places]] = by_trees[rows, places]
        return total

    def evidence(self, histories: Histories, item_index: NDArray[np.int32]) -> NDArray[np.int32]:
        """What the member names to which the item looks best; where it names nothing, the next one."""
        return evidence_of_members(self.members, np.ones(len(self.members.names)), histories, item_index)

    def save(self, folder: Path) -> None:
        """Write the trees as text, the facts of the items, and copies of the members."""
        weights = None if self.mixture is None else self.mixture.weights.tolist()
        described = {
            "options": dataclasses.asdict(self.options),
            "exclude_seen": self.exclude_seen,
            "mixture": weights,
            "blocks": list(self.blocks),
            "boosters": len(self.boosters.each),
        }
        write_json(folder / "stacked.json", described)
        np.save(folder / "item_facts.npy", self.facts, allow_pickle=False)
        for name, vectors in self.blocks.items():
            np.save(folder / f"{BLOCK}{name}.npy", vectors, allow_pickle=False)
        self.boosters.save(folder)
        self.members.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            NextactError: If another version wrote it, whose trees read other features.
        """
        described = read_json(folder / "stacked.json")
        model = cls(StackedOptions(**described["options"]), Members.load(folder))
        model.exclude_seen = described["exclude_seen"]
        model.mixture = None if described["mixture"] is None else Mixture(np.array(described["mixture"]))
        model.facts = np.load(folder / "item_facts.npy", allow_pickle=False)
        model.blocks = {
            name: np.load(folder / f"{BLOCK}{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in described["blocks"]
        }
        model.boosters = Boosters.load(folder, described.get("boosters", 0))
        known, wanted = model.boosters.features, model._names()
        if known != wanted:
            differing = sorted(set(known) ^ set(wanted)) or wanted
            raise NextactError(
                f"{folder}: the trees read {len(known)} features and this version makes {len(wanted)}; "
                f"{len(differing)} differ, as {differing[0]!r}; fit the stacked ranker again"
            )
        return model

    def _features(self, found: Candidates, histories: Histories) -> NDArray[np.float32]:
        return features(found, histories, self.facts, self._asked(), self.blocks)

    def _names(self) -> list[str]:
        by_mixture = self.options.candidates_by == "mixture"
        speaking = [*self.members.names, *(["mixture"] if by_mixture else [])]
        return feature_names(speaking, self.members.adding, self._choice().views, self._asked(), self.blocks)

    def _mixture_in_words(self) -> dict[str, list[float]]:
        """Both weights of each member in the mixture."""
        weights = [] if self.mixture is None else self.mixture.weights.T.round(3).tolist()
        return dict(zip(self.members.names, weights, strict=self.mixture is not None))

    def _asked(self) -> Asked:
        return Asked(self.options.member_scores, self.options.user_features, self.options.popularity)

    def _choice(self) -> Choice:
        views = self.options.views if self.members.adding else 0
        return Choice(self.exclude_seen, self.options.candidates_per_member, self.options.candidates, views)


def _squash(scores: Scores) -> Scores:
    """Between -2 and -1 in the same order, so that no other item passes a candidate."""
    result: Scores = (-1.5 + scores / (1 + np.abs(scores)) / 2).astype(np.float32)
    return result
