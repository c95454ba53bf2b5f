"""How well models say whether an event of each type comes within each horizon."""

from __future__ import annotations

from pydantic import Field

from nextact.metrics.comparison import Comparison, Interval
from nextact.versioned import Frozen


class HorizonRow(Frozen):
    """One event type and horizon of one model; values are None, and metrics none, where nobody was observed so long.

    Attributes:
        event_type: What may come.
        horizon_days: Within how many days.
        users: Observed so long.
        censored: Not observed so long.
        happened: Share of the users with such an event.
        predicted: Mean of the predicted probabilities.
        metrics: Those of :data:`nextact.metrics.horizon.HORIZON_METRICS`; None where one is undefined.
        log_loss_against_share: Minus that of one probability for everybody; below 0 is better.
    """

    event_type: str
    horizon_days: int
    users: int
    censored: int
    happened: float | None = None
    predicted: float | None = None
    metrics: dict[str, Interval | None] = Field(default_factory=dict)
    log_loss_against_share: Comparison | None = None


class HorizonSection(Frozen):
    """What was said of horizons on one part of the log.

    Attributes:
        why_not: In one sentence, where nothing was scored; then nothing else is there.
        moment: Of prediction, ISO.
        until: End of observation, ISO.
        days_observed: Between the two.
        users: With an event before the moment.
        users_left_out: Others, by reason.
        models: Rows by model.
    """

    why_not: str | None = None
    moment: str = ""
    until: str = ""
    days_observed: float = 0.0
    users: int = 0
    users_left_out: dict[str, int] = Field(default_factory=dict)
    models: dict[str, tuple[HorizonRow, ...]] = Field(default_factory=dict)


class Horizons(Frozen):
    """Both parts of a run."""

    validation: HorizonSection
    test: HorizonSection
