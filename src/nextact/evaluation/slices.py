"""Test metrics of groups of users and of relevant items, of the chosen model beside the best baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.evaluation import groups
from nextact.evaluation.groups import LEFT_OUT, Grouping
from nextact.evaluation.one_pass import metrics_of_part
from nextact.evaluation.results import is_known
from nextact.evaluation.tables import HISTORY_END, targets_of
from nextact.events import columns as c
from nextact.metrics.comparison import Interval, bootstrap_intervals
from nextact.metrics.ranking import metrics_of_ranks
from nextact.metrics.targets import Targets
from nextact.metrics.tie_groups import TargetRanks
from nextact.results.evaluation import Group, Intervals, Slice
from nextact.sequences.histories import Histories

Values = dict[str, NDArray[np.float64]]
DIFFERENCE = "difference"


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The held-out users and their relevant items, as the tables of a reading keep them.

    Attributes:
        users: :func:`nextact.evaluation.tables.user_table`.
        targets: :func:`nextact.evaluation.tables.target_table`.
        histories: All events.
        training: Events of all users that the tested models have learnt from.
        popularity: int64 [n_items + 1]; training events of each item.
    """

    users: pd.DataFrame
    targets: pd.DataFrame
    histories: Histories
    training: Histories
    popularity: NDArray[np.int64]

    @cached_property
    def relevant(self) -> Targets:
        """The relevant items of each user, entry for entry as in ``targets``."""
        return targets_of(self.users, self.targets)

    @cached_property
    def known(self) -> Histories:
        """What each user had done before."""
        user_index = self.users[c.USER_INDEX].to_numpy()
        return self.histories.between(self.histories.offsets[:-1][user_index], self.users[HISTORY_END].to_numpy())


def standard_groupings(held_out: HeldOut, event_types: tuple[str, ...], has_times: bool) -> list[Grouping]:
    """By history, item popularity, cold users, repeats, event type and time."""
    users, targets = held_out.users, held_out.targets
    known = held_out.known
    item_index = targets[c.ITEM_INDEX].to_numpy()
    found = [
        groups.by_count("events in the history", "users", known.lengths),
        groups.by_answer(
            "user in training",
            "users",
            held_out.training.lengths[users[c.USER_INDEX].to_numpy()] > 0,
            "with training events",
            "cold: no training event",
        ),
        groups.by_count("training events of the item", "targets", held_out.popularity[item_index]),
        groups.by_answer(
            "item in the user's history",
            "targets",
            is_known(known, held_out.relevant),
            "had before",
            "new to the user",
        ),
        groups.by_code("event type", "targets", targets[c.EVENT_TYPE].to_numpy(), event_types),
    ]
    if has_times:
        found.append(groups.by_time("time", "targets", targets[c.TIMESTAMP].to_numpy()))
    return found


def column_groupings(
    held_out: HeldOut,
    users: pd.DataFrame,
    items: pd.DataFrame,
    user_names: Sequence[str],
    item_names: Sequence[str],
    max_groups: int,
) -> list[Grouping]:
    """By columns of the user and the item table.

    Args:
        held_out: Users and relevant items.
        users: :func:`nextact.evaluation.attributes.user_attributes`.
        items: :func:`nextact.evaluation.attributes.item_attributes`.
        user_names: Columns of the users that make slices.
        item_names: Columns of the items that do.
        max_groups: Most groups of each.
    """
    of_users = users.iloc[held_out.users[c.USER_INDEX]].reset_index(drop=True)
    of_items = items.iloc[held_out.targets[c.ITEM_INDEX] - 1].reset_index(drop=True)
    return [
        *(groups.by_column(f"user: {name}", "users", of_users[name], max_groups) for name in user_names),
        *(groups.by_column(f"item: {name}", "targets", of_items[name], max_groups) for name in item_names),
    ]


def score_groupings(
    groupings: list[Grouping], ranks: Mapping[str, TargetRanks], targets: Targets, metrics: tuple[str, ...], draws: int
) -> tuple[Slice, ...]:
    """Metrics of every group, means over its users.

    In a group of users all their relevant items count. In a group of items only these count: the user's other
    relevant items are neither hit nor missed, and a user without an item of the group is not in it.

    Args:
        groupings: Ways of cutting.
        ranks: Of one or two models; with two, the second is what the first is compared with.
        targets: All relevant items.
        metrics: Names as ``ranking_metrics`` gives them; the first one is compared.
        draws: Bootstrap draws.

    Returns:
        One a grouping.
    """
    return tuple(_score(one, ranks, targets, metrics, draws) for one in groupings)


def _score(
    grouping: Grouping, ranks: Mapping[str, TargetRanks], targets: Targets, metrics: tuple[str, ...], draws: int
) -> Slice:
    ks = tuple(sorted({int(name.rpartition("@")[2]) for name in metrics}))
    found = []
    for code, label in enumerate(grouping.labels):
        users, n_targets, values = _values(grouping, code, ranks, targets, ks)
        models, difference = _intervals(values, metrics, draws)
        found.append(Group(group=label, users=len(users), targets=n_targets, models=models, difference=difference))
    return Slice(by=grouping.name, of=grouping.of, groups=tuple(found), left_out=_left_out(grouping, targets))


def _values(
    grouping: Grouping, code: int, ranks: Mapping[str, TargetRanks], targets: Targets, ks: tuple[int, ...]
) -> tuple[NDArray[np.int64], int, dict[str, Values]]:
    """Users of a group, their relevant items that count, and each model's values."""
    chosen = grouping.codes == code
    if grouping.of == "targets":
        found = {name: metrics_of_part(one, targets, chosen, ks) for name, one in ranks.items()}
        users = next(iter(found.values()))[0]
        return users, int(chosen.sum()), {name: values for name, (_, values) in found.items()}
    users = np.flatnonzero(chosen)
    entries = chosen[targets.users_of_items]
    part = targets.take(users)
    values = {name: metrics_of_ranks(one.keep(entries), part, ks) for name, one in ranks.items()}
    return users, int(part.n_relevant.sum()), values


def _intervals(
    values: dict[str, Values], metrics: tuple[str, ...], draws: int
) -> tuple[dict[str, Intervals], Interval | None]:
    """Of each model, and of the difference of two; all from the same resamples of users."""
    table = {f"{model} {metric}": own[metric] for model, own in values.items() for metric in metrics}
    names = list(values)
    if len(names) == 2:
        table[DIFFERENCE] = values[names[0]][metrics[0]] - values[names[1]][metrics[0]]
    found = bootstrap_intervals(table, draws=draws, seed=0)
    models = {model: {metric: found[f"{model} {metric}"] for metric in metrics} for model in names}
    return models, found.get(DIFFERENCE)


def _left_out(grouping: Grouping, targets: Targets) -> dict[str, int]:
    """Users in none of the groups, by reason."""
    if grouping.of == "users":
        return grouping.left_out
    grouped = np.zeros(targets.n_users, np.bool_)
    grouped[targets.users_of_items[grouping.codes != LEFT_OUT]] = True
    outside = int((targets.n_in_catalogue == 0).sum())
    without_value = int((~grouped).sum()) - outside
    reasons = {"no relevant item in the catalogue": outside, "no relevant item with a value": without_value}
    return {why: n for why, n in reasons.items() if n}
