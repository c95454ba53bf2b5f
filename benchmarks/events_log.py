"""A made-up event log of any size, written a part at a time: skewed users and items, days with rhythm, dirty rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

ROWS_PER_PART = 2_000_000
EVENT_TYPES, TYPE_SHARES = ("view", "favourite", "purchase", "scroll"), (0.80, 0.12, 0.077, 0.003)  # scroll: undeclared
USER_SKEW, ITEM_SKEW = 0.5, 1.0  # exponents of Zipf's law
ROWS_PER_USER, ROWS_PER_ITEM = 50, 500
START, DAYS = 1_704_067_200_000, 366  # milliseconds: the year 2024
DAY = 86_400_000
REPEATS, NO_ITEM, NO_USER, LATE, UNKNOWN_ITEM = 0.005, 0.001, 0.0005, 0.0005, 0.001  # shares of dirty rows


@dataclass(frozen=True)
class Log:
    """Where a log lies and how large it is."""

    folder: Path
    rows: int

    @property
    def events(self) -> Path:
        """Parquet: ``visitor``, ``product`` (text), ``kind`` (text), ``millis`` (int64), ``amount`` (float64)."""
        return self.folder / "events.parquet"

    @property
    def items(self) -> Path:
        """Parquet: ``product``, ``title``."""
        return self.folder / "items.parquet"


def write_log(folder: Path, rows: int, seed: int) -> Log:
    """Write events and items; equal for equal seeds, whatever the memory.

    Rows come in the order of time, but for a part's last minutes, as servers write them. Users are drawn by Zipf's law
    with exponent 0.5, items with 1.0; ids are shuffled, so that their order tells nothing. Dirty rows: repeats of an
    earlier row, missing users and items, a behaviour that is not declared, times in the future, items without an entry.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = Log(folder, rows)
    if log.items.exists():  # written last
        return log
    random = np.random.default_rng(seed)
    users, items = (
        _Zipf("u", rows // ROWS_PER_USER, USER_SKEW, random),
        _Zipf("i", rows // ROWS_PER_ITEM, ITEM_SKEW, random),
    )
    schema = pa.schema(
        {
            "visitor": pa.string(),
            "product": pa.string(),
            "kind": pa.string(),
            "millis": pa.int64(),
            "amount": pa.float64(),
        }
    )
    with pq.ParquetWriter(log.events, schema, compression="zstd", compression_level=1) as file:
        for first in range(0, rows, ROWS_PER_PART):
            n = min(ROWS_PER_PART, rows - first)
            file.write_table(_part(first, n, rows, users, items, random).cast(schema), row_group_size=n)
    known = pa.array(items.names[: int(len(items.names) * (1 - UNKNOWN_ITEM))])
    pq.write_table(pa.table({"product": known, "title": pc.binary_join_element_wise("Product ", known, "")}), log.items)
    return log


class _Zipf:
    """Names drawn with a chance of ``1 / rank ** skew``."""

    def __init__(self, letter: str, n: int, skew: float, random: np.random.Generator) -> None:
        chances = np.cumsum(np.arange(1, n + 1, dtype=np.float64) ** -skew)
        self.bounds = chances / chances[-1]
        self.names = [f"{letter}{number:09}" for number in random.permutation(n)]
        self._dictionary = pa.array(self.names)

    def draw(self, n: int, random: np.random.Generator) -> pa.DictionaryArray:
        ranks = np.searchsorted(self.bounds, np.sort(random.random(n))).astype(
            np.int32
        )  # sorted look-ups stay in cache
        random.shuffle(ranks)
        return pa.DictionaryArray.from_arrays(ranks, self._dictionary)


def _part(first: int, n: int, rows: int, users: _Zipf, items: _Zipf, random: np.random.Generator) -> pa.Table:
    times = _times(first, n, rows, random)
    kinds = np.searchsorted(np.cumsum(TYPE_SHARES)[:-1], random.random(n)).astype(np.int8)
    amount = np.where(kinds == EVENT_TYPES.index("purchase"), np.round(random.lognormal(3, 1, n), 2), np.nan)
    part = pa.table(
        {
            "visitor": _with_gaps(users.draw(n, random), NO_USER, random),
            "product": _with_gaps(items.draw(n, random), NO_ITEM, random),
            "kind": pa.DictionaryArray.from_arrays(kinds, pa.array(EVENT_TYPES)),
            "millis": times,
            "amount": pa.array(amount, from_pandas=True),
        }
    )
    source = np.arange(n)
    repeated = np.flatnonzero(random.random(n) < REPEATS)
    source[repeated] = np.maximum(repeated - random.integers(1, 1_000, len(repeated)), 0)
    return part.take(pa.array(source))


def _times(first: int, n: int, rows: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Growing through the year, more by day than by night, a little out of order, some in the future."""
    span = DAYS * DAY / rows
    even = (first + np.arange(n)) * span
    day, hour = np.divmod(even, DAY)
    rhythm = hour - 0.12 * DAY * np.sin(2 * np.pi * hour / DAY)
    late = random.exponential(5_000, n)  # milliseconds until a server has written the row
    times = START + (day * DAY + rhythm - late).astype(np.int64)
    times[random.random(n) < LATE] += 40 * 366 * DAY
    return np.maximum(times, START)


def _with_gaps(values: pa.DictionaryArray, share: float, random: np.random.Generator) -> pa.Array:
    gaps = pa.array(random.random(len(values)) < share)
    return pc.if_else(gaps, pa.scalar(None, pa.string()), values.dictionary_decode())
