"""From results to what a tracking store takes: names, texts and numbers within its limits."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from nextact.metrics.comparison import Interval
from nextact.results.evaluation import BehaviourResults
from nextact.results.horizons import HorizonSection

T = TypeVar("T")

MAX_NAME, MAX_TEXT = 250, 6_000  # MLflow's limits for names and for values of parameters


def flatten(value: object, name: str = "") -> dict[str, Any]:
    """Leaves by dotted name; an options block is the mapping of its fields, a list or an empty mapping is a leaf.

    Example:
        >>> flatten({"split": {"kind": "global_time", "ks": [5, 10]}})
        {'split.kind': 'global_time', 'split.ks': [5, 10]}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if not isinstance(value, Mapping) or (name and not value):
        return {name: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= flatten(inner, f"{name}.{key}" if name else str(key))
    return found


def entity_name(name: str) -> str:
    """A name that MLflow takes: no ``@``, no other signs than ``_ - .`` and blanks, no longer than its limit.

    Example:
        >>> entity_name("ndcg@10")
        'ndcg_at_10'
    """
    return _cut(re.sub(r"[^\w\-. ]", "_", name.replace("@", "_at_")), MAX_NAME)


def param_text(value: object) -> str:
    """A value as text: strings as they are, the rest as JSON; too long ones are cut and end in a hash of the whole.

    Example:
        >>> param_text((5, 10)), param_text("iso"), param_text(None)
        ('[5, 10]', 'iso', 'null')
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return _cut(text, MAX_TEXT)


def interval_metrics(split: str, intervals: Mapping[str, Interval | None]) -> dict[str, float]:
    """Mean and interval ends of each metric.

    Example:
        >>> interval_metrics("validation", {"ndcg@10": Interval(mean=0.2, low=0.1, high=0.3, level=0.95, n_users=9)})
        {'validation_ndcg_at_10': 0.2, 'validation_ndcg_at_10_low': 0.1, 'validation_ndcg_at_10_high': 0.3}
    """
    endings = {"mean": "", "low": "_low", "high": "_high"}
    return {
        entity_name(f"{split}_{metric}") + ending: float(getattr(interval, key))
        for metric, interval in intervals.items()
        if interval is not None
        for key, ending in endings.items()
    }


def number_metrics(prefix: str, values: Mapping[str, Any]) -> dict[str, float]:
    """Finite numbers among the leaves, under the prefix and their dotted name; curves and other lists are left out.

    Example:
        >>> number_metrics("report", {"best_epoch": 3, "weights": {"ease": 0.5}, "note": "early", "curve": []})
        {'report_best_epoch': 3.0, 'report_weights.ease': 0.5}
    """
    leaves = flatten(values)
    return {entity_name(f"{prefix}_{name}"): float(value) for name, value in leaves.items() if _is_number(value)}


def horizon_metrics(split: str, section: HorizonSection, model: str) -> dict[str, float]:
    """Numbers of a model in a section of horizons, named after event type and horizon; none where it has none.

    Example:
        >>> from nextact.results.horizons import HorizonRow
        >>> row = HorizonRow(event_type="buy", horizon_days=7, users=9, censored=1, happened=0.2)
        >>> found = horizon_metrics("test", HorizonSection(models={"gpt2": (row,)}), "gpt2")
        >>> found["test_buy_within_7_days_happened"], found["test_buy_within_7_days_users"]
        (0.2, 9.0)
    """
    found: dict[str, float] = {}
    for row in section.models.get(model, ()):
        name = f"{split}_{row.event_type}_within_{row.horizon_days}_days"
        numbers = {
            "predicted": row.predicted,
            "happened": row.happened,
            "users": row.users,
            "censored": row.censored,
        }
        found |= interval_metrics(name, row.metrics) | number_metrics(name, numbers)
    return found


def type_metrics(results: BehaviourResults | None, model: str) -> dict[str, float]:
    """Numbers of what a model said of the next event type, under ``test_event_type``; none where it said nothing."""
    found = None if results is None else results.models.get(model)
    if found is None:
        return {}
    by_type = {f"{metric}_{kind}": value for metric, values in found.by_type.items() for kind, value in values.items()}
    return interval_metrics("test_event_type", found.means) | number_metrics("test_event_type", found.numbers | by_type)


class Point(NamedTuple):
    """A metric at a step, some seconds after the start of what it belongs to."""

    name: str
    value: float
    step: int
    seconds: float = 0.0


def curve_points(report: Mapping[str, Any]) -> list[Point]:
    """Each number in a fit report's curve, under ``epoch_``, at its epoch and the time when that ended.

    Example:
        >>> curve_points({"curve": [{"epoch": 1, "loss": 2.5, "validation": None}]})
        [Point(name='epoch_loss', value=2.5, step=1, seconds=0.0)]
    """
    points, seconds = [], 0.0
    for epoch in report.get("curve", []):
        seconds += epoch.get("seconds", 0.0)
        points += [
            Point(entity_name(f"epoch_{name}"), float(value), int(epoch["epoch"]), seconds)
            for name, value in epoch.items()
            if name != "epoch" and _is_number(value)
        ]
    return points


def chunks(entries: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive parts of at most ``size`` entries.

    Example:
        >>> list(chunks([1, 2, 3], 2))
        [[1, 2], [3]]
    """
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    mark = f"...{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return text[: limit - len(mark)] + mark
