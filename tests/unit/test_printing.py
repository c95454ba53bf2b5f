import io
import json

import pandas as pd
import pytest

from nextact.datasets.evaluation import SummaryDataset
from nextact.errors import NextactError, TableError
from nextact.printing import csv_cell, printable
from nextact.reports.summary import ShownUser, Summary, user_lines

RED = "\x1b[31mtea\x07"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\r\n\tb", r"a\r\n\tb"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),  # the control sequence of eight bits
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("half \ud83d", r"half \ud83d"),
        ("面白い ☕ über 👩‍👩‍👧 \\", "面白い ☕ über 👩‍👩‍👧 \\"),
        ("", ""),
    ],
)
def test_what_acts_on_a_terminal_is_written_out_and_nothing_else(text, written):
    assert printable(text) == written
    written.encode("utf-8")


def test_some_characters_may_stay():
    assert printable("a\n\tb\x1b", keep="\n") == "a\n\\tb\\x1b"


@pytest.mark.parametrize("begin", list("=+-@\t\r\uff1d\uff0b\uff0d\uff20"))
def test_a_cell_that_would_be_a_formula_begins_with_an_apostrophe(begin):
    assert csv_cell(f"{begin}cmd|' /C calc'!A0") == "'" + printable(begin) + "cmd|' /C calc'!A0"


@pytest.mark.parametrize("text", ["", "tea = 3", "'quoted'", " =1", "5-minute rice"])
def test_another_cell_is_as_it_was(text):
    assert csv_cell(text) == text


def test_the_summary_of_a_user_is_one_line_each_without_escape_codes():
    past = pd.DataFrame({"event_type": [RED], "item_text": [f"{RED}\n\nuser u2\n  did"]})
    recommended = pd.DataFrame({"rank": [1], "item_text": [RED], "probability": [0.5], "reason": [f"as {RED}"]})
    lines = user_lines("u\x1b1", past, recommended)
    assert lines == [
        r"user u\x1b1",
        r"  did       \x1b[31mtea\x07: \x1b[31mtea\x07\n\nuser u2\n  did",
        r"   1. \x1b[31mtea\x07 (50.00%; as \x1b[31mtea\x07)",
    ]
    users = (ShownUser(user_id="u\x1b1", lines=tuple(lines)), ShownUser(user_id="u2", lines=("user u2",)))
    shown = Summary(leaderboard=("leaderboard",), users=users)
    assert str(shown) == "\n\n".join(["leaderboard", "\n".join(lines), "user u2"])


def test_a_user_is_an_object_of_the_stored_summary(tmp_path):
    kept = SummaryDataset(filepath=str(tmp_path / "run_summary.json"))
    user = ShownUser(user_id="u1", lines=("user u1", "  did tea\n\nuser u2"))
    shown = Summary(leaderboard=("best",), users=(user,))
    kept.save(shown)
    assert json.loads((tmp_path / "run_summary.json").read_text())["users"] == [
        {"user_id": "u1", "lines": ["user u1", "  did tea\n\nuser u2"]}
    ]
    assert kept.load() == shown


def test_errors_name_what_users_wrote_without_escape_codes(capsys):
    assert str(NextactError(f"no item {RED}\nsecond line")) == "no item \\x1b[31mtea\\x07\nsecond line"
    assert str(TableError(f"events[{RED}]", "not a time", 1, RED)).count("\x1b") == 0
    print(NextactError("half \ud83d"), file=io.TextIOWrapper(io.BytesIO(), "utf-8"))
