"""A stacked ranker: trees re-rank the candidates of all members by what each member and the user's past say."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nextact.errors import CannotFit, NextactError
from nextact.models.grounds import Evidence
from nextact.models.hybrid.candidates import Candidates, Choice, candidates_of, each_candidates, fill_up
from nextact.models.hybrid.evidence import evidence_of_members
from nextact.models.hybrid.features import FeatureGroups, feature_names, features
from nextact.models.hybrid.fusion import ScoreFusion, bytes_of_examples, fit_fusion
from nextact.models.hybrid.hybrid_options import StackedOptions
from nextact.models.hybrid.item_facts import item_facts
from nextact.models.hybrid.likeness import Vectors, unit_blocks
from nextact.models.hybrid.members import Members
from nextact.models.hybrid.memory_forecast import HybridForecast, forecast_hybrid
from nextact.models.hybrid.ranking_examples import RankingExamples, examples
from nextact.models.hybrid.trees import Boosters, Lists, grow, grow_so_many
from nextact.models.hybrid.users_at_once import FLOAT, AtOnce, users_at_once
from nextact.models.recommender import FitReport, Scores, Training
from nextact.models.storage import ModelFolder
from nextact.sequences.histories import Histories
from nextact.stored import read_array, read_json, write_json

BLOCK = "unit_"  # before a block's name in a folder
FEWEST_USERS = 10  # to learn from; a part of them is left out in turn

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
        self.fusion: ScoreFusion | None = None

    def fit(self, training: Training) -> FitReport:
        """Grow the trees on the half of the validation users that does not choose.

        Raises:
            CannotFit: If fewer than ten of its users have a target among the candidates, or what is learnt from does
                not fit into memory.
        """
        self.facts = item_facts(training.histories, training.n_items)
        self.exclude_seen = training.exclude_seen
        self.blocks = unit_blocks(training.item_vectors, self.options.newest_blocks)
        lists, recall, self.fusion, said = self._lists(training)
        self.boosters, left_out_ndcg = grow(lists, self.options, training.context.seed)
        return self._report(lists, recall, said) | {f"left_out_ndcg@{self.options.metric_k}": round(left_out_ndcg, 4)}

    def _report(self, lists: Lists, recall: float, said: HybridForecast) -> FitReport:
        return {
            "forecast": dataclasses.asdict(said),
            "boosters": len(self.boosters.each),
            "trees": self.boosters.n_trees,
            "users": len(np.unique(lists.users)),
            "steps": len(lists.users),
            "candidate_recall": round(recall, 4),
            "fusion": self._fusion_in_words(),
            "gain_share": self.boosters.gain_share(),
        }

    def _lists(self, training: Training) -> tuple[Lists, float, ScoreFusion | None, HybridForecast]:
        """What is learnt from the validation users of ``training``, their candidates' recall and what found these."""
        options = self.options
        learnt = examples(training, options.later_steps, options.max_users, options.examples_per_user)
        if not len(learnt.rows):
            raise _too_few(0)
        by_fusion, n_members = options.candidates_by == "fusion", len(self.members.names)
        beside = bytes_of_examples(len(learnt.rows), self.members.width - 1, n_members) if by_fusion else 0
        at_once, said = forecast_hybrid(options, self.members, learnt, self._bytes_a_candidate(), beside)
        logger.info("stacked: forecast of %s", said.in_words())
        fusion = (
            fit_fusion(self.members, learnt, self.exclude_seen, training.context.seed, at_once) if by_fusion else None
        )
        lists, recall = self._read(learnt, fusion, at_once)
        self.members.forget()
        n_users = len(np.unique(lists.users))
        if n_users < FEWEST_USERS:
            raise _too_few(n_users)
        return lists, recall, fusion, said

    def _read(self, learnt: RankingExamples, fusion: ScoreFusion | None, at_once: AtOnce) -> tuple[Lists, float]:
        """The examples with a target among their candidates, and the recall of all."""
        tables, labels, real, users, recalls = [], [], [], [], []
        for block, found in each_candidates(self.members, learnt, self._choice(), at_once, fusion):
            which = np.flatnonzero(found.is_target.any(axis=1))
            some = found.take(which)
            tables.append(self._features(some, block.histories.take(which)))
            labels.append(some.is_target.astype(np.int8))
            real.append(some.item_index > 0)
            users.append(block.users[which])
            recalls.append(found.recalls)
        lists = Lists(fill_up(tables), fill_up(labels), fill_up(real), np.concatenate(users), self._names())
        return lists, float(np.concatenate(recalls).mean())

    def with_refitted(
        self, members: dict[str, ModelFolder], training: Training, everybody: Training
    ) -> tuple[Self, FitReport]:
        """A ranker over members that were fitted again, with the items' facts of ``training``.

        Its trees are as many as these, grown from all users of ``everybody`` by what these members say, who did not see
        their targets.
        """
        model = type(self)(self.options, members)
        model.exclude_seen, model.blocks = self.exclude_seen, self.blocks
        lists, recall, model.fusion, said = self._lists(everybody)
        model.boosters = grow_so_many(lists, self.boosters.n_trees, self.options, everybody.context.seed)
        model.facts = item_facts(training.histories, training.n_items)
        return model, model._report(lists, recall, said)

    def with_members(self, members: dict[str, ModelFolder], training: Training) -> Self:
        """The same trees over other fits of the members, with the items' facts of ``training``."""
        model = type(self)(self.options, members)
        model.exclude_seen, model.blocks, model.fusion = self.exclude_seen, self.blocks, self.fusion
        model.boosters, model.facts = self.boosters, item_facts(training.histories, training.n_items)
        return model

    def score(self, histories: Histories) -> Scores:
        """The trees' scores of the candidates; every other item less than the last of them, by fusion or mean."""
        total: Scores = np.zeros((histories.n_users, self.members.width), np.float32)
        for users in self._at_once().slices(histories.n_users):
            total[users] = self._score_block(histories.take(np.arange(users.start, users.stop)))
        return total

    def _score_block(self, histories: Histories) -> Scores:
        scores = self.members.scores(histories)
        logits = None if self.fusion is None else self.fusion.logits(scores)
        found = candidates_of(self.members, scores, histories, self._choice(), logits)
        by_trees = self.boosters.predict(self._features(found, histories), found.item_index > 0)
        rest = np.mean(scores, axis=0) if logits is None else logits
        total: Scores = _squash(rest)
        total += np.where(np.isfinite(by_trees), by_trees, np.inf).min(axis=1, initial=0)[:, None]
        rows, places = np.nonzero(np.isfinite(by_trees))
        total[rows, found.item_index[rows, places]] = by_trees[rows, places]
        return total

    def explain(self, histories: Histories, item_index: NDArray[np.int32]) -> Evidence:
        """What the member names to which the item looks best; where it names nothing, the next one."""
        weights = np.ones(len(self.members.names))
        return evidence_of_members(self.members, weights, histories, item_index, self._at_once())

    def save(self, folder: Path) -> None:
        """Write the trees as text, the facts of the items, and copies of the members."""
        weights = None if self.fusion is None else self.fusion.weights.tolist()
        described = {
            "options": dataclasses.asdict(self.options),
            "exclude_seen": self.exclude_seen,
            "fusion": weights,
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
        model.fusion = None if described["fusion"] is None else ScoreFusion(np.array(described["fusion"]))
        model.facts = read_array(folder / "item_facts.npy", None, ndim=2, mapped=False)
        model.blocks = {name: read_array(folder / f"{BLOCK}{name}.npy", None, ndim=2) for name in described["blocks"]}
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
        by_fusion = self.options.candidates_by == "fusion"
        speaking = [*self.members.names, *(["fusion"] if by_fusion else [])]
        return feature_names(speaking, self.members.adding, self._choice().views, self._asked(), self.blocks)

    def _fusion_in_words(self) -> dict[str, list[float]]:
        """Both weights of each member in the fusion."""
        weights = [] if self.fusion is None else self.fusion.weights.T.round(3).tolist()
        return dict(zip(self.members.names, weights, strict=self.fusion is not None))

    def _at_once(self) -> AtOnce:
        return AtOnce(users_at_once(self.members, self.options.memory_gib), self.options.history_events)

    def _bytes_a_candidate(self) -> int:
        """Kept of a candidate: its features as they are joined or as LightGBM reads them, and its bins."""
        return (2 * FLOAT + 3) * len(self._names())

    def _asked(self) -> FeatureGroups:
        return FeatureGroups(self.options.member_scores, self.options.user_features, self.options.popularity)

    def _choice(self) -> Choice:
        views = self.options.views if self.members.adding else 0
        return Choice(self.exclude_seen, self.options.candidates_per_member, self.options.candidates, views)


def _too_few(n_users: int) -> CannotFit:
    return CannotFit(
        f"it needs {FEWEST_USERS} fitting users with a target among the candidates, got {n_users}; hold out more users "
        "for validation"
    )


def _squash(scores: Scores) -> Scores:
    """Between -2 and -1 in the same order, so that no other item passes a candidate."""
    result: Scores = (-1.5 + scores / (1 + np.abs(scores)) / 2).astype(np.float32)
    return result
