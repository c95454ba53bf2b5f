"""In which groups of users or items a model is weak."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nextact.metrics.comparison import Interval
from nextact.results.evaluation import Slices, TestResults


@dataclass(frozen=True)
class Weakness:
    """A group in which the chosen model is weak.

    Attributes:
        by: What groups the users or targets.
        group: The group.
        users: In it.
        found: The metric of the group, or where ``worse_than`` is named the difference to that model.
        worse_than: The baseline that is better there; None where the group is far below all users.
    """

    by: str
    group: str
    users: int
    found: Interval
    worse_than: str | None


def weaknesses(results: TestResults, slices: Slices, fewest_users: int) -> Iterator[Weakness]:
    """Groups of users far below all users, and groups in which the best baseline is better."""
    metric = slices.metric
    overall = results.chosen_model.test[metric].mean
    for one in slices.slices:
        for group in one.groups:
            if group.users < fewest_users:
                continue
            value, difference = group.models[results.chosen][metric], group.difference
            if one.of == "users" and value.high < overall:
                yield Weakness(one.by, group.group, group.users, value, None)
            if difference is not None and difference.high < 0:
                yield Weakness(one.by, group.group, group.users, difference, slices.models[1])
