"""Fill the tables of the README and of ``docs`` from the lines in ``benchmarks/results``.

    python benchmarks/report.py

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``. Of several lines of one measurement the newest
counts, and below each table stand the commands that measured it. A test holds the committed pages against this.
"""

from __future__ import annotations

import re
from pathlib import Path

import report_domains
import report_feedback
import report_models
import report_protocols
import report_run
import report_speed
import report_text

ROOT = Path(__file__).parents[1]
PAGES = (
    ROOT / "README.md",
    *(page for name in ("measurements", "domains") for page in sorted((ROOT / "docs" / name).glob("*.md"))),
)
PLACE = re.compile(r"(<!-- table: ([^\n]+) -->\n).*?(<!-- end -->)", re.DOTALL)
TABLES = (
    report_models.TABLES
    | report_text.TABLES
    | report_protocols.TABLES
    | report_speed.TABLES
    | report_run.TABLES
    | report_feedback.TABLES
    | report_domains.TABLES
)


def fill(page: str) -> str:
    """The page with its tables made anew."""
    return PLACE.sub(lambda found: f"{found[1]}{TABLES[found[2]].markdown()}{found[3]}", page)


def main() -> None:
    """Read, fill, write, draw."""
    for path in PAGES:
        path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
    report_run.draw(ROOT / "docs" / "measurements" / "run.svg")


if __name__ == "__main__":
    main()
