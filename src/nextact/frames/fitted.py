"""How a model of frames came about, and why it recommends an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nextact.results.models import Leaderboard
from nextact.versioned import Frozen, Versioned


class ModelRow(Frozen):
    """A model on the choosing half of the validation users: the metric that chooses, with its interval."""

    model: str
    family: str
    metric: str
    validation: float
    low: float
    high: float
    users: int
    fit_seconds: float


class Fitted(Versioned):
    """How a model came about.

    Attributes:
        parameters: What was guessed and stated, as ``parameters.yml`` would say it.
        rows: Rows of the events by reason; ``accepted`` ones were learnt from.
        leaderboard: Models, the best first.
        left_out: Model -> why it could not be fitted.
        reason: Why the model serves.
    """

    parameters: dict[str, Any]
    rows: dict[str, int]
    leaderboard: tuple[ModelRow, ...]
    left_out: dict[str, str]
    reason: str


def rows_of(leaderboard: Leaderboard) -> tuple[ModelRow, ...]:
    """A leaderboard in rows."""
    return tuple(
        ModelRow(
            model=one.name,
            family=one.family,
            metric=leaderboard.metric,
            validation=(found := one.validation[leaderboard.metric]).mean,
            low=found.low,
            high=found.high,
            users=found.n_users,
            fit_seconds=one.all_fit_seconds,
        )
        for one in leaderboard.models
    )


@dataclass(frozen=True)
class Explanation:
    """Why an item is recommended to a user, or is not.

    Attributes:
        user_id: The user.
        item_id: The item.
        item_text: Its text, or its id where it has none.
        rank: Its place in the user's whole list, 1 the best; None where it may not be recommended, as a seen item.
        probability: That it is next, of all that may be recommended.
        reason: In words, what the model went by.
        because: Id of the item of the history that spoke for it most; None where none did.
    """

    user_id: str
    item_id: str
    item_text: str
    rank: int | None
    probability: float
    reason: str
    because: str | None

    def __str__(self) -> str:
        """One sentence."""
        if self.rank is None:
            return (
                f"{self.item_text} is not recommended to {self.user_id}: the user had it before (policy.exclude_seen)"
            )
        return f"{self.item_text} is number {self.rank} for {self.user_id} ({self.probability:.2%}): {self.reason}"
