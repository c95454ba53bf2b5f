"""What a run found, in words: the leaderboard, and a few users with their past and their recommendations."""

from __future__ import annotations

import pandas as pd

from nextact.events import columns as c
from nextact.metrics.comparison import Interval
from nextact.printing import printable
from nextact.results.evaluation import TestResults
from nextact.versioned import Frozen, Versioned


class ShownUser(Frozen):
    """A user with what is printed of them, a line each."""

    user_id: str
    lines: tuple[str, ...]


class Summary(Versioned):
    """What is printed at the end of a run; kept by its parts, so that a user can be taken out of it.

    Attributes:
        leaderboard: Lines on models, none on a user.
        users: Those shown.
    """

    leaderboard: tuple[str, ...]
    users: tuple[ShownUser, ...]

    def __str__(self) -> str:
        """The leaderboard, then each user after an empty line."""
        return "\n\n".join("\n".join(lines) for lines in (self.leaderboard, *(user.lines for user in self.users)))


def leaderboard_lines(results: TestResults) -> list[str]:
    """Models by validation, best first, with intervals; which was chosen, fails to beat baselines, or is left out."""
    metrics = dict.fromkeys([results.metric, "hit_rate@10"])
    lines = [f"{'model':<20}" + "".join(f"{split + ' ' + name:<30}" for name in metrics for split in SPLITS)]
    for model in results.models:
        cells = [split.get(name) for name in metrics for split in (model.validation, model.test)]
        lines.append(f"{model.name:<20}" + "".join(f"{_interval(cell):<30}" for cell in cells))
    chosen = f"chosen on validation: {results.chosen} ({results.users:,} users in test): {results.reason}"
    return [*lines, chosen, *results.gate, *results.models_left_out]


def user_lines(user_id: str, past: pd.DataFrame, recommended: pd.DataFrame, n: int = 5) -> list[str]:
    """A user's newest ``n`` events and first ``n`` recommendations, each with its reason, a line each.

    Names are written so that nothing in them acts on a terminal.
    """
    lines = [f"user {user_id}"]
    lines += [f"  did       {row[c.EVENT_TYPE]}: {row[c.ITEM_TEXT]}" for _, row in past.tail(n).iterrows()]
    for _, row in recommended.head(n).iterrows():
        lines.append(f"  {row['rank']:>2}. {row[c.ITEM_TEXT]} (probability {row['probability']:.4f}; {row['reason']})")
    return [printable(line) for line in lines]


SPLITS = ("validation", "test")


def _interval(found: Interval | None) -> str:
    return "-" if found is None else f"{found.mean:.4f} [{found.low:.4f}, {found.high:.4f}]"
