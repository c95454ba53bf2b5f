"""What the cells of a column look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis

from nextact.events.clock_text import ISO, ISO_FORMAT, KNOWN_FORMATS, fits, formats_of
from nextact.events.moments import SECOND
from nextact.events.other_forms import decimal_sign
from nextact.events.reading import UNITS_PER_SECOND
from nextact.events.units import SENSIBLE

EXAMPLES = 1_000  # different cells of a column
TRIED = 300  # of them, on which formats of times are tried
TIMES = 0.8  # share of a column's examples that are times in known forms
NUMBERS = 0.9
SECOND_FORM = 0.01  # a further form is stated where it reads as many more of the cells


@dataclass(frozen=True)
class TimeForm:
    """How a column writes times.

    Attributes:
        unit: ``native``, ``iso``, ``s``, ``ms``, ``us``, or ``text`` where ``formats`` say it.
        formats: As ``timestamp_format`` takes them.
        share: Of the examples that can be read.
        days_only: Whether no cell names an hour.
        zones: What cells say of their zone: offsets as written, and ``""`` where some say nothing.
        either: A second format that would read all of them as well, with day and month the other way round.
    """

    unit: str
    formats: tuple[str, ...] = ()
    share: float = 1.0
    days_only: bool = False
    zones: tuple[str, ...] = ("",)
    either: str | None = None

    @property
    def in_words(self) -> str:
        """The form for people."""
        words = {"native": "a time type", "iso": "ISO text", "text": ", then ".join(self.formats)}
        return words.get(self.unit, f"numbers of {self.unit} since 1970")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: As the table has it.
        kind: Ibis type in words.
        n: Rows looked at.
        n_given: Those whose cell says something.
        n_distinct: Different cells.
        texts: Different cells as text, at most :data:`EXAMPLES`.
        time: How it writes times, where it does.
        decimal: Sign before the fraction of amounts as people write them; ``""`` for plain numbers, ``None`` for none.
        zeros: Different cells that are whole numbers with a leading zero.
    """

    name: str
    kind: str
    n: int
    n_given: int
    n_distinct: int
    texts: tuple[str, ...]
    time: TimeForm | None
    decimal: str | None
    zeros: int

    @property
    def is_plain(self) -> bool:
        """Whether it can be an id: text or whole numbers, no time type, no fractions."""
        if self.kind.startswith(("string", "int", "uint", "uuid")):
            return not any(re.fullmatch(r"-?\d+[.,]\d+", text) for text in self.texts[:50])
        return self.kind.startswith(("float", "decimal")) and all(float(text).is_integer() for text in self.texts)

    @property
    def is_words(self) -> bool:
        """Whether cells hold words rather than codes."""
        worded = sum(bool(re.search(r"[^\W\d_]{4}", text)) for text in self.texts)
        return worded > len(self.texts) / 2


def profile(rows: ibis.Table) -> dict[str, Column]:
    """Name -> what the column looks like, of those that hold plain values."""
    plain = {name: kind for name, kind in rows.schema().items() if not kind.is_nested() and not kind.is_binary()}
    if not plain:
        return {}
    counts = _counts(rows, plain)
    return {name: _column(rows, name, kind, counts) for name, kind in plain.items()}


def _given(rows: ibis.Table, name: str) -> ibis.Value:
    column = rows[name]
    return column.strip().nullif("") if column.type().is_string() else column


def _counts(rows: ibis.Table, plain: Mapping[str, Any]) -> dict[str, int]:
    wanted: dict[str, ibis.Value] = {"n": rows.count()}
    for at, name in enumerate(plain):
        wanted |= {f"given {at}": _given(rows, name).count(), f"distinct {at}": _given(rows, name).nunique()}
    row: dict[str, int] = rows.aggregate(**wanted).to_pyarrow().to_pylist()[0]
    places = {name: at for at, name in enumerate(plain)}
    named = {f"{what} {name}": row[f"{what} {at}"] for name, at in places.items() for what in ("given", "distinct")}
    return {"n": row["n"]} | named


def _column(rows: ibis.Table, name: str, kind: Any, counts: Mapping[str, int]) -> Column:
    distinct = rows.select(cell=_given(rows, name)).filter(lambda t: t.cell.notnull()).distinct()
    sample = distinct.order_by(distinct.cell.hash(), "cell").limit(EXAMPLES)
    texts = tuple(str(one) for one in sample.cell.cast("string").to_pyarrow().to_pylist())
    if kind.is_string():
        cell = distinct.cell
        zeros = int(distinct.filter(cell.re_search(r"^0\d+$")).count().execute()) if texts else 0
    else:
        zeros = 0
    return Column(
        name=name,
        kind=str(kind),
        n=counts["n"],
        n_given=counts[f"given {name}"],
        n_distinct=counts[f"distinct {name}"],
        texts=texts,
        time=_time(kind, texts),
        decimal=_decimal(kind, texts),
        zeros=zeros,
    )


def _time(kind: Any, texts: tuple[str, ...]) -> TimeForm | None:
    if kind.is_timestamp() or kind.is_date():
        zone = str(getattr(kind, "timezone", None) or "")
        days_only = kind.is_date() or all(re.search(r" 00:00:00(\.0+)?$|^[-\d]+$", text) for text in texts)
        return TimeForm("native", zones=(zone,), days_only=days_only)
    if not texts or not (kind.is_string() or kind.is_integer() or kind.is_floating()):
        return None
    return _numbers_since_1970(texts) or (_written(_dates(texts)) if not kind.is_floating() else None)


def _dates(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts that forms are tried on; none where too few of them could be dates."""
    tried = texts[:TRIED]
    could_be = sum(len(text) >= 6 and any(sign.isdigit() for sign in text) for text in tried)
    return tried if could_be >= TIMES * len(tried) else ()


def _numbers_since_1970(texts: tuple[str, ...]) -> TimeForm | None:
    numbers = [float(text) for text in texts if re.fullmatch(r"\d{9,19}(\.\d+)?", text)]
    for unit, per_second in UNITS_PER_SECOND.items():
        size = SECOND / per_second
        sensible = sum(SENSIBLE[0] <= number * size < SENSIBLE[1] for number in numbers)
        if sensible >= TIMES * len(texts):
            return TimeForm(unit, share=sensible / len(texts), zones=("+00:00",))
    return None


def _written(texts: tuple[str, ...]) -> TimeForm | None:
    """The form that reads most, then those that read what is left."""
    found = _likely(formats_of(texts), len(texts)) if texts else []
    if not found:
        return None
    forms, left = [found[0]], [text for text in texts if not fits(text, found[0])]
    while left and (more := next(iter(formats_of(left).items()), None)) and more[1] > SECOND_FORM * len(texts):
        forms.append(more[0])
        left = [text for text in left if not fits(text, more[0])]
    share = 1 - len(left) / len(texts)
    if share < TIMES:
        return None
    days_only = all("%H" not in form and "%I" not in form for form in forms if form != ISO_FORMAT)
    if ISO_FORMAT in forms:
        days_only = days_only and not any(":" in text for text in texts)
    unit = "iso" if forms == [ISO_FORMAT] else "text"
    either = next((one for one in found[1:] if {one, found[0]} in DAY_AND_MONTH), None) if len(forms) == 1 else None
    return TimeForm(unit, () if unit == "iso" else tuple(forms), share, days_only, _zones(texts), either)


DAY_AND_MONTH = [
    {one, other} for one in KNOWN_FORMATS for other in KNOWN_FORMATS if one != other and sorted(one) == sorted(other)
]


def _likely(found: Mapping[str, int], n: int) -> list[str]:
    """Formats by how many texts they read; bare digits are dates only if all of them are of our days."""
    good = {
        form: count
        for form, count in found.items()
        if re.search(r"[^%\w]|T", form) or count >= 0.99 * n or form == ISO_FORMAT
    }
    if not good:
        return []
    most = max(good.values())
    return [form for form, count in good.items() if count == most]


def _zones(texts: tuple[str, ...]) -> tuple[str, ...]:
    zones = {found[2] or "" for text in texts if (found := re.match(ISO, text))}
    zones |= {
        found[1]
        for text in texts
        if (found := re.search(r"[:\d] ?([+-]\d\d:?\d\d)$", text)) and not re.match(ISO, text)
    }
    zones = {"Z" if one in ("z", "+00:00", "+0000") else one for one in zones}
    return tuple(sorted(zones)) or ("",)


def _decimal(kind: Any, texts: tuple[str, ...]) -> str | None:
    if kind.is_numeric():
        return ""
    if not texts or not kind.is_string():
        return None
    plain = sum(bool(re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text)) for text in texts)
    return "" if plain >= NUMBERS * len(texts) else decimal_sign(list(texts[:300]))
