"""Columns of the item table as rules read them: numbers, texts, times and truths, each with what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from nextact.errors import NextactError, shorten, suggest

Kind = Literal["number", "text", "time", "true or false", "nothing"]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ItemColumn:
    """One column by item index; padding is missing.

    Attributes:
        kind: What it holds; ``nothing`` where every value is missing.
        values: [n_items + 1]: float64 numbers, text objects, int64 microseconds since 1970 UTC or truths.
        known: bool [n_items + 1], False where the value is missing.
    """

    kind: Kind
    values: NDArray[Any]
    known: Truths


class ItemColumns:
    """Columns of the item table, read when a rule names them.

    Args:
        table: Row r is item index r + 1.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table
        self._known: dict[str, ItemColumn] = {}

    @property
    def names(self) -> list[str]:
        """The columns that there are."""
        return [str(name) for name in self._table.columns]

    def require(self, name: str, place: str) -> None:
        """Refuse a column that there is not.

        Raises:
            NextactError: With the close match.
        """
        if name not in self.names:
            raise NextactError(f"{place}: the items have no column {name!r}; {suggest(name, self.names)}")

    def read(self, name: str, place: str) -> ItemColumn:
        """A column.

        Args:
            name: Its name.
            place: The rule that names it, for messages.

        Raises:
            NextactError: If there is no such column, or it holds what no rule compares.
        """
        self.require(name, place)
        if name not in self._known:
            try:
                cells = pa.array(self._table[name], from_pandas=True)
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise NextactError(f"{place}: column {name!r} mixes kinds of values: {error}") from None
            self._known[name] = _column(cells, name, place)
        return self._known[name]

    def as_times(self, name: str, place: str) -> ItemColumn:
        """A column of times, or of texts which all are ISO dates or times (UTC where they name no zone).

        Raises:
            NextactError: If it holds anything else, with the count and an example.
        """
        column = self.read(name, place)
        if column.kind in ("time", "nothing"):
            return column
        if column.kind != "text":
            raise NextactError(f"{place}: column {name!r} holds {_plural(column.kind)}, and times are needed")
        read = pd.to_datetime(pd.Series(column.values[column.known]), format="ISO8601", utc=True, errors="coerce")
        if bad := int(read.isna().sum()):
            example = shorten(column.values[column.known][int(np.argmax(read.isna()))])
            raise NextactError(f"{place}: column {name!r} is no ISO date or time in {bad:,} row(s), e.g. {example}")
        values = np.zeros(len(column.known), np.int64)
        values[column.known] = read.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
        return ItemColumn("time", values, column.known)


def _column(cells: Any, name: str, place: str) -> ItemColumn:
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    known = np.append(False, np.asarray(cells.is_valid()))
    kind, values = _values(cells)
    if kind is None:
        raise NextactError(
            f"{place}: column {name!r} holds {cells.type}; rules compare numbers, texts, times and true or false"
        )
    return ItemColumn(kind if known.any() else "nothing", values, known)


def _values(cells: Any) -> tuple[Kind | None, NDArray[Any]]:
    kind = cells.type
    if pa.types.is_null(kind):
        return "nothing", np.zeros(len(cells) + 1)
    if pa.types.is_boolean(kind):
        return "true or false", np.append(False, np.asarray(cells.fill_null(False)))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number", np.append(0.0, np.asarray(cells.cast(pa.float64(), safe=False).fill_null(0.0)))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        zone = getattr(kind, "tz", None)
        moments = cells.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64()).fill_null(0)
        return "time", np.append(np.int64(0), np.asarray(moments))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        texts = np.empty(len(cells) + 1, dtype=object)
        texts[0], texts[1:] = "", cells.fill_null("").to_numpy(zero_copy_only=False)
        return "text", texts
    return None, np.zeros(0)


def _plural(kind: Kind) -> str:
    return kind if kind in ("true or false", "nothing") else f"{kind}s"
