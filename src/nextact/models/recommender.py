"""What every model can do: fit on training histories, score from a history, save, load."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nextact.options import Count, NotNegative, options
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout, LaterSteps


@options
class LaunchOptions:
    """How long trainings run.

    Attributes:
        checkpoint_folder: Where they leave what a killed run goes on from; None leaves nothing.
        checkpoint_seconds: Least time between two checkpoints, at least 0.
        processes: Processes on this machine; above 1, ``torchrun`` starts them, each on a GPU of its own where there
            are any.
        launcher_arguments: Arguments of ``torchrun`` in place of ``--standalone``, such as those that name other
            machines.
    """

    checkpoint_folder: str | None = None
    checkpoint_seconds: NotNegative = 300.0
    processes: Count = 1
    launcher_arguments: tuple[str, ...] = ()


Scores = NDArray[np.float32]  # [users, n_items + 1]; higher is better; column 0 is padding and means nothing
FitReport = dict[str, Any]


@dataclass(frozen=True)
class FitContext:
    """How a model is fitted, whatever it learns from.

    Attributes:
        seed: Seed of everything random.
        launch: Where long trainings leave checkpoints, and in how many processes they run.
        epochs: In a refit, the epoch that validation found best in the first fit: the training ends there. None where
            ``validation`` decides.
    """

    seed: int
    launch: LaunchOptions = field(default_factory=LaunchOptions)
    epochs: int | None = None


@dataclass(frozen=True)
class Training:
    """All that a model may learn from; nothing later than the validation cut but the half that tunes.

    Attributes:
        histories: Training events of all users.
        n_items: Items of the catalogue; indices run 1 .. n_items.
        event_types: Names in the order of ``Histories.event_type``.
        item_vectors: Block name -> float32 [n_items + 1, dimensions]; row 0 and items without text are zero.
        validation: Early stopping, blending and calibration look here: the half of the validation users that fits.
        exclude_seen: Whether items of the history may be recommended again (the run's stated policy).
        context: How it is fitted.
        target_event_types: Event types that count as targets; all, if empty.
        sparse_vectors: Block name -> csr float32 [n_items + 1, words]; rows as in ``item_vectors``.
        later_steps: What the users of ``validation`` did after its targets, for hybrids, which learn from these too;
            None for other models.
        observed_until: Moment, in microseconds since 1970 UTC, before which ``histories`` hold every catalogue event of
            their users; None where it is not known, as under leave-one-out.
        learnt: Where a fitted model goes on: what it has learnt from, the oldest of each user's ``histories``.
    """

    histories: Histories
    n_items: int
    event_types: tuple[str, ...]
    item_vectors: dict[str, NDArray[np.float32]]
    validation: Holdout
    exclude_seen: bool
    context: FitContext
    target_event_types: tuple[str, ...] = ()
    sparse_vectors: dict[str, csr_matrix] = field(default_factory=dict)
    later_steps: LaterSteps | None = None
    observed_until: int | None = None
    learnt: Histories | None = None

    def to_epoch(self, epoch: int | None) -> Training:
        """The same, to end at an epoch; see :class:`FitContext`."""
        return replace(self, context=replace(self.context, epochs=epoch))


class Recommender(Protocol):
    """Every model scores from a history, never from a user's index: new users work like known ones."""

    def fit(self, training: Training) -> FitReport:
        """Learn; return what is worth knowing about it (JSON-like)."""

    def score(self, histories: Histories) -> Scores:
        """Scores of every item as each user's next, float32 [users, n_items + 1]."""

    def save(self, folder: Path) -> None:
        """Write safetensors, npy and JSON into an existing folder."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""


@runtime_checkable
class GoesOn(Recommender, Protocol):
    """A model that takes newer events in where it stands, instead of being fitted from the start."""

    def go_on(self, training: Training) -> FitReport:
        """Learn from the events of ``training.histories`` that are not in ``training.learnt``; the model changes."""


@runtime_checkable
class PredictsEventType(Protocol):
    """A model that also says which behaviour comes next."""

    def event_type_probabilities(self, histories: Histories) -> NDArray[np.float64]:
        """Softmax over the event types of the next step, float64 [users, event types]."""


@runtime_checkable
class PredictsHorizons(Protocol):
    """A model that also says whether an event of each type comes within so many days of a moment."""

    def horizons(self) -> tuple[int, ...]:
        """The horizons in days, ascending, [H]; none where the fitted model says nothing of them."""

    def predict_horizons(self, histories: Histories, moments: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probability of at least one event, float64 [U, event types, H], never falling along H.

        Args:
            histories: U users; what lies at or after a user's moment is not read.
            moments: int64 [U], microseconds since 1970 UTC.
        """


@runtime_checkable
class AddsUpHistory(Protocol):
    """A model whose score of an item is a weighted sum over the items of the history."""

    def history(self, histories: Histories) -> csr_matrix:
        """Weight of each item of each history, float32 [users, n_items + 1]."""


@runtime_checkable
class ScoresSome(Protocol):
    """A model that scores some items of a user for less than all of them cost."""

    def score_some(self, histories: Histories, item_index: NDArray[np.int32]) -> Scores:
        """What ``score`` says of them, but for rounding.

        Args:
            histories: B users.
            item_index: int32 [B, C].

        Returns:
            float32 [B, C].
        """


@runtime_checkable
class Explains(Protocol):
    """A model that can name the part of a history that spoke for an item."""

    def evidence(self, histories: Histories, item_index: NDArray[np.int32]) -> NDArray[np.int32]:
        """Item of the history that adds most to each recommended item's score.

        Args:
            histories: B users.
            item_index: int32 [B, K], the recommended items.

        Returns:
            int32 [B, K]; 0 where no item of the history adds anything.
        """
