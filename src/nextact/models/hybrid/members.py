"""The models that a hybrid joins: opened from their folders, copied into its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nextact.models.baselines.popularity import SameForEverybody
from nextact.models.grounds import Evidence, explain
from nextact.models.recommender import (
    AddsUpHistory,
    Recommender,
    Scores,
)
from nextact.models.single import open_single
from nextact.models.storage import ModelFolder
from nextact.processes.threads import in_threads
from nextact.sequences.histories import Histories
from nextact.stored import read_json, write_json

INDEX_FILE = "members.json"
ROWS_AT_ONCE = 32  # of scores, so that they stay in the cache from one step to the next


class Members:
    """Fitted models by name, in a fixed order."""

    def __init__(self, folders: dict[str, ModelFolder]) -> None:
        self.folders = folders
        self.models: dict[str, Recommender] = {name: open_single(folder) for name, folder in folders.items()}
        self._last: tuple[Histories, list[Scores]] | None = None

    @property
    def names(self) -> list[str]:
        """In the order of every array of members."""
        return list(self.models)

    def personal(self) -> Members:
        """Without those that say the same to everybody."""
        kept = [name for name, model in self.models.items() if not isinstance(model, SameForEverybody)]
        return Members({name: self.folders[name] for name in kept}) if len(kept) < len(self.models) else self

    @property
    def adding(self) -> list[str]:
        """Members whose score of an item is a sum over the history, so that one step of it can be asked alone."""
        return [name for name, model in self.models.items() if isinstance(model, AddsUpHistory)]

    @cached_property
    def width(self) -> int:
        """Columns of a matrix of scores: the items and padding."""
        return int(next(iter(self.models.values())).score(Histories.from_lists([[]])).shape[1])

    def each_scores(self, histories: Histories) -> Iterator[Scores]:
        """Standardised scores of each member in turn; see :func:`standardise`."""
        return (standardise(model.score(histories)) for model in self.models.values())

    def scores(self, histories: Histories) -> list[Scores]:
        """Standardised scores of all members at once: users x items x members numbers, so only of a block of users.

        Members score beside each other, in threads. The scores of the last block are kept, since whoever asks for a
        list asks for its reasons next.
        """
        last = self._last
        if last is None or not last[0].equals(histories):
            self._last = last = None  # before there are others, so that no two stand in memory
            models = list(self.models.values())
            found = in_threads(lambda place: standardise(models[place].score(histories)), range(len(models)))
            self._last = last = histories, found
        return last[1]

    def forget(self) -> None:
        """Let go of the last block."""
        self._last = None

    def explain(self, name: str, histories: Histories, item_index: NDArray[np.int32]) -> Evidence:
        """What a member goes by."""
        return explain(self.models[name], histories, item_index)

    def save(self, folder: Path) -> None:
        """Copy every member's folder, so that the hybrid stands alone."""
        for name, member in self.folders.items():
            shutil.copytree(member.path, folder / "members" / name)
        write_json(folder / INDEX_FILE, self.names)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what :meth:`save` wrote."""
        return cls({name: ModelFolder(folder / "members" / name) for name in read_json(folder / INDEX_FILE)})


def standardise(scores: Scores) -> Scores:
    """Each user's scores with mean 0 and standard deviation 1 over all items, so that members can be added.

    A user to whom all items are equal gets zeros; the padding column is zero.

    Example:
        >>> standardise(np.array([[9, 1, 3], [9, 5, 5]], dtype=np.float32)).tolist()
        [[0.0, -1.0, 1.0], [0.0, 0.0, 0.0]]
    """
    result: Scores = np.zeros(scores.shape, np.float32)
    for start in range(0, len(scores), ROWS_AT_ONCE):
        items, into = (array[start : start + ROWS_AT_ONCE, 1:] for array in (scores, result))
        np.subtract(items, items[:, :1], out=into)  # first, so that equal scores are 0 and large ones lose no digits
        into -= into.mean(axis=1, keepdims=True)
        spread = np.sqrt(np.einsum("ui,ui->u", into, into) / into.shape[1])[:, None]
        into *= np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
    return result
