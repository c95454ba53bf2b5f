"""Options that several baselines share; free of heavy imports."""

from __future__ import annotations

from dataclasses import field

from nextact.options import Count, Factor, NotNegative, Positive, options


@options
class EventWeightOptions:
    """What an event counts; part of the options of every baseline.

    Attributes:
        event_weights: Event type -> how much its events count, in fitting and in scoring; types not named count 1, and
            0 leaves a type out.
    """

    event_weights: dict[str, NotNegative] = field(default_factory=dict)


@options
class HistoryOptions(EventWeightOptions):
    """How a history is read when scoring; part of the options of every baseline that weighs its items.

    Attributes:
        history_steps: Newest steps that vote; None reads all.
        history_decay: Factor per step back, in (0, 1]; serves logs without times too.
        half_life_days: Age, counted from the user's newest event, at which an event counts half; None ignores age.
    """

    history_steps: Count | None = None
    history_decay: Factor = 1.0
    half_life_days: Positive | None = None


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

    training_half_life_days: Positive | None = None
    training_decay: Factor = 1.0
    max_items: Count = 25_000
    memory_gib: Positive = 2.5
