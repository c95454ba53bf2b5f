"""The option under which cells can be read that cannot be read as stated."""

from __future__ import annotations

import ibis

from nextact.events import columns as c
from nextact.events import reasons
from nextact.events.amounts import GROUPING, read_amount
from nextact.events.clock_text import ISO_FORMAT, formats_of
from nextact.events.contract import ColumnMap
from nextact.events.tables import as_table

EXAMPLES = 1_000
MOST = 0.9  # share of the cells that a form has to read


def other_form(raw: object, source: str, columns: ColumnMap, reason: str) -> str | None:
    """A clause that names the option which reads the cells of a rejected column.

    Args:
        raw: The raw table.
        source: Its name.
        columns: As stated.
        reason: Why most rows are rejected.

    Returns:
        ``None`` where no known form reads nine in ten of the first cells, or the column is no text.
    """
    if reason == reasons.NO_TIME:
        form = time_form(_texts(raw, source, columns, c.TIMESTAMP))
        if form == ISO_FORMAT:
            return "timestamp_unit: iso"
        return f"timestamp_format: '{form}'" if form else None
    if reason == reasons.UNREADABLE_VALUE:
        decimal = decimal_sign(_texts(raw, source, columns, c.VALUE))
        return f"value_decimal: '{decimal}'" if decimal and decimal != columns.value_decimal else None
    return None


def time_form(texts: list[str]) -> str | None:
    """The known format that reads most of the texts; ``None`` where none reads nine in ten."""
    form, n = next(iter(formats_of(texts).items()), (None, 0))
    return form if n >= MOST * len(texts) else None


def decimal_sign(texts: list[str]) -> str | None:
    """The sign before the fraction with which most of the texts are amounts; ``None`` as for :func:`time_form`.

    Example:
        >>> decimal_sign(["1,50 €", "12,25 €"])
        ','
        >>> decimal_sign(["yes", "no"])
    """
    if not texts:
        return None
    table = ibis.memtable({"text": texts}, schema={"text": "string"})
    counts = {sign: read_amount(table.text, sign).count().cast("int64") for sign in GROUPING}
    found = table.aggregate(**{f"n{at}": n for at, n in enumerate(counts.values())}).to_pyarrow().to_pylist()[0]
    n, sign = max(((n, sign) for n, sign in zip(found.values(), counts, strict=True)), key=lambda one: one[0])
    return sign if n >= MOST * len(texts) else None


def _texts(raw: object, source: str, columns: ColumnMap, name: str) -> list[str]:
    """The first different cells of a text column; none of another."""
    column = columns.columns()[name]
    table = as_table(raw, source, {name: column})
    if column is None or not table[column].type().is_string():
        return []
    given = table.select(text=table[column].strip()).filter(lambda t: t.text != "").limit(20 * EXAMPLES)
    texts: list[str] = given.distinct().limit(EXAMPLES).to_pyarrow()["text"].to_pylist()
    return texts
