"""One text an item, joined from the columns of the item table."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

import pandas as pd

from nextact.errors import NextactError, TableError, suggest

SEPARATOR = ", "
# Between two columns: what closes the first, what separates the two, what opens the second.
_BETWEEN = re.compile(r"([)\]}>\"'\u201d\u2019»]*)([\s,;|/·:.\-\u2013\u2014]*)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Part:
    """One column of a template with the text that comes and goes with it.

    Attributes:
        column: Name of the column.
        separator: Written before the part, where an earlier part is there.
        before: Written directly before the value, for example ``"("``.
        after: Written directly after the value, for example ``")"``.
    """

    column: str
    separator: str = ""
    before: str = ""
    after: str = ""


def join_item_text(
    columns: Mapping[str, Sequence[object]] | pd.DataFrame,
    text_columns: Sequence[str],
    template: str | None = None,
) -> list[str]:
    """Join the text columns of each item into one text.

    Args:
        columns: Column name to values, one value an item, all columns equally long. A value is a
            ``str`` or missing (``None``, NaN, NA). Not modified.
        text_columns: The columns to read, in the order in which they are joined.
        template: Optional layout such as ``"{title} ({brand}), {categories}"``, over columns of
            ``text_columns``. Columns that it leaves out are not read. Brackets and words around a
            column come and go with it, and so does the separator in front of it.

    Returns:
        One text an item, outer spaces removed; ``""`` where an item has none.

    Raises:
        NextactError: If a column is unknown, the columns differ in length, or the template is broken.
        TableError: If a value is neither a ``str`` nor missing.

    Example:
        >>> items = {"title": ["Milk", "Tea", None], "brand": ["Dairy", None, None], "size": ["1 l", " ", None]}
        >>> join_item_text(items, ["title", "brand", "size"])
        ['Milk, Dairy, 1 l', 'Tea', '']
        >>> join_item_text(items, ["title", "brand", "size"], "{title} ({brand}), {size}")
        ['Milk (Dairy), 1 l', 'Tea', '']
    """
    _check_names(text_columns, list(columns.keys()), "text_columns")
    parts = _default_parts(text_columns) if template is None else template_parts(template, text_columns)
    values = [_column_values(list(columns[part.column]), part.column) for part in parts]
    if len({len(column) for column in values}) > 1:
        lengths = ", ".join(f"{part.column!r} {len(column):,}" for part, column in zip(parts, values, strict=True))
        raise NextactError(f"text_columns: the columns differ in length: {lengths}")
    return [_join(parts, row) for row in zip(*values, strict=True)]


def template_parts(template: str, text_columns: Sequence[str]) -> list[Part]:
    """Split a template into its columns and the text that belongs to each.

    Args:
        template: Text with column names in braces; ``{{`` and ``}}`` stand for braces.
        text_columns: The columns that the template may name.

    Returns:
        One part a column, in the order of the template.

    Raises:
        NextactError: If a column is not in ``text_columns``, or no column is named.

    Example:
        >>> template_parts("{title} (by {brand})", ["title", "brand"])[1]
        Part(column='brand', separator=' ', before='(by ', after=')')
    """
    literals, names = _literals_and_names(template)
    _check_names(names, text_columns, "template")
    after, separators, before = [], [""], [literals[0]]
    for literal in literals[1:-1]:
        closing, separator, opening = _between(literal)
        after.append(closing)
        separators.append(separator)
        before.append(opening)
    after.append(literals[-1])
    return [Part(*fields) for fields in zip(names, separators, before, after, strict=True)]


def _literals_and_names(template: str) -> tuple[list[str], list[str]]:
    """The texts around the columns, always one more than the columns, and the columns."""
    literals, names = [""], []
    try:
        for literal, name, spec, conversion in Formatter().parse(template):
            literals[-1] += literal
            if name is None:
                continue
            if spec or conversion:
                raise NextactError(f"template: {{{name}}} takes a column name only, without ':' or '!'")
            names.append(name)
            literals.append("")
    except ValueError as error:
        raise NextactError(f"template: {error} in {template!r}") from error
    if not names:
        raise NextactError(f"template: names no column, e.g. '{{title}}', in {template!r}")
    return literals, names


def _between(literal: str) -> tuple[str, str, str]:
    match = _BETWEEN.fullmatch(literal)
    assert match is not None  # every piece of the pattern may be empty
    closing, separator, opening = match.groups()
    return closing, separator, opening


def _default_parts(text_columns: Sequence[str]) -> list[Part]:
    if not text_columns:
        raise NextactError("text_columns: names no column; an item text needs at least one")
    return [Part(name, separator=SEPARATOR) for name in text_columns]


def _check_names(names: Sequence[str], known: Sequence[str], place: str) -> None:
    for name in names:
        if name not in known:
            raise NextactError(f"{place}: no column {name!r}; {suggest(name, map(str, known))}")


def _column_values(column: Sequence[object], name: str) -> list[str]:
    """The values without outer spaces; ``""`` for a missing one."""
    wrong = [value for value in column if not isinstance(value, str) and not _is_missing(value)]
    if wrong:
        raise TableError(f"items[{name!r}]", "not a text", len(wrong), wrong[0])
    return [value.strip() if isinstance(value, str) else "" for value in column]


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _join(parts: list[Part], values: tuple[str, ...]) -> str:
    text = ""
    for part, value in zip(parts, values, strict=True):
        if value:
            text += (part.separator if text else "") + part.before + value + part.after
    return text.strip()
