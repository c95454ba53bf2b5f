"""Amounts as people write them: decimal commas, grouped thousands, currency signs."""

from __future__ import annotations

from typing import Literal

import ibis

Decimal = Literal[".", ","]

BLANKS = " \u00a0\u202f"  # thin and unbreakable ones group thousands too
APOSTROPHES = "'\u2019"
MINUS = "-\u2212"
GROUPING = {".": f",{APOSTROPHES}{BLANKS}", ",": f".{APOSTROPHES}{BLANKS}"}
CURRENCY = r"(?:\p{L}{0,3}\.?\p{Sc}|\p{L}{1,3}\.?)"  # €, US$, EUR, kr, Fr.


def amount_pattern(decimal: str) -> str:
    """The pattern of an amount. Groups: 1 an opening bracket, 2 and 4 a sign in front, 5 the number, 6 a sign after."""
    grouping = GROUPING[decimal]
    point = "\\" + decimal
    number = rf"(?:\d{{1,3}}(?:[{grouping}]\d{{3}})+|\d+)(?:{point}\d*)?|{point}\d+"
    gap = f"[{BLANKS}]*"
    sign = f"([{MINUS}+]?)"
    in_front = gap.join([r"^", r"(\(?)", sign, f"({CURRENCY})?", sign])
    return gap.join([in_front, f"({number})", f"([{MINUS}]?)", f"{CURRENCY}?", r"\)?", "$"])


def read_amount(text: ibis.Value, decimal: str) -> ibis.Value:
    """A number as float64 of text such as ``1.234,50 €``, null where it is none.

    A minus may stand before, between or after; accountants' brackets are one too.

    Args:
        text: What the table says.
        decimal: The sign before the fraction. The other one, apostrophes and blanks group thousands, and stand before
            three digits only.
    """
    pattern = amount_pattern(decimal)
    well_formed = text.re_search(pattern).ifelse(text, ibis.null("string"))
    digits = well_formed.re_extract(pattern, 5).re_replace(f"[{GROUPING[decimal]}]", "").replace(decimal, ".")
    negative = well_formed.re_extract(pattern, 1) == "("
    for group in (2, 4, 6):
        negative = negative | well_formed.re_extract(pattern, group).isin(list(MINUS))
    amount = digits.try_cast("float64") * negative.ifelse(-1.0, 1.0)
    return amount.coalesce(text.try_cast("float64")) if decimal == "." else amount
