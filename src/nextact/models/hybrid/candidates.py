"""The best items of some users by all members, with each member's score of each: what a hybrid is fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextact.metrics.targets import Targets
from nextact.models.hybrid.fusion import ScoreFusion
from nextact.models.hybrid.members import Members, standardise
from nextact.models.hybrid.ranking_examples import RankingExamples
from nextact.models.hybrid.users_at_once import AtOnce
from nextact.models.masking import mask
from nextact.models.recommender import Scores, ScoresSome
from nextact.models.top_items import top_k
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout


@dataclass(frozen=True)
class Choice:
    """What makes an item a candidate.

    Attributes:
        exclude_seen: The run's policy.
        per_member: Best items of each member that are looked at.
        most: Most candidates a user.
        views: Newest steps that members which add up over the history read alone.
    """

    exclude_seen: bool
    per_member: int
    most: int
    views: int = 0


@dataclass(frozen=True, eq=False)
class Candidates:
    """Up to C candidates for each of U users, M members' scores of each.

    Attributes:
        item_index: int32 [U, C]; 0 fills empty places at the end of a row.
        scores: float32 [U, C, M], standardised per user and member; 0 at empty places. A fusion is the last of M.
        views: float32 [U, C, V, S], what each of the S members that add up over the history says (not standardised)
            when it reads one step alone: the newest, the one before, ...; V or S is 0 where nobody asked.
        is_target: bool [U, C].
        n_relevant: int64 [U]; all targets of a user, those that are no candidate too.
    """

    item_index: NDArray[np.int32]
    scores: NDArray[np.float32]
    views: NDArray[np.float32]
    is_target: NDArray[np.bool_]
    n_relevant: NDArray[np.int64]

    def take(self, which: NDArray[np.int64]) -> Candidates:
        """Some of the users, by place."""
        return Candidates(*(getattr(self, field.name)[which] for field in fields(self)))

    @property
    def targets(self) -> Targets:
        """The targets as places 1 .. C of the candidates, the others counted as missing."""
        places = np.nonzero(self.is_target)[1]
        found = self.is_target.sum(axis=1)
        offsets = np.concatenate([[0], np.cumsum(found)])
        return Targets(offsets, (places + 1).astype(np.int32), self.n_relevant - found)

    @property
    def recalls(self) -> NDArray[np.float64]:
        """Share of each user's targets that are candidates, float64 [U]."""
        shares: NDArray[np.float64] = self.is_target.sum(axis=1) / np.maximum(self.n_relevant, 1)
        return shares

    @property
    def recall(self) -> float:
        """Their mean."""
        return float(self.recalls.mean())


def find_candidates(
    members: Members,
    examples: RankingExamples | Holdout,
    choice: Choice,
    at_once: AtOnce | None = None,
    fusion: ScoreFusion | None = None,
) -> Candidates:
    """The best allowed items of each user by all members, and which of them are targets."""
    return join_candidates([part for _, part in each_candidates(members, examples, choice, at_once, fusion)])


def each_candidates(
    members: Members,
    examples: RankingExamples | Holdout,
    choice: Choice,
    at_once: AtOnce | None = None,
    fusion: ScoreFusion | None = None,
) -> Iterator[tuple[Holdout, Candidates]]:
    """Blocks of examples with the best allowed items of each, targets marked; a block is scored by all members at once.

    Args:
        members: M models.
        examples: L rows.
        choice: What makes an item a candidate.
        at_once: How large a block may be.
        fusion: Of the members, if one finds the candidates.
    """
    at_once, examples = at_once or AtOnce(), RankingExamples.of(examples)
    for which in examples.blocks(at_once.users, at_once.events):
        block = examples.take(which)
        scores = members.scores(block.histories)
        logits = None if fusion is None else fusion.logits(scores)
        yield block, _marked(candidates_of(members, scores, block.histories, choice, logits), block.targets)


def join_candidates(parts: list[Candidates]) -> Candidates:
    """Candidates of consecutive users; shorter rows are filled up with empty places."""
    return Candidates(*(fill_up([getattr(part, field.name) for part in parts]) for field in fields(Candidates)))


def fill_up(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Rows below each other, shorter ones filled up with zeros to the longest; the list is used up, to free memory.

    Example:
        >>> fill_up([np.array([[1, 2]]), np.array([[3], [4]])]).tolist()
        [[1, 2], [3, 0], [4, 0]]
    """
    if parts[0].ndim == 1:
        return np.concatenate(parts)
    width, start = max(part.shape[1] for part in parts), 0
    whole = np.zeros((sum(map(len, parts)), width, *parts[0].shape[2:]), parts[0].dtype)
    while parts:
        part = parts.pop(0)
        whole[start : start + len(part), : part.shape[1]] = part
        start += len(part)
    return whole


def candidates_of(
    members: Members, scores: list[Scores], histories: Histories, choice: Choice, logits: Scores | None = None
) -> Candidates:
    """Candidates of users whose future is not known: no targets.

    Args:
        members: M models.
        scores: What each says, standardised.
        histories: U users.
        choice: What makes an item a candidate.
        logits: What a fusion of the members says, [U, items + 1]. If there is one, its best items are candidates,
            instead of those with the best ranks among the members, and it speaks like one more member.
    """
    if logits is None:
        chosen = _best(scores, histories, choice)
    else:
        scores = [*scores, standardise(logits)]
        chosen = _highest(mask(logits.copy(), histories, choice.exclude_seen), choice.most)
    users, items = np.nonzero(chosen)
    n_candidates = chosen.sum(axis=1)
    places = np.arange(len(users)) - np.repeat(np.cumsum(n_candidates) - n_candidates, n_candidates)
    shape = (len(chosen), int(n_candidates.max(initial=0)))
    item_index = np.zeros(shape, np.int32)
    item_index[users, places] = items
    stacked = np.zeros((*shape, len(scores)), np.float32)
    stacked[users, places] = np.stack([of_member[users, items] for of_member in scores], axis=1)
    views = np.zeros((*shape, choice.views, len(members.adding)), np.float32)
    for view in range(choice.views if members.adding else 0):
        step = single_step(histories, view)
        for place, name in enumerate(members.adding):
            model = members.models[name]
            if isinstance(model, ScoresSome):
                views[:, :, view, place] = model.score_some(step, item_index)
            else:
                views[users, places, view, place] = model.score(step)[users, items]
    views[item_index == 0] = 0
    return Candidates(item_index, stacked, views, np.zeros(shape, bool), np.zeros(len(chosen), np.int64))


def single_step(histories: Histories, back: int) -> Histories:
    """The step that lies ``back`` steps before each user's newest, alone; nothing where there is none.

    Example:
        >>> single_step(Histories.from_lists([[7, 8, 9], [4]]), back=1).item_index.tolist()
        [8]
    """
    return histories.between(histories.step_start(back + 1), histories.step_start(back))


def _best(scores: list[Scores], histories: Histories, choice: Choice) -> NDArray[np.bool_]:
    """Which items are candidates, [U, items + 1]: those with the most points where there are too many.

    A member gives ``1 / (10 + rank)`` points to each of its best allowed items (Cormack et al., 2009, "Reciprocal rank
    fusion", with a constant for short lists).
    """
    points: Scores = np.zeros(scores[0].shape, np.float32)
    for of_member in scores:
        _give_points(points, mask(of_member.copy(), histories, choice.exclude_seen), choice.per_member)
    if choice.most < points.shape[1]:
        place = points.shape[1] - choice.most
        cut = np.partition(points, place, axis=1)[:, place : place + 1]
        points[points < cut] = 0
        _drop_ties(points, cut, choice.most)
    chosen: NDArray[np.bool_] = points > 0
    return chosen


def _highest(scores: Scores, most: int) -> NDArray[np.bool_]:
    """Which items are among the ``most`` that score highest and are finite, [U, items + 1]; ties by lowest index."""
    chosen = np.zeros(scores.shape, bool)
    np.put_along_axis(chosen, top_k(scores, most), True, axis=1)
    chosen[:, 0] = False  # fills the places that no allowed item takes
    return chosen


def _give_points(points: Scores, scores: Scores, n: int) -> None:
    """Add the points of one member; which of equal items at the end of its list is taken is left open."""
    n = min(n, scores.shape[1] - 1)
    best = np.argpartition(-scores, n - 1, axis=1)[:, :n]
    values = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    best, values = np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)
    given = np.where(np.isfinite(values), 1 / (10 + np.arange(n, dtype=np.float32)), 0)
    np.put_along_axis(points, best, np.take_along_axis(points, best, axis=1) + given.astype(np.float32), axis=1)


def _drop_ties(points: Scores, cut: Scores, most: int) -> None:
    """Of items that tie at the cut keep those with the lowest index, so that no row holds more than ``most``."""
    tied = (points == cut) & (points > 0)
    room = most - ((points > 0) & ~tied).sum(axis=1, keepdims=True)
    points[tied & (np.cumsum(tied, axis=1) > room)] = 0


def _marked(candidates: Candidates, targets: Targets) -> Candidates:
    """The same candidates with their targets, found by one number for user and item."""
    width = np.int64(max(candidates.item_index.max(initial=0), targets.item_index.max(initial=0)) + 1)
    keys = np.arange(len(candidates.item_index))[:, None] * width + candidates.item_index
    wanted = targets.users_of_items * width + targets.item_index
    is_target = np.isin(keys, wanted) & (candidates.item_index > 0)
    return replace(candidates, is_target=is_target, n_relevant=targets.n_relevant)
