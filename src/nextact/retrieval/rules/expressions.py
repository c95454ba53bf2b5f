"""Conditions on item columns, as in ``price < 20 and in_stock and available_until > now``.

They are parsed into a syntax tree of which only comparisons, ``and``, ``or`` and ``not`` are let through, and worked
out column by column. Nothing is ever evaluated as Python.

A comparison with a missing value is neither true nor false, as in SQL, and what is not true is not shown: neither
``price < 20`` nor ``not (price < 20)`` lets an item without a price through. ``price == None`` asks for a missing one.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nextact.errors import NextactError, shorten
from nextact.events.moments import NOW, microseconds
from nextact.retrieval.rules.item_columns import ItemColumns, Kind, Truths

MOST_CHARACTERS = 2_000
DEEPEST = 20  # conditions inside one another
WHAT = "an expression compares columns with values, joined by and, or, not"
QUOTED = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`([^`\n]+)`""")
BACKTICKED = "__column_{}__"
WORDS = {"true": True, "false": False, "null": None, "none": None}  # as YAML, JSON and SQL write them
ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
EQUALS = (ast.Eq, ast.NotEq)
MEMBERS = (ast.In, ast.NotIn)
IDENTITIES = (ast.Is, ast.IsNot)
COMPARE = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
HINTS = (  # what is often written instead
    (r"(?<![<>=!])=(?!=)", "write == for 'equals'"),
    (r"<>", "write != for 'differs from'"),
    (r"&&?|\|\|?", "write and, or"),
    (r"(?i)\bis\s+(not\s+)?null\b", "write == None, != None"),
    (r"\b(AND|OR|NOT|IN)\b", "write and, or, not, in"),
)


class ExpressionError(NextactError):
    """A condition that cannot be read, or does not fit the columns."""


@dataclass(frozen=True)
class Expression:
    """A condition that was parsed.

    Attributes:
        text: As it was written.
        tree: Of comparisons, ``and``, ``or``, ``not`` alone.
        backticked: Stand-in -> column whose name is no Python name and was written in backticks.
    """

    text: str
    tree: ast.expr
    backticked: dict[str, str]

    @property
    def columns(self) -> list[str]:
        """The columns that it names."""
        names = [one.id for one in ast.walk(self.tree) if isinstance(one, ast.Name) and _is_column(one)]
        return sorted({self.backticked.get(name, name) for name in names})

    def true_of(self, columns: ItemColumns, now: int | None, place: str) -> Truths:
        """Of which items it is true, bool [n_items + 1]; never of padding.

        Args:
            columns: Of the items.
            now: Microseconds since 1970 UTC; None where the log has no times.
            place: The rule, for messages.

        Raises:
            ExpressionError: If it names an unknown column or compares what cannot be compared.
        """
        for name in self.columns:
            columns.require(name, place)
        true, _ = _Reading(self, columns, now, place).condition(self.tree)
        return true


def parse(text: str) -> Expression:
    """Read a condition.

    Raises:
        ExpressionError: If it is empty, too long, too deep or says anything but conditions.

    Example:
        >>> parse("price < 20 and in_stock").columns
        ['in_stock', 'price']
        >>> parse("len(title) > 3")
        Traceback (most recent call last):
        nextact.retrieval.rules.expressions.ExpressionError: calls 'len(title)'; an expression compares columns ...
    """
    if not text.strip():
        raise ExpressionError("is empty; leave it out, where nothing is asked")
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(f"has {len(text):,} characters, more than the {MOST_CHARACTERS:,} allowed")
    backticked: dict[str, str] = {}
    plain = QUOTED.sub(lambda found: _stand_in(found, backticked), text.strip())
    try:
        tree = ast.parse(plain.replace("\n", " "), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(_unreadable(text, error)) from None
    _check_condition(tree, plain, 1)
    return Expression(text.strip(), tree, backticked)


def _stand_in(found: re.Match[str], backticked: dict[str, str]) -> str:
    """A Python name in place of a column in backticks; quoted texts stay."""
    if found[1] is None:
        return found[0]
    name = BACKTICKED.format(len(backticked))
    backticked[name] = found[1]
    return name


def _unreadable(text: str, error: BaseException) -> str:
    if isinstance(error, (RecursionError, MemoryError)) or "nested" in str(error):
        return f"has conditions inside one another deeper than the {DEEPEST} allowed"
    bare = QUOTED.sub("", text)
    hint = next((hint for pattern, hint in HINTS if re.search(pattern, bare)), WHAT)
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{shorten(text)} cannot be read: {said}; {hint}"


def _check_condition(node: ast.expr, text: str, depth: int) -> None:
    """Let through what is a condition."""
    if depth > DEEPEST:
        raise ExpressionError(f"has conditions inside one another deeper than the {DEEPEST} allowed")
    if isinstance(node, ast.BoolOp):
        for part in node.values:
            _check_condition(part, text, depth + 1)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check_condition(node.operand, text, depth + 1)
    elif isinstance(node, ast.Compare):
        for left, how, right in _pairs(node):
            _check_comparison(left, how, right, text)
    elif not isinstance(node, ast.Name) or node.id in {*WORDS, NOW}:
        raise _refused(node, text)


def _pairs(node: ast.Compare) -> Iterator[tuple[ast.expr, ast.cmpop, ast.expr]]:
    """``1 < price < 5`` as its two comparisons."""
    yield from zip([node.left, *node.comparators[:-1]], node.ops, node.comparators, strict=True)


def _check_comparison(left: ast.expr, how: ast.cmpop, right: ast.expr, text: str) -> None:
    if isinstance(how, MEMBERS):
        if not _is_column(left) or not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts:
            raise ExpressionError(f"{_said(left, text)} in …: write a column in a list of values: brand in ['A', 'B']")
        for one in right.elts:
            if _value(one, text) is None:
                raise ExpressionError("a list of values holds None; write brand == None or brand in ['A', 'B']")
        return
    for side in (left, right):
        if not isinstance(side, ast.Name) or side.id in WORDS:
            _value(side, text)
    if not (_is_column(left) or _is_column(right)):
        raise ExpressionError(f"compares {_said(left, text)} with {_said(right, text)}, and neither is a column")
    missing = any(_is_missing(side) for side in (left, right))
    if isinstance(how, IDENTITIES) and not missing:
        raise ExpressionError("'is' asks for None alone; write == for 'equals'")
    if isinstance(how, ORDERS) and missing:
        raise ExpressionError("None is neither more nor less than anything; write == None or != None")


def _is_column(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id not in {*WORDS, NOW}


def _is_missing(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in WORDS and WORDS[node.id] is None
    return isinstance(node, ast.Constant) and node.value is None


def _value(node: ast.expr, text: str) -> str | float | bool | None:
    """The value that a node writes out."""
    if isinstance(node, ast.Name) and node.id in WORDS:
        return WORDS[node.id]
    sign = 1.0
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1.0, node.operand
    if isinstance(node, ast.Constant):
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return sign * _number(node.value)
        if sign > 0 and isinstance(node.value, str | bool | None):
            return node.value
    raise _refused(node, text)


def _number(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        raise ExpressionError("a number is too large to be compared")
    return number


def _said(node: ast.expr, text: str) -> str:
    return shorten(ast.get_source_segment(text, node) or text)


def _refused(node: ast.expr, text: str) -> ExpressionError:
    kinds: tuple[tuple[type[ast.expr], str], ...] = (
        (ast.Call, "calls"),
        (ast.Attribute, "looks into"),
        (ast.Subscript, "looks into"),
        (ast.Lambda, "defines"),
        (ast.BinOp, "works out"),
    )
    what = next((verb for kind, verb in kinds if isinstance(node, kind)), "says")
    hint = "write and, or" if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr) else WHAT
    return ExpressionError(f"{what} {_said(node, text)}; {hint}")


@dataclass(frozen=True)
class _Side:
    """One side of a comparison: values by item, or one value for all of them."""

    kind: Kind
    values: Any
    known: Truths | np.bool_
    name: str
    column: str | None = None


class _Reading:
    """Works a condition out: of which items it is true, and of which it is false; of the others a value is missing."""

    def __init__(self, expression: Expression, columns: ItemColumns, now: int | None, place: str) -> None:
        self.expression, self.columns, self.now, self.place = expression, columns, now, place

    def condition(self, node: ast.expr) -> tuple[Truths, Truths]:
        if isinstance(node, ast.BoolOp):
            parts = [self.condition(part) for part in node.values]
            every, some = (np.all, np.any) if isinstance(node.op, ast.And) else (np.any, np.all)
            return every([true for true, _ in parts], axis=0), some([false for _, false in parts], axis=0)
        if isinstance(node, ast.UnaryOp):
            true, false = self.condition(node.operand)
            return false, true
        if isinstance(node, ast.Compare):
            parts = [self.comparison(*pair) for pair in _pairs(node)]
            return np.all([true for true, _ in parts], axis=0), np.any([false for _, false in parts], axis=0)
        side = self.side(node)
        if side.kind == "nothing":
            return np.zeros_like(side.known, bool), np.zeros_like(side.known, bool)
        if side.kind != "true or false":
            raise self.refused(f"{side.name} holds {side.kind} values, not true or false; compare it with one")
        known = np.asarray(side.known)
        return known & side.values, known & ~side.values

    def comparison(self, left: ast.expr, how: ast.cmpop, right: ast.expr) -> tuple[Truths, Truths]:
        if isinstance(how, MEMBERS):
            listed = right.elts if isinstance(right, ast.List | ast.Tuple | ast.Set) else []
            found = self.member(left, [_value(one, self.expression.text) for one in listed])
            return found if isinstance(how, ast.In) else found[::-1]
        if _is_missing(left) or _is_missing(right):
            column = self.side(right if _is_missing(left) else left)
            there = np.asarray(column.known)
            missing = ~there
            missing[0] = False  # padding is no item
            return (missing, there) if isinstance(how, ast.Eq | ast.Is) else (there, missing)
        one, other = self.alike(self.side(left), self.side(right))
        known = np.asarray(one.known & other.known)
        if "nothing" in (one.kind, other.kind):
            return np.zeros_like(known), np.zeros_like(known)
        if one.kind == "true or false" and not isinstance(how, EQUALS):
            raise self.refused(f"{one.name} and {other.name} are true or false; == and != compare them")
        true = np.broadcast_to(np.asarray(COMPARE[type(how)](one.values, other.values), bool), known.shape)
        return known & true, known & ~true

    def member(self, left: ast.expr, values: list[Any]) -> tuple[Truths, Truths]:
        column = self.side(left)
        others = [self.alike(column, _side_of(value)) for value in values]
        if column.kind == "nothing":
            return np.zeros_like(column.known, bool), np.zeros_like(column.known, bool)
        column = others[0][0]
        known = np.asarray(column.known)
        true = pd.Series(column.values).isin([other.values for _, other in others]).to_numpy(bool)
        return known & true, known & ~true

    def side(self, node: ast.expr) -> _Side:
        if not isinstance(node, ast.Name) or node.id in WORDS:
            return _side_of(_value(node, self.expression.text))
        if node.id == NOW:
            if self.now is None:
                raise self.refused("names now, but times of this log are no moments; say as_of")
            return _Side("time", np.int64(self.now or 0), np.bool_(True), NOW)
        name = self.expression.backticked.get(node.id, node.id)
        column = self.columns.read(name, self.place)
        return _Side(column.kind, column.values, column.known, f"column {name!r}", name)

    def alike(self, one: _Side, other: _Side) -> tuple[_Side, _Side]:
        """Both sides as the same kind; text that stands beside a time is read as one."""
        if one.kind == other.kind or "nothing" in (one.kind, other.kind):
            return one, other
        if {one.kind, other.kind} == {"time", "text"}:
            return self.time(one), self.time(other)
        raise self.refused(f"compares {one.name}, which is {one.kind}, with {other.name}, which is {other.kind}")

    def time(self, side: _Side) -> _Side:
        if side.kind == "time":
            return side
        if side.column is not None:
            column = self.columns.as_times(side.column, self.place)
            return _Side(column.kind, column.values, column.known, side.name, side.column)
        try:
            return _Side("time", np.int64(microseconds(str(side.values))), np.bool_(True), side.name)
        except (NextactError, OverflowError) as error:
            raise self.refused(f"{side.name} stands beside a time and is none ({error})") from None

    def refused(self, problem: str) -> ExpressionError:
        return ExpressionError(f"{self.place}: {shorten(self.expression.text)}: {problem}")


def _side_of(value: Any) -> _Side:
    kind: Kind = "true or false" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    return _Side(kind, value, np.bool_(True), shorten(value))
