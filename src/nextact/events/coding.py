"""Text as small whole numbers while events are sorted and counted: rows are narrower, and compare faster."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import ibis
import pyarrow as pa

from nextact.errors import NextactError
from nextact.events import columns as c
from nextact.events import reasons
from nextact.events.engines import in_memory, keep, named, prefers_codes

CODED = (c.USER_ID, c.ITEM_ID, c.EVENT_TYPE, c.SESSION_ID, c.REJECTED_CELLS)
FEW = 16  # so few texts are told apart one by one; more are looked up in a table
PLAIN = r"[A-Za-z0-9_ .:-]{1,64}"


@dataclass(frozen=True)
class Texts:
    """What the codes of a table stand for; nothing where the engine works on the text itself.

    Attributes:
        of: Column -> table of its distinct values: ``<column>_code`` (int32) and ``<column>_text``.
        few: Column -> its texts by code (int8), where there are at most :data:`FEW` and all are plain; the reasons too.
    """

    of: Mapping[str, ibis.Table] = field(default_factory=dict)
    few: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def knows(self, name: str) -> bool:
        """Whether a column is coded."""
        return name in self.of or name in self.few

    def decoded(self, rows: ibis.Table, names: Iterable[str] | None = None) -> ibis.Table:
        """The rows with text in these columns (all, if left out); columns that hold text already stay."""
        chosen = rows.columns if names is None else names
        coded = [
            name for name in chosen if self.knows(name) and name in rows.columns and rows[name].type().is_integer()
        ]
        return self._exchanged(rows, coded, "code", "text") if coded else rows

    def coded(self, rows: ibis.Table, names: Iterable[str]) -> ibis.Table:
        """The rows with codes in these columns, null for text that has none."""
        return self._exchanged(rows, [name for name in names if self.knows(name)], "text", "code")

    def keep(self, rows: ibis.Table) -> ibis.Table:
        """The rows worked out now; a coded column that says the same in all of them is not stored, nor ever sorted."""
        same = {name: value for name, value in self._same().items() if name in rows.columns}
        same = {name: value for name, value in same.items() if rows[name].type().is_integer()}
        return keep(rows.drop(*same)).mutate(**same).select(*rows.columns) if same else keep(rows)

    def _same(self) -> dict[str, ibis.Value]:
        same: dict[str, ibis.Value] = {name: ibis.null("int8") for name, texts in self.few.items() if not texts}
        return same | ({c.SOURCE: ibis.literal(0, "int16")} if len(self.few.get(c.SOURCE, ())) == 1 else {})

    def _exchanged(self, rows: ibis.Table, names: list[str], old: str, new: str) -> ibis.Table:
        told_apart = {name: _told_apart(rows[name], self.few[name], new) for name in names if name in self.few}
        joined = rows = rows.mutate(**told_apart) if told_apart else rows
        many = [name for name in names if name not in self.few]
        for name in many:
            joined = joined.left_join(self.of[name], [(name, f"{name}_{old}")])
        kept = {name: joined[f"{name}_{new}"] if name in many else joined[name] for name in rows.columns}
        return joined.select(**kept) if many else rows


def encode(
    tables: Mapping[str, ibis.Table], empty: Collection[str] = (), positions: bool = True
) -> tuple[ibis.Table, Texts]:
    """All sources as one kept table, with codes for text where the engine is the better for it.

    Args:
        tables: Source name -> its rows in the contract's columns.
        empty: Columns without any text, which need not be looked through.
        positions: Whether ``position`` says more than ``source_row``; else it is not stored twice.

    Returns:
        The rows, and what their codes stand for. Codes of ``source`` have the order of the names, those of
        ``rejected_reason`` that of :func:`~nextact.events.reasons.of_cleaning`; the others have none.

    Raises:
        NextactError: If a table gives other rows each time it is read.
    """
    whole = _union(tables.values())
    if not prefers_codes(whole):
        return keep(whole), Texts()
    sources = {name: code for code, name in enumerate(sorted(tables))}
    numbered = _union(rows.mutate(**{c.SOURCE: ibis.literal(sources[name], "int16")}) for name, rows in tables.items())
    with named(numbered) as rows:
        tables_of = {name: keep(_distinct(rows, name)) for name in CODED if name not in empty}
        listed = {c.SOURCE: _listed(c.SOURCE, list(sources))}
        few = dict.fromkeys(empty, ()) | _few(tables_of | listed) | {c.REJECTED_REASON: reasons.of_cleaning()}
        texts = Texts(tables_of | listed, few)
        coded = texts.coded(rows, (*CODED, c.REJECTED_REASON))
        kept = texts.keep(coded if positions else coded.drop(c.POSITION))
    _refuse_changes(kept, ", ".join(tables))
    return kept if positions else kept.mutate(**{c.POSITION: kept[c.SOURCE_ROW].cast("float64")}).select(
        *whole.columns
    ), texts


def _few(tables: Mapping[str, ibis.Table]) -> dict[str, tuple[str, ...]]:
    """The texts of columns that have few; they go into queries as they are, so odd ones stay in their tables."""
    heads = {name: table.limit(FEW + 1).to_pyarrow().sort_by(f"{name}_code") for name, table in tables.items()}
    texts = {name: tuple(head[f"{name}_text"].to_pylist()) for name, head in heads.items() if len(head) <= FEW}
    return {name: found for name, found in texts.items() if all(re.fullmatch(PLAIN, text) for text in found)}


def _told_apart(column: ibis.Value, texts: tuple[str, ...], new: str) -> ibis.Value:
    nothing = ibis.null("int8" if new == "code" else "string")
    if not texts:
        return nothing
    cases = [(column == code, text) if new == "text" else (column == text, code) for code, text in enumerate(texts)]
    return ibis.cases(*cases, else_=nothing).cast(nothing.type())


def _union(tables: Iterable[ibis.Table]) -> ibis.Table:
    first, *others = tables
    return first.union(*others) if others else first


def _distinct(rows: ibis.Table, name: str) -> ibis.Table:
    texts = rows.filter(rows[name].notnull()).select(**{f"{name}_text": rows[name]}).distinct()
    return texts.mutate(**{f"{name}_code": ibis.row_number().cast("int32")})


def _listed(name: str, texts: list[str]) -> ibis.Table:
    codes = pa.array(range(len(texts)), pa.int32())
    return in_memory(pa.table({f"{name}_code": codes, f"{name}_text": pa.array(texts, pa.string())}))


def _refuse_changes(kept: ibis.Table, place: str) -> None:
    """The texts and the rows are read one after the other: a row may name a text that was not there before."""
    lost = kept.filter(kept[c.REJECTED_REASON].isnull() & (kept[c.USER_ID].isnull() | kept[c.ITEM_ID].isnull()))
    if n_lost := int(lost.count().execute()):
        raise NextactError(f"{place}: the table changed while it was read, in {n_lost:,} row(s); read a copy of it")
