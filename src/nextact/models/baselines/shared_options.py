"""Options that several baselines share, and their checks; free of heavy imports."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from nextact.options import options


def check_positive(block: Any, *names: str) -> None:
    """Refuse a number that is not above 0; None passes."""
    for name in names:
        value = getattr(block, name)
        if value is not None and not value > 0:
            raise ValueError(f"{type(block).__name__}.{name} must be above 0, got {value}")


def check_not_negative(block: Any, *names: str) -> None:
    """Refuse a number below 0."""
    for name in names:
        if not getattr(block, name) >= 0:
            raise ValueError(f"{type(block).__name__}.{name} must not be negative, got {getattr(block, name)}")


def check_factor(block: Any, *names: str) -> None:
    """Refuse a number outside (0, 1]."""
    for name in names:
        if not 0 < getattr(block, name) <= 1:
            raise ValueError(f"{type(block).__name__}.{name} must be in (0, 1], got {getattr(block, name)}")


def check_share(block: Any, *names: str) -> None:
    """Refuse a number outside [0, 1]."""
    for name in names:
        if not 0 <= getattr(block, name) <= 1:
            raise ValueError(f"{type(block).__name__}.{name} must be in [0, 1], got {getattr(block, name)}")


@options
class EventOptions:
    """What an event counts; part of the options of every baseline.

    Attributes:
        event_weights: Event type -> how much its events count, in fitting and in scoring; types not named count 1, and
            0 leaves a type out.
    """

    event_weights: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, weight in self.event_weights.items():
            if not weight >= 0:
                raise ValueError(f"{type(self).__name__}.event_weights[{name!r}] must not be negative, got {weight}")


@options
class HistoryOptions(EventOptions):
    """How a history is read when scoring; part of the options of every baseline that weighs its items.

    Attributes:
        history_steps: Newest steps that vote; None reads all.
        history_decay: Factor per step back, in (0, 1]; serves logs without times too.
        half_life_days: Age, counted from the user's newest event, at which an event counts half; None ignores age.
    """

    history_steps: int | None = None
    history_decay: float = 1.0
    half_life_days: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "history_steps", "half_life_days")
        check_factor(self, "history_decay")


@options
class LinearOptions(HistoryOptions):
    """What EASE and SLIM share: the users x items matrix that they learn from, and their limits.

    Attributes:
        training_half_life_days: Age, counted from the user's newest event, at which an event counts half in fitting;
            None ignores age.
        training_decay: Factor per step back in fitting, in (0, 1].
        max_items: Larger catalogues are fitted on this many of their most frequent items; the others score 0.
        memory_gib: The item-to-item matrix takes 4 bytes a cell; a catalogue whose matrix is larger than this is
            fitted on as many of its most frequent items as fit.
    """

    training_half_life_days: float | None = None
    training_decay: float = 1.0
    max_items: int = 25_000
    memory_gib: float = 2.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "training_half_life_days", "max_items", "memory_gib")
        check_factor(self, "training_decay")
