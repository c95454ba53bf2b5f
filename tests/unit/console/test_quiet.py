import io
import logging
import sys
from types import SimpleNamespace

import pytest

from nextact.console import quiet as module
from nextact.console.quiet import quiet


@pytest.fixture
def loggers(monkeypatch):
    """The root logger as a command finds it, with a terminal; put back afterwards."""
    top, terminal = logging.getLogger(), io.StringIO()
    kept, level = list(top.handlers), top.level
    monkeypatch.setattr(module, "sys", SimpleNamespace(stdout=terminal, stderr=sys.stderr))
    top.addHandler(logging.StreamHandler(terminal))
    top.setLevel(logging.INFO)
    yield top, terminal
    for handler in [one for one in top.handlers if one not in kept]:
        top.removeHandler(handler)
        handler.close()
    top.handlers[:] = kept
    top.setLevel(level)


def test_the_terminal_shows_what_asks_for_action_and_the_file_everything(loggers, tmp_path):
    _, terminal = loggers
    file = quiet(tmp_path)
    for name, level in (
        ("nextact.events", "info"),
        ("nextact.events", "warning"),
        ("gensim", "warning"),
        ("x", "error"),
    ):
        getattr(logging.getLogger(name), level)("%s of %s", level, name)
    assert terminal.getvalue().splitlines() == ["warning: warning of nextact.events", "error: error of x"]
    written = file.read_text()
    assert [words in written for words in ("info of nextact", "warning of gensim", "error of x")] == [True] * 3


def test_a_second_run_in_one_process_writes_each_line_once(loggers, tmp_path):
    _, terminal = loggers
    quiet(tmp_path)
    quiet(tmp_path)
    logging.getLogger("nextact").warning("once")
    assert terminal.getvalue() == "warning: once\n"


def test_other_handlers_stay(loggers, tmp_path):
    top, _ = loggers
    other = logging.StreamHandler(io.StringIO())
    top.addHandler(other)
    quiet(tmp_path)
    assert other in top.handlers


def test_the_newest_files_stay(tmp_path, loggers, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    files = [quiet(tmp_path) for _ in range(5)]
    for file in files:
        file.touch()
    newest = quiet(tmp_path)
    assert sorted(one.name for one in (tmp_path / "logs").iterdir()) == [*(one.name for one in files[-2:]), newest.name]
