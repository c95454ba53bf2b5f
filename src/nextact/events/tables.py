"""Whatever a data catalog loads, as an Ibis table; frames that no table can hold are refused with the column's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nextact.errors import NextactError, TableError, suggest
from nextact.events.engines import SPARK, in_memory

RAW_EVENTS = "raw_events"
EXACT_BELOW_FLOAT16 = 2**11


def as_table(data: object, place: str = RAW_EVENTS, wanted: dict[str, str | None] | None = None) -> ibis.Table:
    """An Ibis table of an Ibis table, a pandas or polars frame, or an Arrow table.

    Args:
        data: What the catalog loaded.
        place: Name of the table in messages.
        wanted: Only the columns that options map to, as in :func:`require_columns`; all, if left out.

    Raises:
        NextactError: If it is no table, a mapped column is missing, or two columns share a name.
        TableError: If a column mixes types, or holds text that is not Unicode.
    """
    if isinstance(data, ibis.Table):
        return _brought_here(data if wanted is None else data.select(_chosen(data.columns, wanted, place)))
    return in_memory(as_arrow(data, place, wanted))


def _brought_here(table: ibis.Table) -> ibis.Table:
    """The rows of a table of another engine (a SQL database, a DuckDB file) in memory, since no query spans two.

    Only where a run has said which engine it works on (``ibis.set_backend``). Spark has one session, whoever asks.
    """
    engine = ibis.options.default_backend
    if engine is None or all(_is_at_home(backend, engine) for backend in table._find_backends()[0]):
        return table
    return in_memory(table.to_pyarrow())


def _is_at_home(backend: Any, engine: Any) -> bool:
    return backend is engine or backend.name == engine.name == SPARK


def as_arrow(data: object, place: str, wanted: dict[str, str | None] | None = None) -> pa.Table:
    """An Arrow table of a pandas or polars frame or an Arrow table; see :func:`as_table`."""
    if isinstance(data, pd.DataFrame):
        names = [str(name) for name in data.columns]
        chosen = [names.index(name) for name in _chosen(names, wanted, place)]
        arrays = {names[at]: _arrow_column(data.iloc[:, at], f"{place}[{names[at]!r}]") for at in chosen}
        return _plain(pa.table(arrays), place)
    arrow = _arrow_of(data, place)
    chosen = [arrow.column_names.index(name) for name in _chosen(arrow.column_names, wanted, place)]
    return _plain(arrow.select(chosen), place)


def require_columns(table: ibis.Table, wanted: dict[str, str | None], place: str) -> None:
    """Raise unless every mapped column is there.

    Args:
        table: The raw table.
        wanted: Option name -> column it maps to (``None`` where it is not mapped).
        place: Name of the table in messages.

    Raises:
        NextactError: Naming the option, the missing column and its close match.
    """
    _chosen(table.columns, wanted, place)


def _chosen(columns: Iterable[str], wanted: dict[str, str | None] | None, place: str) -> list[str]:
    """The columns asked for, in their own order, after a check that each is there and is there once."""
    known = list(columns)
    for option, column in (wanted or {}).items():
        if column is not None and column not in known:
            raise NextactError(
                f"{place}: option {option!r} asks for column {column!r}, which is missing; "
                + (_other_separator(known) or suggest(column, known))
            )
    chosen = known if wanted is None else [name for name in known if name in wanted.values()]
    for name, n_columns in Counter(chosen).items():
        if n_columns > 1:
            raise NextactError(f"{place}: {n_columns} columns are called {name!r}; names must differ")
    in_any_case: dict[str, str] = {}
    for name in chosen:
        other = in_any_case.setdefault(name.casefold(), name)
        if other != name:
            raise NextactError(f"{place}: the columns {other!r} and {name!r} differ in case alone; rename one of them")
    return chosen


def _other_separator(columns: list[str]) -> str | None:
    """A clause on tables whose lines were not split."""
    separators = [sign for sign in ";\t|" if len(columns) == 1 and sign in columns[0]]
    if not separators:
        return None
    return f"its one column is {columns[0]!r}: is its separator {separators[0]!r}? Then state `load_args: {{sep: ...}}`"


def _arrow_of(data: object, place: str) -> pa.Table:
    if hasattr(data, "collect"):  # a lazy polars frame
        data = data.collect()
    if not hasattr(data, "__arrow_c_stream__"):
        raise NextactError(f"{place}: an Ibis, pandas, polars or Arrow table is needed, got {type(data).__name__}")
    return pa.table(data)


def _arrow_column(values: pd.Series, place: str) -> pa.Array:
    if isinstance(values.dtype, pd.SparseDtype):
        values = pd.Series(np.asarray(values))
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        kinds = Counter(type(value).__name__ for value in values.dropna())
        rarest, n_rows = min(kinds.items(), key=lambda one: one[1])
        example = next(value for value in values.dropna() if type(value).__name__ == rarest)
        mixed = "a column of mixed types (" + ", ".join(f"{kind}: {n:,}" for kind, n in kinds.most_common()) + ")"
        problem = mixed if len(kinds) > 1 else f"{rarest} values that no table can hold"
        raise TableError(place, f"{problem}; {rarest}", n_rows, example) from error
    except UnicodeEncodeError as error:
        broken = [value for value in values.dropna() if not _is_unicode(value)]
        raise TableError(place, "text that is not Unicode", len(broken), broken[0]) from error


def _is_unicode(value: object) -> bool:
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _reaches(column: pa.ChunkedArray, bound: int) -> bool:
    return bool(pc.any(pc.greater_equal(pc.abs(column.cast(pa.float32())), bound)).as_py())


def _plain(arrow: pa.Table, place: str) -> pa.Table:
    """Columns in types that every engine knows: dictionaries decoded, nothing but nulls taken for text."""
    for at, field in enumerate(arrow.schema):
        kind = field.type
        if pa.types.is_float16(kind) and _reaches(arrow.column(at), EXACT_BELOW_FLOAT16):
            raise NextactError(
                f"{place}[{field.name!r}]: holds {kind} from {EXACT_BELOW_FLOAT16:,} on, where it stands for several "
                "whole numbers; store it as integers, float64 or text"
            )
        if isinstance(kind, pa.BaseExtensionType):
            raise NextactError(f"{place}[{field.name!r}]: holds {kind}; make it text, a number or a time first")
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        plain = pa.string() if pa.types.is_null(plain) else pa.float32() if pa.types.is_float16(plain) else plain
        if plain != kind:
            arrow = arrow.set_column(at, field.name, arrow.column(at).cast(plain))
    return arrow
