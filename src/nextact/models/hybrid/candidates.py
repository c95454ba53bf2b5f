"""Every member's best items of some users, with each member's score of each: what a hybrid is fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.targets import Targets
from nextact.models.hybrid.members import Members
from nextact.models.masking import mask
from nextact.models.recommender import Scores
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout

BLOCK_USERS = 256


@dataclass(frozen=True, eq=False)
class Candidates:
    """Up to C candidates for each of U users, M members' scores of each.

    Attributes:
        item_index: int32 [U, C]; 0 fills empty places at the end of a row.
        scores: float32 [U, C, M], standardised per user and member; 0 at empty places.
        is_target: bool [U, C].
        n_relevant: int64 [U]; all targets of a user, those that are no candidate too.
    """

    item_index: NDArray[np.int32]
    scores: NDArray[np.float32]
    is_target: NDArray[np.bool_]
    n_relevant: NDArray[np.int64]

    @property
    def targets(self) -> Targets:
        """The targets as places 1 .. C of the candidates, the others counted as missing."""
        places = np.nonzero(self.is_target)[1]
        found = self.is_target.sum(axis=1)
        offsets = np.concatenate([[0], np.cumsum(found)])
        return Targets(offsets, (places + 1).astype(np.int32), self.n_relevant - found)

    @property
    def recall(self) -> float:
        """Mean share of a user's targets that are candidates."""
        return float((self.is_target.sum(axis=1) / np.maximum(self.n_relevant, 1)).mean())


def find_candidates(members: Members, holdout: Holdout, exclude_seen: bool, per_member: int) -> Candidates:
    """The union of every member's ``per_member`` best allowed items of each user, and which of them are targets."""
    starts = range(0, len(holdout.users), BLOCK_USERS)
    blocks = [holdout.take(np.arange(start, min(start + BLOCK_USERS, len(holdout.users)))) for start in starts]
    parts = [
        _marked(_of_block(members.scores(block.histories), block.histories, exclude_seen, per_member), block.targets)
        for block in blocks
    ]
    width = max(part.item_index.shape[1] for part in parts)
    padded = [_widen(part, width) for part in parts]
    fields = ("item_index", "scores", "is_target", "n_relevant")
    return Candidates(*(np.concatenate([getattr(part, name) for part in padded]) for name in fields))


def candidates_of(scores: list[Scores], histories: Histories, exclude_seen: bool, per_member: int) -> Candidates:
    """Candidates of users whose future is not known: no targets."""
    return _of_block(scores, histories, exclude_seen, per_member)


def _of_block(scores: list[Scores], histories: Histories, exclude_seen: bool, per_member: int) -> Candidates:
    chosen = np.zeros(scores[0].shape, bool)
    for of_member in scores:
        _mark_best(chosen, mask(of_member.copy(), histories, exclude_seen), per_member)
    users, items = np.nonzero(chosen)
    n_candidates = chosen.sum(axis=1)
    places = np.arange(len(users)) - np.repeat(np.cumsum(n_candidates) - n_candidates, n_candidates)
    shape = (len(chosen), int(n_candidates.max(initial=0)))
    item_index = np.zeros(shape, np.int32)
    item_index[users, places] = items
    stacked = np.zeros((*shape, len(scores)), np.float32)
    stacked[users, places] = np.stack([of_member[users, items] for of_member in scores], axis=1)
    return Candidates(item_index, stacked, np.zeros(shape, bool), np.zeros(len(chosen), np.int64))


def _marked(candidates: Candidates, targets: Targets) -> Candidates:
    """The same candidates with their targets, found by one number for user and item."""
    width = np.int64(max(candidates.item_index.max(initial=0), targets.item_index.max(initial=0)) + 1)
    keys = np.arange(len(candidates.item_index))[:, None] * width + candidates.item_index
    wanted = targets.users_of_items * width + targets.item_index
    is_target = np.isin(keys, wanted) & (candidates.item_index > 0)
    return Candidates(candidates.item_index, candidates.scores, is_target, targets.n_relevant)


def _mark_best(chosen: NDArray[np.bool_], scores: Scores, n: int) -> None:
    """Mark the ``n`` best finite scores of each row, by a part sort; which of equal ones is left open."""
    n = min(n, scores.shape[1] - 1)
    best = np.argpartition(-scores, n - 1, axis=1)[:, :n]
    allowed = np.isfinite(np.take_along_axis(scores, best, axis=1))
    rows = np.broadcast_to(np.arange(len(scores))[:, None], best.shape)
    chosen[rows[allowed], best[allowed]] = True


def _widen(part: Candidates, width: int) -> Candidates:
    extra = width - part.item_index.shape[1]
    return Candidates(
        np.pad(part.item_index, ((0, 0), (0, extra))),
        np.pad(part.scores, ((0, 0), (0, extra), (0, 0))),
        np.pad(part.is_target, ((0, 0), (0, extra))),
        part.n_relevant,
    )
