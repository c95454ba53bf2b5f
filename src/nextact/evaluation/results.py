"""From readings to the numbers of a run: each model's metrics with intervals, and the chosen one against the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextact.evaluation.calibration import calibration_error, calibration_table
from nextact.evaluation.gate import BASELINES
from nextact.evaluation.list_metrics import ServedLists, list_metrics
from nextact.evaluation.one_pass import ModelReading, metrics_of_part
from nextact.metrics.comparison import CorrectedComparison, Interval, bootstrap_intervals, corrected, paired_comparison
from nextact.metrics.ranking import metrics_of_ranks
from nextact.metrics.targets import Targets
from nextact.models.baselines.popularity import SameForEverybody
from nextact.models.registry import MODELS
from nextact.results.evaluation import Calibration, TestedModel
from nextact.results.models import Candidate, Leaderboard, ModelHandle
from nextact.sequences.histories import Histories
from nextact.sequences.holdout import Holdout

Values = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """What every model is read against.

    Attributes:
        holdout: Users and what they did next.
        shuffled_targets: What other users did next.
        popularity: int64 [n_items + 1]; events of each item that the tested models have learnt from.
        tie_order: int64 [n_items + 1]; see :func:`~nextact.retrieval.scoring.popular_first`.
        alike: int32 [n_items + 1]; see :func:`~nextact.retrieval.alike.alike_by_text`.
        vectors: float [n_items + 1, dimensions] by which items of a list differ, if there are any.
        categories: int [n_items + 1]; code of each item's category, if one is named; -1 for none.
        exclude_seen: The run's policy.
        ks: Lengths of the list.
        metric: The metric that chose.
        list_length: Length of the lists of the catalogue metrics.
        draws: Bootstrap draws.
        calibration_bins: Bins of predicted probability.
    """

    holdout: Holdout
    shuffled_targets: Targets
    popularity: NDArray[np.int64]
    tie_order: NDArray[np.int64]
    alike: NDArray[np.int32] | None
    vectors: NDArray[np.floating] | None
    categories: NDArray[np.int64] | None
    exclude_seen: bool
    ks: tuple[int, ...]
    metric: str
    list_length: int
    draws: int
    calibration_bins: int

    @property
    def depth(self) -> int:
        """Ranks that are kept of each reading."""
        return max(*self.ks, self.list_length)


def per_user_values(reading: ModelReading, held_out: EvaluationSet) -> Values:
    """Ranking metrics of each user by all relevant items, reachable or not."""
    return metrics_of_ranks(reading.ranks, held_out.holdout.targets, held_out.ks)


def evaluated_model(
    candidate: Candidate, reading: ModelReading, held_out: EvaluationSet, temperature: float
) -> TestedModel:
    """What is reported of one model.

    Args:
        candidate: The model as it was validated.
        reading: Of test.
        held_out: What it was read against.
        temperature: Of the softmax over items.
    """
    targets = held_out.holdout.targets
    everybody = np.arange(targets.n_users)
    shuffled = metrics_of_ranks(reading.shuffled, held_out.shuffled_targets, held_out.ks)
    allowed = reachable(held_out.holdout, held_out.exclude_seen)
    found = _intervals_of_parts(
        {
            "test": (everybody, per_user_values(reading, held_out)),
            "test_reachable": metrics_of_part(reading.ranks, targets, allowed, held_out.ks),
            "shuffled": (everybody, {held_out.metric: shuffled[held_out.metric]}),
            "item_log_loss": _item_log_loss(reading, targets),
        },
        held_out.draws,
    )
    loss = found["item_log_loss"].get("loss")
    n_served = 0 if loss is None else loss.n_users
    lists = reading.lists[:, : held_out.list_length]
    table = calibration_table(lists, reading.probability[:, : lists.shape[1]], targets, held_out.calibration_bins)
    return TestedModel(
        family=candidate.family,
        name=candidate.name,
        fit_seconds=candidate.fit_seconds,
        members_fit_seconds=candidate.members_fit_seconds,
        score_seconds=reading.seconds,
        validation=candidate.validation,
        test=found["test"],
        test_reachable=found["test_reachable"],
        shuffled=found["shuffled"],
        catalogue=catalogue_metrics(lists, held_out),
        calibration=Calibration(
            temperature=temperature,
            item_log_loss=loss,
            users_left_out={"no relevant item that may be recommended": targets.n_users - n_served},
            error=calibration_error(table),
            bins=table,
        ),
    )


def reachable(holdout: Holdout, exclude_seen: bool) -> NDArray[np.bool_]:
    """Whether each relevant catalogue item may be recommended: under ``exclude_seen`` those of the history may not.

    Args:
        holdout: Users and what they did next.
        exclude_seen: The run's policy.

    Returns:
        bool [targets].
    """
    if not exclude_seen:
        return np.ones(len(holdout.targets.item_index), np.bool_)
    return ~is_known(holdout.histories, holdout.targets)


def is_known(known: Histories, targets: Targets) -> NDArray[np.bool_]:
    """Whether each relevant item is in its user's history, bool [targets].

    Example:
        >>> is_known(Histories.from_lists([[3], [1]]), Targets.from_lists([[1, 3], [2]])).tolist()
        [False, True, False]
    """
    width = int(max(targets.item_index.max(initial=0), known.item_index.max(initial=0))) + 1
    seen = known.users_of_events * width + known.item_index
    return np.isin(targets.users_of_items * width + targets.item_index, seen)


def catalogue_metrics(lists: NDArray[np.int32], held_out: EvaluationSet) -> dict[str, float | None]:
    """What the lists are like; None for what is undefined of these lists.

    Returns:
        By name; see :data:`nextact.evaluation.list_metrics.LIST_METRICS`.
    """
    histories = held_out.holdout.histories
    return list_metrics(ServedLists(lists, histories, held_out.popularity, held_out.vectors, held_out.categories))


def chosen_against(
    values: Mapping[str, Values], chosen: str, metric: str, draws: int
) -> dict[str, CorrectedComparison]:
    """Paired tests of the chosen model against every other, corrected for their number."""
    best = values[chosen][metric]
    others = {name: other[metric] for name, other in values.items() if name != chosen}
    return corrected({name: paired_comparison(best, other, draws=draws, seed=0) for name, other in others.items()})


def is_one_list(chosen: ModelHandle, lists: NDArray[np.int32]) -> bool:
    """Whether a model ranks alike for everybody: by what it is, or by its lists of two users or more.

    Args:
        chosen: The model.
        lists: int32 [users, k].
    """
    is_general = issubclass(MODELS[chosen.family][chosen.name].recommender, SameForEverybody)
    return is_general or (len(lists) > 1 and bool((lists == lists[0]).all()))


def best_baseline(leaderboard: Leaderboard, chosen: str) -> str | None:
    """The baseline, other than the chosen model, that stands highest on validation; None where there is none."""
    others = (one.name for one in leaderboard.models if one.family == BASELINES and one.name != chosen)
    return next(others, None)


def _item_log_loss(reading: ModelReading, targets: Targets) -> tuple[NDArray[np.int64], Values]:
    """Users with a relevant item that may be recommended, and their mean loss: the other items have no probability."""
    finite = np.isfinite(reading.log_probability)
    users = targets.users_of_items[finite]
    counts = np.bincount(users, minlength=targets.n_users)
    total = np.bincount(users, weights=-reading.log_probability[finite].astype(np.float64), minlength=targets.n_users)
    served = np.flatnonzero(counts)
    return served, {"loss": total[served] / counts[served]}


def _intervals_of_parts(
    parts: Mapping[str, tuple[NDArray[np.int64], Values]], draws: int
) -> dict[str, dict[str, Interval]]:
    """Intervals of several parts; those of the same users from the same resamples, which are then drawn once."""
    found: dict[str, dict[str, Interval]] = {part: {} for part in parts}
    by_users: dict[bytes, list[str]] = {}
    for part, (users, _) in parts.items():
        if len(users):
            by_users.setdefault(users.tobytes(), []).append(part)
    for together in by_users.values():
        table = {f"{part} {name}": values for part in together for name, values in parts[part][1].items()}
        for key, interval in bootstrap_intervals(table, draws=draws, seed=0).items():
            part, _, name = key.partition(" ")
            found[part][name] = interval
    return found
