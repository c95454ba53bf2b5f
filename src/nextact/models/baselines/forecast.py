"""What fitting each baseline will take in memory, and what is done instead where everything would not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nextact.models.baselines import options as o
from nextact.models.baselines.gram import BLOCK_USERS, SMALL_CATALOGUE, most_items
from nextact.models.baselines.item_knn import BYTES_PER_PAIR, rows_of_block
from nextact.models.baselines.shared_options import LinearOptions
from nextact.models.baselines.slim import BLOCK_BYTES as SLIM_BYTES
from nextact.sequences.histories import Histories
from nextact.versioned import Versioned

GIB = 2**30
FLOAT, ENTRY, EVENT = 4, 12, 60  # bytes: a number; a number with its place; an event while it becomes an entry
CUT_ITEMS, CUT_COPIES = 1_024, 4  # columns of an EASE matrix that are cut down to the largest weights at a time


@dataclass(frozen=True)
class LogSize:
    """What decides about memory.

    Attributes:
        users: Users.
        items: Items of the catalogue.
        occurring: Items with a training event.
        events: Training events.
        followers: Pairs of an item and one of the next step.
        pairs: Pairs of items of one user, an item with itself among them.
    """

    users: int
    items: int
    occurring: int
    events: int
    followers: int
    pairs: int

    @classmethod
    def of(cls, histories: Histories, n_items: int) -> LogSize:
        """Counted from training events."""
        steps = np.bincount(histories.steps_of_events(), minlength=1).astype(np.int64)
        return cls(
            histories.n_users,
            n_items,
            len(np.unique(histories.item_index)),
            histories.n_events,
            int((steps[:-1] * steps[1:]).sum()),
            int((histories.lengths**2).sum()),
        )


@dataclass(frozen=True)
class BaselineForecast:
    """Of one baseline.

    Attributes:
        memory_gib: Memory of the fit at most, beside what is in use now.
        free_gib: Memory that is free now.
        items: Items that are fitted.
        items_left_out: Items with events that are not, since their matrix would be larger than the options allow.
        instead: What is done in place of items x items; empty where everything is held at once.
    """

    memory_gib: float
    free_gib: float
    items: int
    items_left_out: int
    instead: str

    @property
    def fits(self) -> bool:
        """Whether the memory is free."""
        return self.memory_gib <= self.free_gib

    def in_words(self) -> str:
        """One line for the log."""
        said = f"{self.memory_gib:.3f} GiB of {self.free_gib:.1f} GiB free"
        return f"{said}{'' if self.fits else ', which does NOT fit'}{'; ' if self.instead else ''}{self.instead}"


class BaselinesForecast(Versioned):
    """Of every baseline of a run, by name."""

    run_id: str
    protocol_hash: str
    baselines: dict[str, BaselineForecast]


def forecast_baselines(
    options: Mapping[str, Any], histories: Histories, n_items: int, free_bytes: int
) -> dict[str, BaselineForecast]:
    """A forecast for every baseline, by name.

    Args:
        options: Baseline -> its options.
        histories: Training events.
        n_items: Items of the catalogue.
        free_bytes: Memory that is free.
    """
    size = LogSize.of(histories, n_items)
    return {name: forecast(one, size, free_bytes) for name, one in options.items()}


def forecast(options: Any, size: LogSize, free_bytes: int) -> BaselineForecast:
    """Of one baseline, by the class of its options."""
    n_bytes, instead = _NEEDS.get(type(options), _entries)(options, size)
    n_items = min(most_items(options), size.occurring) if isinstance(options, LinearOptions) else size.occurring
    left_out = size.occurring - n_items
    if left_out:
        instead = (
            f"{n_items:,} most frequent items of {size.occurring:,} are fitted, the others score 0 "
            f"(memory_gib {options.memory_gib}, max_items {options.max_items:,})"
        )
    total = (n_bytes + EVENT * size.events) / GIB
    return BaselineForecast(round(total, 3), round(free_bytes / GIB, 3), n_items, left_out, instead)


def _entries(options: Any, size: LogSize) -> tuple[int, str]:
    """Models that hold users x items as a sparse matrix, or less."""
    return 2 * ENTRY * size.events, ""


def _tifu(options: o.TIFUKNNOptions, size: LogSize) -> tuple[int, str]:
    return 8 * ENTRY * size.events, ""


def _ease(options: o.EASEOptions, size: LogSize) -> tuple[int, str]:
    n_items = min(most_items(options), size.occurring)
    cut = n_items + CUT_COPIES * min(n_items, CUT_ITEMS)
    kept = 2 * ENTRY * min(options.kept_per_item, n_items)
    return max(_product(n_items, size), n_items * (FLOAT * cut + kept)), ""


def _slim(options: o.SLIMOptions, size: LogSize) -> tuple[int, str]:
    n_items = min(most_items(options), size.occurring)
    n_near = min(options.neighbours, n_items)
    block = 2 * min(SLIM_BYTES, FLOAT * n_items * n_near**2)
    return _product(n_items, size) + block + 2 * ENTRY * n_items * n_near, ""


def _product(n_items: int, size: LogSize) -> int:
    """Items x items, and what is beside it: in a small catalogue a dense block of users, or a copy in another order."""
    beside = max(n_items, min(size.users, BLOCK_USERS)) if n_items <= SMALL_CATALOGUE else 0
    return FLOAT * n_items * (n_items + beside)


def _item_knn(options: o.ItemKNNOptions, size: LogSize) -> tuple[int, str]:
    near = min(size.pairs // max(size.occurring, 1) + 1, size.occurring)  # items that an item shares a user with
    kept = 2 * ENTRY * size.occurring * min(options.neighbours, near)
    if size.items < SMALL_CATALOGUE:
        trust = FLOAT * (size.items + 1) ** 2 if options.shrinkage > 0 else 0
        return _product(size.items + 1, size) + trust + kept, ""
    rows = rows_of_block(size.items + 1)
    instead = f"similarities are computed for {rows:,} items at a time, {options.neighbours} each kept"
    return BYTES_PER_PAIR * rows * near + kept, instead


def _transition(options: o.TransitionOptions, size: LogSize) -> tuple[int, str]:
    pairs = min(size.followers * options.lags, size.occurring**2)
    return 3 * ENTRY * pairs * (2 if options.reverse_weight > 0 else 1), ""


def _als(options: o.ALSOptions, size: LogSize) -> tuple[int, str]:
    return FLOAT * options.factors * (size.users + 2 * size.items) + ENTRY * size.events * 2, ""


def _item2vec(options: o.Item2VecOptions, size: LogSize) -> tuple[int, str]:
    return 4 * FLOAT * options.dimensions * size.items + 100 * size.events, ""  # gensim reads words as text


_NEEDS: dict[type[Any], Callable[[Any, LogSize], tuple[int, str]]] = {
    o.TIFUKNNOptions: _tifu,
    o.EASEOptions: _ease,
    o.SLIMOptions: _slim,
    o.ItemKNNOptions: _item_knn,
    o.TransitionOptions: _transition,
    o.ALSOptions: _als,
    o.Item2VecOptions: _item2vec,
}
