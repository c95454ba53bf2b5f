"""Options: frozen, typed and checked once, before any node runs."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from nextact.errors import NextactError, shorten, suggest

T = TypeVar("T")

Count = Annotated[int, Field(ge=1)]
WholeNumber = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, le=2_000_000_000)]  # LightGBM takes 32 bits, and boosters count on from it
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
InnerShare = Annotated[float, Field(gt=0, lt=1)]
Factor = Annotated[float, Field(gt=0, le=1)]
Name = Annotated[str, Field(min_length=1)]

BOUNDS = ("ge", "gt", "le", "lt")
OF_BOUNDS = ("greater_than_equal", "greater_than", "less_than_equal", "less_than")
STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


class OptionsError(NextactError):
    """A block of options that cannot be used."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def options(cls: type[T]) -> type[T]:
    """Make a class a frozen block of options.

    Its fields are keyword-only, an unknown name, a wrong type or a number that is none or infinite raises an
    :class:`OptionsError`, and Kedro builds it from the ``params:`` input of a node that is hinted with it. Bounds stand
    at the field; what binds several fields is checked in ``__post_init__``, whose ``ValueError`` begins with the name
    of a field.

    Example:
        >>> @options
        ... class Example:
        ...     n_rows: Count = 3
        >>> Example(n_rows=2).n_rows
        2
        >>> Example(n_row=2)
        Traceback (most recent call last):
        nextact.options.OptionsError: Example has no option 'n_row'; did you mean 'n_rows'?
        >>> Example(n_rows="many")
        Traceback (most recent call last):
        nextact.options.OptionsError: Example.n_rows should be a valid integer..., got 'many'
        >>> Example(n_rows=0)
        Traceback (most recent call last):
        nextact.options.OptionsError: Example.n_rows must be at least 1, got 0
    """
    checked: Any = checked_dataclass(frozen=True, kw_only=True, config=STRICT)(cls)
    build = checked.__init__

    @functools.wraps(build)
    def build_or_say_why(self: Any, *arguments: Any, **values: Any) -> None:
        fields: dict[str, Any] = checked.__pydantic_fields__
        _refuse_truths(cls.__name__, values, fields)
        try:
            build(self, *arguments, **values)
        except ValidationError as error:
            said = [_line(cls.__name__, found, fields) for found in error.errors(include_url=False)]
            raise OptionsError("; ".join(dict.fromkeys(said))) from None

    checked.__init__ = build_or_say_why
    result: type[T] = checked
    return result


RENAMED: dict[str, dict[str, str]] = {}  # class -> old name of an option -> new name


def renamed(block: type, names: Mapping[str, str]) -> None:
    """Have old names of options answered with the new ones.

    Args:
        block: Class of options.
        names: Old name -> new one, dotted where it stands in a block of the block.
    """
    RENAMED[block.__name__] = dict(names)


def plain(value: object) -> Any:
    """A value as JSON gives it back: options as dictionaries, tuples as lists, what JSON has no word for as text.

    Example:
        >>> plain({"ks": (5, 10)})
        {'ks': [5, 10]}
    """
    return json.loads(json.dumps(_as_dictionary(value), default=_as_dictionary))


def _as_dictionary(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value if isinstance(value, (dict, list, tuple, str, int, float, bool, type(None))) else str(value)


def check_value(name: str, value: object, hint: Any) -> None:
    """Check a parameter that is no block.

    Raises:
        OptionsError: If the value does not fit the hint.

    Example:
        >>> check_value("seed", -1, Seed)
        Traceback (most recent call last):
        nextact.options.OptionsError: seed must be in [0, 2000000000], got -1
    """
    _refuse_truth(name, value, hint)
    try:
        TypeAdapter(hint, config=ConfigDict(allow_inf_nan=False)).validate_python(value)
    except ValidationError as error:
        bounds = _bounds(_metadata(hint))
        lines = [_words(found, _place(name, found["loc"]), bounds) for found in error.errors(include_url=False)]
        raise OptionsError("; ".join(dict.fromkeys(lines))) from None


def _refuse_truths(place: str, values: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """Refuse true and false where a number is expected, in blocks of the block too."""
    for name, value in values.items():
        if name not in fields:
            continue
        inner = getattr(fields[name].annotation, "__pydantic_fields__", None)
        if inner is not None and isinstance(value, Mapping):
            _refuse_truths(f"{place}.{name}", value, inner)
        else:
            _refuse_truth(f"{place}.{name}", value, fields[name].annotation)


def _refuse_truth(place: str, value: object, hint: Any) -> None:
    """Refuse true and false where a number is expected; pydantic would take them for 1 and 0."""
    kinds = set(_kinds(hint))
    if isinstance(value, bool) and kinds & {int, float} and bool not in kinds:
        raise OptionsError(f"{place} should be a number, got {value}")


def _kinds(hint: Any) -> Iterator[Any]:
    """A hint and all hints in it."""
    yield hint
    for inner in get_args(hint):
        yield from _kinds(inner)


def _metadata(hint: Any) -> list[Any]:
    """The bounds at a hint or at a hint in it."""
    return [one for kind in _kinds(hint) for one in getattr(kind, "__metadata__", ())]


def _line(block: str, found: Any, fields: Mapping[str, Any]) -> str:
    """One of pydantic's findings, in our words."""
    *outer, last = map(str, found["loc"]) if found["loc"] else ("",)
    if found["type"] == "unexpected_keyword_argument":
        if not outer and last in RENAMED.get(block, {}):
            return f"{block}.{last} is {block}.{RENAMED[block][last]} now"
        known = _fields_inside(fields, outer)
        hint = f"; {suggest(last, known)}" if known else ""
        return f"{'.'.join([block, *outer])} has no option {last!r}{hint}"
    place = _place(block, found["loc"])
    if found["type"] == "value_error":  # raised by the class itself, in its own words
        said = str(found["msg"]).removeprefix("Value error, ")
        if said.startswith(f"{block}.") or said.startswith(f"{block} "):
            return said
        inside = _fields_inside(fields, map(str, found["loc"]))
        return f"{place}.{said}" if re.split(r"[\s.\[:]", said)[0] in inside else f"{place}: {said}"
    names = [str(part) for part in found["loc"] if not isinstance(part, int)]
    field = _fields_inside(fields, names[:-1]).get(names[-1]) if names else None
    return _words(found, place, _bounds([*field.metadata, *_metadata(field.annotation)] if field else ()))


def _fields_inside(fields: Mapping[str, Any], within: Iterable[str]) -> Mapping[str, Any]:
    """Fields of a block of a block; none where there is no such one."""
    for name in within:
        inner = fields[name].annotation if name in fields else None
        fields = getattr(inner, "__pydantic_fields__", {})
    return fields


def _place(name: str, within: Iterable[Any]) -> str:
    """Where something is, as a parameters file writes it.

    Example:
        >>> _place("validation", ("ks", 0))
        'validation.ks[0]'
    """
    parts = [part for part in within if part not in ("float", "str")]  # a branch of a union
    return name + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)


def _words(found: Any, place: str, bounds: str) -> str:
    got = shorten(found["input"])
    if found["type"] == "literal_error":
        return f"{place} should be {found['ctx']['expected']}, got {found['input']!r}"
    if found["type"] == "missing":
        return f"{place} is missing"
    if found["type"] == "dataclass_type":
        return f"{place} must be a block of options, got {got}"
    if found["type"] in ("string_too_short", "too_short"):
        return f"{place} must not be empty"
    if found["type"] in OF_BOUNDS:
        return f"{place} must be {bounds or _bound(found)}, got {got}"
    said = str(found["msg"]).removeprefix("Input ").replace("a valid tuple", "a list").replace("dictionary", "mapping")
    return f"{place} {said}, got {got}"


def _bound(found: Any) -> str:
    """The bound that was broken."""
    words = dict(zip(BOUNDS, ("at least", "above", "at most", "below"), strict=True))
    return " and ".join(f"{words[name]} {value:g}" for name, value in found["ctx"].items() if name in words)


def _bounds(metadata: Iterable[Any]) -> str:
    """Both bounds of a field that has two, as an interval; nothing else.

    Example:
        >>> _bounds(Factor.__metadata__), _bounds(Count.__metadata__)
        ('in (0, 1]', '')
    """
    parts = [part for one in metadata for part in getattr(one, "metadata", [one])]
    found = {name: getattr(part, name) for part in parts for name in BOUNDS if hasattr(part, name)}
    if len(found) < 2:
        return ""
    low, high = found.get("ge", found.get("gt")), found.get("le", found.get("lt"))
    return f"in {'[' if 'ge' in found else '('}{low}, {high}{']' if 'le' in found else ')'}"
