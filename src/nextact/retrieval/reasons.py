"""Reasons in words for recommended items: what the model itself went by, and nothing that it never read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.events.moments import iso_moment
from nextact.models.grounds import Evidence, Ground, explain
from nextact.models.recommender import Recommender, Scores
from nextact.retrieval.words import SharedWords
from nextact.sequences.histories import Histories

NAMED_WORDS = 3
ISO_DATE = 10  # characters
BY_ITEM = {
    Ground.STEP: "because of {}",
    Ground.FOLLOWS: "often follows {}",
    Ground.TOGETHER: "often in the same histories as {}",
    Ground.TEXT: "its text is like that of {}",
    Ground.TEXT_COLUMN: "its text is like that of {}",
}
WITHOUT = {
    Ground.WHOLE: "fits the history as a whole",
    Ground.NEIGHBOURS: "frequent among users with similar histories",
    Ground.POPULAR: "among the most frequent of all users",
    Ground.RECENT: "among the most frequent of all users lately",
    Ground.DEMAND: "expected to be among the most frequent of all users",
    Ground.NOTHING: "fills the list; nothing in the history speaks for it",
}
NO_HISTORY = "no history yet; what anybody would be shown"
OF_EVERYBODY = (Ground.POPULAR, Ground.RECENT, Ground.DEMAND)


@dataclass(frozen=True)
class LogWords:
    """What the events of a log are called.

    Attributes:
        event_types: Names in the order of their codes.
        has_times: Whether its times are moments; else integer positions stand in for them, which no reason names.
    """

    event_types: tuple[str, ...]
    has_times: bool


def reasons(
    model: Recommender,
    histories: Histories,
    item_index: NDArray[np.int32],
    scores: Scores,
    item_names: Sequence[str],
    log: LogWords,
    words: SharedWords | None = None,
) -> list[list[str]]:
    """One sentence per recommended item.

    A model that reads texts is quoted with the words that both texts have; one that reads none never is. An item that
    the user had before is explained by how often, and when last.

    Args:
        model: The model that ranked.
        histories: B users.
        item_index: int32 [B, K]; 0 is an empty place.
        scores: float32 [B, K], the model's scores at these places.
        item_names: Words for each item index, ``item_names[0]`` unused.
        log: How events are named.
        words: Of the same catalogue; without, no reason quotes any.

    Returns:
        B lists of K sentences; empty where the place is empty.
    """
    evidence = _with_fillers(explain(model, histories, item_index), scores)
    sentences = []
    for user in range(histories.n_users):
        own = _Own(histories, slice(histories.offsets[user], histories.offsets[user + 1]))
        rows = zip(item_index[user], evidence.item_index[user], evidence.ground[user], strict=True)
        sentences.append(
            [
                _sentence(int(item), int(because), Ground(kind), own, item_names, log, words)
                for item, because, kind in rows
            ]
        )
    return sentences


def _with_fillers(evidence: Evidence, scores: Scores) -> Evidence:
    """Neighbours that give an item nothing did not speak for it."""
    idle = (evidence.ground == Ground.NEIGHBOURS) & (scores == 0)
    return Evidence(evidence.item_index, np.where(idle, Ground.NOTHING, evidence.ground).astype(np.int8))


def _sentence(
    item: int,
    because: int,
    ground: Ground,
    own: _Own,
    item_names: Sequence[str],
    log: LogWords,
    words: SharedWords | None,
) -> str:
    if item == 0:
        return ""
    if because == item and (of_item := np.flatnonzero(own.item_index == item)).size:
        return _own_events(own.event_type[of_item], int(own.timestamp[of_item].max()), log)
    if because:
        said = BY_ITEM[ground].format(item_names[because])
        shared = words.shared(item, because)[:NAMED_WORDS] if words is not None and ground == Ground.TEXT else []
        return f"{said}; both name {', '.join(shared)}" if shared else said
    if not len(own.item_index) and ground not in OF_EVERYBODY:
        return NO_HISTORY
    return WITHOUT[ground]


class _Own:
    """One user's events: views of the arrays."""

    def __init__(self, histories: Histories, part: slice) -> None:
        self.item_index = histories.item_index[part]
        self.event_type = histories.event_type[part]
        self.timestamp = histories.timestamp[part]


def _own_events(types: NDArray[np.int8], newest: int, log: LogWords) -> str:
    """How often the user had an item before, and when last.

    Example:
        >>> log = LogWords(("view", "purchase"), has_times=True)
        >>> _own_events(np.array([1, 0, 0], np.int8), 86_400_000_000, log)
        'in the history: view 2 times, purchase once; last on 1970-01-02'
    """
    counts = np.bincount(types, minlength=len(log.event_types))
    if len(log.event_types) > 1:
        named = [f"{name} {_times(int(n))}" for name, n in zip(log.event_types, counts, strict=True) if n]
        said = f"in the history: {', '.join(named)};"
    else:
        said = f"in the history {_times(len(types))},"
    return f"{said} last on {iso_moment(newest)[:ISO_DATE]}" if log.has_times else said[:-1]


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"
