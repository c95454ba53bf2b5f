"""Pieces of a page; every text that comes from data is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --paper: #fbfbfa; --ink: #23262b; --soft: #6a7078; --rule: #dcdfe3; --panel: #f1f2f3;
  --warn: #b45f06; --series-0: #3d78c2; --series-1: #d98a2b; --series-2: #3f9a75; --series-3: #a8588f;
  --series-4: #7b8490; --series-5: #c25450; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #1b1d20; --ink: #e3e5e8; --soft: #9aa1aa; --rule: #383c42; --panel: #25282c; --warn: #e0a04a;
    --series-0: #6a9fe0; --series-1: #e2a556; --series-2: #63b894; --series-3: #c581b1; --series-5: #d97f7b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; padding-top: .8rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { max-width: 46rem; margin: .5rem 0; }
.soft { color: var(--soft); }
.caption { color: var(--soft); margin: 1rem 0 -.2rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .8rem; margin: 1.4rem 0; }
.tile { background: var(--panel); border-radius: .4rem; padding: .7rem .9rem; }
.tile b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .85rem; }
.warnings { list-style: none; padding: 0; margin: .8rem 0; }
.warnings li { border-left: 4px solid var(--warn); background: var(--panel); padding: .6rem .9rem; margin: .5rem 0;
  border-radius: 0 .3rem .3rem 0; }
.warnings a { color: inherit; text-decoration-color: var(--soft); text-underline-offset: .2em; }
.warnings span { display: block; color: var(--soft); }
.wide { overflow-x: auto; }
.wide svg { min-width: 38rem; } /* a phone scrolls: labels would shrink with the chart */
table { border-collapse: collapse; margin: .6rem 0 1rem; font-size: .92rem; }
th, td { padding: .25rem .9rem .25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; white-space: nowrap; }
th:first-child, td:first-child { position: sticky; left: 0; background: var(--paper); }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
svg { width: 100%; height: auto; display: block; margin: .4rem 0; }
svg text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--rule); } svg .axis { stroke: var(--soft); }
svg .mark { stroke: var(--ink); stroke-dasharray: 5 4; }
svg .line { fill: none; stroke: var(--series-0); stroke-width: 2; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .88rem; color: var(--soft); }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .4em; border-radius: 2px; }
@media print { body { max-width: none; } h2 { break-after: avoid; } svg, table { break-inside: avoid; } }
"""


def page(title: str, body: str) -> str:
    """A whole document that asks nothing of the network and runs no script."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def section(anchor: str, title: str, *parts: str) -> str:
    """A headed part of the page that links can lead to; the parts are HTML."""
    return f'<h2 id="{escape(anchor)}">{escape(title)}</h2>\n' + "\n".join(part for part in parts if part)


def text(words: str, kind: str = "") -> str:
    """A paragraph; a percentage is not torn apart.

    Example:
        >>> text("a < b", "soft")
        '<p class="soft">a &lt; b</p>'
    """
    words = escape(words).replace(" %", "&nbsp;%")
    return f'<p class="{escape(kind)}">{words}</p>' if kind else f"<p>{words}</p>"


def table(caption: str, names: Sequence[str], rows: Sequence[Sequence[str]], n_texts: int = 1) -> str:
    """A table whose first ``n_texts`` columns hold text, and the others numbers, which are aligned to the right.

    Example:
        >>> table("", ["item", "n"], [["<b>", "2"]])
        '<div class="wide"><table>...<td>&lt;b&gt;</td><td class="n">2</td></tr></tbody></table></div>'
    """
    head = "".join(_cell("th", name, at >= n_texts) for at, name in enumerate(names))
    lines = ("".join(_cell("td", value, at >= n_texts) for at, value in enumerate(row)) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    title = text(caption, "caption") if caption else ""
    return f'{title}<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def tiles(numbers: Sequence[tuple[str, str]]) -> str:
    """Numbers to read first, each with what it counts."""
    boxes = "".join(
        f'<div class="tile"><b>{escape(number)}</b><span>{escape(name)}</span></div>' for number, name in numbers
    )
    return f'<div class="tiles">{boxes}</div>'


def _cell(tag: str, value: str, is_number: bool) -> str:
    kind = ' class="n"' if is_number else ""
    return f"<{tag}{kind}>{escape(value)}</{tag}>"
