"""Write the pages of measurements in ``docs/measurements`` from the lines in ``benchmarks/results``.

    python benchmarks/report.py

Of several lines of one measurement the newest counts. A test holds the committed pages against what is written here.
"""

from __future__ import annotations

from pathlib import Path

import report_models
import report_protocols
import report_speed
import report_text

FOLDER = Path(__file__).parents[1] / "docs" / "measurements"
PAGES = (report_models.MODELS, report_models.HORIZONS, report_text.PAGE, report_protocols.PAGE, report_speed.PAGE)


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {f"{page.name}.md": page.markdown() for page in PAGES}


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
