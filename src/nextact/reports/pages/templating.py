"""The templates of pages and cards: what comes from data is escaped, and a name nobody gave stops the writing."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nextact.events.quality.warnings import percent
from nextact.reports import numbers
from nextact.reports.pages import evaluation_words

_MARK = re.compile(r"(?P<interval>\[[-+.\d]+, [-+.\d]+\](?![(\[:]))|[\\`*_\[\]|#]")
_FILTERS = {
    "whole": numbers.whole,
    "decimal": numbers.decimal,
    "share": numbers.share,
    "percent": percent,
    **{name: getattr(evaluation_words, name) for name in ("interval", "ends", "signed", "counts", "joined")},
}


def render(template: str, **context: Any) -> str:
    """A page of HTML, or Markdown where the template is called ``.md``.

    Raises:
        UndefinedError: If the template uses a name that the context lacks.
    """
    return _environment(template.endswith(".md")).get_template(template).render(context)


def plain(value: object) -> str:
    r"""Text without what Markdown and HTML would read as marks, in one line; an interval stays as it is.

    Example:
        >>> plain("*a*_<b>"), plain("0.50 [0.25, 0.75]")
        ('\\*a\\*\\_&lt;b&gt;', '0.50 [0.25, 0.75]')
    """
    words = _MARK.sub(lambda found: found["interval"] or f"\\{found[0]}", " ".join(str(value).split()))
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@cache
def _environment(is_markdown: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("nextact.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_escaped if is_markdown else _unbroken,
    )
    environment.filters.update(_FILTERS)
    return environment


def _escaped(value: object) -> object:
    return value if isinstance(value, Markup) else Markup(plain(value))


def _unbroken(value: object) -> object:
    """A percentage is not torn apart at the end of a line."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return str(value).replace(" %", "\u00a0%") if is_text else value
