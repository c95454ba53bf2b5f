"""What a run found, in words: the leaderboard, and a few users with their past and their recommendations."""

from __future__ import annotations

import pandas as pd

from nextact.events import columns as c
from nextact.metrics.comparison import Interval
from nextact.printing import printable
from nextact.results.evaluation import TestResults


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
