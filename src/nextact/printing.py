"""Text that users wrote, made safe to print and to open: none of it acts on a terminal or counts in a spreadsheet."""

from __future__ import annotations

import re

# control characters, line and paragraph separators, changes of the direction of writing, halves of characters
_ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BEGINS_A_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are wide forms of the first


def printable(text: str, keep: str = "") -> str:
    r"""The text with what acts on a terminal written out, such as ``\\x1b``.

    Args:
        text: Any text; letters of all scripts stay.
        keep: Characters that stay, such as line breaks.

    Example:
        >>> print(printable("\x1b[31mred\r\nwine"))
        \x1b[31mred\r\nwine
    """
    return _ACTS.sub(lambda found: found[0] if found[0] in keep else _written_out(found[0]), text)


def csv_cell(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula: with an apostrophe in front where it would.

    Example:
        >>> csv_cell("=1+1"), csv_cell("red wine"), csv_cell("-5 °C")
        ("'=1+1", 'red wine', "'-5 °C")
    """
    return printable(f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text)


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
