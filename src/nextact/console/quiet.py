"""A quiet terminal: everything goes to a file, and what asks for action to the terminal as well."""

from __future__ import annotations

import logging
import sys
from datetime import datetime
from pathlib import Path

LOGS, KEPT = "logs", 20  # newest files that stay
OURS = ("nextact", "kedro")  # whose warnings ask for action; those of libraries are in the file
LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class AsksForAction(logging.Filter):
    """Errors of anybody, and our warnings and Kedro's."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown."""
        ours = record.name.split(".")[0] in OURS
        return record.levelno >= logging.ERROR or (record.levelno >= logging.WARNING and ours)


class Plain(logging.Formatter):
    """Level and message, in the style of the command's own messages."""

    def format(self, record: logging.LogRecord) -> str:
        """One record, without a traceback: that is in the file."""
        return f"{record.levelname.lower()}: {record.getMessage()}"


def quiet(root: Path) -> Path:
    """Have the terminal show what asks for action, and a new file below ``root`` everything.

    Handlers that write to the terminal are replaced; others stay.

    Args:
        root: Of the project.

    Returns:
        The file.
    """
    top = logging.getLogger()
    for handler in [one for one in top.handlers if _is_terminal(one)]:
        top.removeHandler(handler)
    shown = logging.StreamHandler(sys.stdout)
    shown.addFilter(AsksForAction())
    shown.setFormatter(Plain())
    top.addHandler(shown)
    file = _new_file(root / LOGS)
    kept = logging.FileHandler(file, encoding="utf-8")
    kept.setFormatter(logging.Formatter(LINE))
    top.addHandler(kept)
    return file


def _is_terminal(handler: logging.Handler) -> bool:
    is_rich = type(handler).__name__ == "RichHandler"
    is_stream = type(handler) is logging.StreamHandler and handler.stream in (sys.stdout, sys.stderr)
    return is_rich or is_stream or any(isinstance(one, AsksForAction) for one in handler.filters)


def _new_file(folder: Path) -> Path:
    """A file named after the moment; of the older ones the newest few stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("run-*.log"))[: -(KEPT - 1) or None]:
        old.unlink(missing_ok=True)
    return folder / f"run-{datetime.now():%Y%m%dT%H%M%S.%f}.log"
