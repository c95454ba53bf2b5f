"""Ways of cutting held-out users, or their relevant items, into groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nextact.events.moments import DAY, iso_moment
from nextact.events.quality.bins import bin_bounds, bin_label

LEFT_OUT = -1
OTHER, LONGEST = "other values", 30
MOST_PERIODS = 6


@dataclass(frozen=True, eq=False)
class Grouping:
    """One way of cutting.

    Attributes:
        name: What the groups differ in.
        of: What is cut: ``users``, or ``targets``, their relevant items; then only the items of the group count.
        labels: Names of the groups, in the order in which they are shown.
        codes: int64 [users or targets], position in ``labels``; -1 for what is in no group.
        left_out: Why something is in no group, beside its number.
    """

    name: str
    of: Literal["users", "targets"]
    labels: tuple[str, ...]
    codes: NDArray[np.int64]
    left_out: dict[str, int] = field(default_factory=dict)


def by_count(name: str, of: Literal["users", "targets"], counts: NDArray[np.integer]) -> Grouping:
    """Groups by a count, in the bins 0, 1, 2, 3-5, 6-10, 11-20, ….

    Example:
        >>> found = by_count("events", "users", np.array([4, 0, 5]))
        >>> found.labels, found.codes.tolist()
        (('0', '3-5'), [1, 0, 1])
    """
    bounds = bin_bounds(int(counts.max(initial=0)))
    bins = np.searchsorted([high for _, high in bounds], counts).astype(np.int64)
    return _of_codes(name, of, [bin_label(*bound) for bound in bounds], bins)


def by_answer(name: str, of: Literal["users", "targets"], answers: NDArray[np.bool_], yes: str, no: str) -> Grouping:
    """Two groups."""
    return _of_codes(name, of, [yes, no], np.where(answers, 0, 1).astype(np.int64))


def by_code(name: str, of: Literal["users", "targets"], codes: NDArray[np.integer], labels: Sequence[str]) -> Grouping:
    """Groups that have a code and a name already; those that never occur are left away."""
    return _of_codes(name, of, labels, codes.astype(np.int64))


def by_time(name: str, of: Literal["users", "targets"], times: NDArray[np.int64]) -> Grouping:
    """Groups by periods of equal length from the first to the last moment, at most six, whole days where it can be.

    Args:
        name: Of the grouping.
        of: What is cut.
        times: Microseconds since 1970 UTC.

    Example:
        >>> found = by_time("time", "users", np.array([0, DAY, 20 * DAY]))
        >>> found.labels[0], found.codes.tolist()
        ('from 1970-01-01', [0, 0, 1])
    """
    if not len(times):
        return Grouping(name, of, (), np.zeros(0, np.int64))
    start, span = int(times.min()), int(times.max() - times.min()) + 1
    start = start // DAY * DAY if span > DAY else start
    length = -(-(int(times.max()) + 1 - start) // MOST_PERIODS)
    length = -(-length // DAY) * DAY if span > DAY else length
    codes = (times - start) // length
    return _of_codes(name, of, [_since(start + at * length, span) for at in range(int(codes.max()) + 1)], codes)


def by_column(
    name: str, of: Literal["users", "targets"], values: pd.Series, max_groups: int, unknown: str = "no value"
) -> Grouping:
    """Groups by the values of a column: one a value, or bins of as many where numbers have more than ``max_groups``.

    Args:
        name: Of the grouping.
        of: What is cut.
        values: One a user or target; what is missing is in no group.
        max_groups: The most frequent values have a group each, all others one together.
        unknown: Why those without a value are left out.

    Example:
        >>> found = by_column("brand", "targets", pd.Series(["a", None, "b", "a", "c"]), max_groups=2)
        >>> found.labels, found.codes.tolist(), found.left_out
        (('a', 'other values'), [0, -1, 1, 0, 1], {'no value': 1})
    """
    n_missing = int(values.isna().sum())
    left_out = {unknown: n_missing} if n_missing else {}
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numeric and values.nunique() > max_groups:
        binned = pd.qcut(values, min(max_groups, 5), duplicates="drop")
        labels = [f"{one.left:.4g} to {one.right:.4g}" for one in binned.cat.categories]
        return _of_codes(name, of, labels, np.asarray(binned.cat.codes, np.int64), left_out)
    words = values.map(_label, na_action="ignore")
    counts = words.value_counts()
    named = counts.index[: max_groups if len(counts) <= max_groups else max_groups - 1].tolist()
    known = {label: code for code, label in enumerate(named)}
    codes = words.map(lambda word: known.get(word, len(named)), na_action="ignore").fillna(LEFT_OUT)
    return _of_codes(name, of, [*named, OTHER], codes.to_numpy(np.int64), left_out)


def _of_codes(
    name: str,
    of: Literal["users", "targets"],
    labels: Sequence[str],
    codes: NDArray[np.int64],
    left_out: dict[str, int] | None = None,
) -> Grouping:
    """Drop the groups in which nothing is."""
    used = np.unique(codes[codes >= 0])
    new = np.searchsorted(used, codes)
    new[codes < 0] = LEFT_OUT
    return Grouping(name, of, tuple(labels[code] for code in used), new.astype(np.int64), left_out or {})


def _label(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _since(moment: int, span: int) -> str:
    text = iso_moment(moment)
    return f"from {text[:10]}" if span > DAY else f"from {text[:16].replace('T', ' ')}"
