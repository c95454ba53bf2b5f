"""On what grounds a model lists an item: which part of the history, and what the model made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nextact.models.recommender import Explains, Recommender
from nextact.sequences.histories import Histories

ItemIndex = NDArray[np.int32]


class Ground(IntEnum):
    """What a model goes by. Those up to ``TEXT_COLUMN`` name an item of the history, the others none."""

    STEP = 0  # a network's score falls most without the step of that item
    FOLLOWS = 1  # counts of what follows what
    TOGETHER = 2  # learnt from histories that hold both items
    TEXT = 3  # likeness of whole texts
    TEXT_COLUMN = 4  # likeness in one column of the text
    WHOLE = 5  # a network's state, of which no single step stands out
    NEIGHBOURS = 6  # users with similar histories
    POPULAR = 7  # events of all users
    RECENT = 8  # their newest events
    DEMAND = 9  # events that are expected
    NOTHING = 10  # nothing spoke for the item


@dataclass(frozen=True)
class Grounds:
    """What one model can say.

    Attributes:
        named: Where it names an item of the history.
        otherwise: Where it names none.
    """

    named: Ground
    otherwise: Ground


@dataclass(frozen=True, eq=False)
class Evidence:
    """Why items are listed.

    Attributes:
        item_index: int32 [B, K]; the item of the history that spoke most for each, 0 where none did.
        ground: int8 [B, K]; a :class:`Ground` each.
    """

    item_index: ItemIndex
    ground: NDArray[np.int8]


@runtime_checkable
class HasGrounds(Protocol):
    """A model that always goes by the same."""

    @property
    def grounds(self) -> Grounds: ...  # noqa: D102


@runtime_checkable
class GivesEvidence(Protocol):
    """A model whose grounds differ from place to place, as those of a hybrid do."""

    def explain(self, histories: Histories, item_index: ItemIndex) -> Evidence: ...  # noqa: D102


UNSTATED = Grounds(named=Ground.STEP, otherwise=Ground.WHOLE)  # of a model that says nothing of itself


def explain(model: Recommender, histories: Histories, item_index: ItemIndex) -> Evidence:
    """Why a model lists items.

    Args:
        model: That ranked.
        histories: B users.
        item_index: int32 [B, K]; 0 is an empty place.
    """
    if isinstance(model, GivesEvidence):
        return model.explain(histories, item_index)
    named = model.evidence(histories, item_index) if isinstance(model, Explains) else np.zeros_like(item_index)
    grounds = grounds_of(model)
    return Evidence(named, np.where(named > 0, grounds.named, grounds.otherwise).astype(np.int8))


def grounds_of(model: Recommender) -> Grounds:
    """What a model goes by."""
    return model.grounds if isinstance(model, HasGrounds) else UNSTATED
