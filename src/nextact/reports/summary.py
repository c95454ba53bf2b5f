"""What a run found, in words: the leaderboard, and a few users with their past and their recommendations."""

from __future__ import annotations

from textwrap import wrap
from unicodedata import east_asian_width

import pandas as pd

from nextact.events import columns as c
from nextact.metrics.comparison import Interval
from nextact.printing import printable
from nextact.reports.behaviour_words import SURE, behaviour_verdict
from nextact.reports.cautions import cautions
from nextact.results.evaluation import TestResults
from nextact.versioned import Frozen, Versioned

WIDTH, NAME, CELL = 100, 30, 27  # columns of a terminal, of a model's name, of an interval
LEAST = 30  # columns of an item that a long reason leaves
BASELINES = "baselines"


class ShownUser(Frozen):
    """A user with what is printed of them, a line each."""

    user_id: str
    lines: tuple[str, ...]


class Summary(Versioned):
    """What is printed at the end of a run; kept by its parts, so that a user can be taken out of it.

    Attributes:
        leaderboard: Lines on models, none on a user.
        users: Those shown.
    """

    leaderboard: tuple[str, ...]
    users: tuple[ShownUser, ...]

    def __str__(self) -> str:
        """The leaderboard, then each user after an empty line."""
        return "\n\n".join("\n".join(lines) for lines in (self.leaderboard, *(user.lines for user in self.users)))


def leaderboard_lines(results: TestResults) -> list[str]:
    """Models on test, best on validation first; which one serves and how it stands; which were left out."""
    metrics = list(dict.fromkeys([results.metric, "hit_rate@10"]))
    lines = [f"{'model':<{NAME}}" + "".join(f"{name + ' on test':<{CELL}}" for name in metrics).rstrip()]
    for model in results.models:
        name = f"{model.name} (serves)" if model.name == results.chosen else model.name
        cells = "".join(f"{_interval(model.test.get(metric)):<{CELL}}" for metric in metrics)
        lines.append(f"{name:<{NAME}}{cells}".rstrip())
    said = [f"{results.users:,} users in test; best on validation first.", *verdict(results)]
    said += [*behaviour_verdict(results), *cautions(results), *results.models_left_out]
    return [*lines, "", *(line for one in said for line in wrap(one, WIDTH, subsequent_indent="  "))]


def verdict(results: TestResults) -> list[str]:
    """Why the model serves, and how it stands on test: a sentence each."""
    return [_why(results), _on_test(results)]


def _why(results: TestResults) -> str:
    first, chosen = results.models[0], results.chosen_model
    if first.name != chosen.name:
        gives_way = f"{first.name} stands higher on validation, but is not shown to be better than the best baseline"
        return f"{chosen.name} serves: {gives_way} and costs more."
    baselines = [one.name for one in results.models if one.family == BASELINES]
    if chosen.family == BASELINES or not baselines:
        return f"{chosen.name} serves: nothing is better on validation."
    better = f"shown to be better there than {baselines[0]}, the best baseline"
    return f"{chosen.name} serves: best on validation, and {better}."


def _on_test(results: TestResults) -> str:
    baseline, against = results.baseline, results.against_baseline
    if baseline is None or against is None:
        return f"On test it reaches {results.metric} {_interval(results.chosen_model.test[results.metric])}."
    other = "other " if results.chosen_model.family == BASELINES else ""
    by = f"{against.difference:+.4f} [{against.low:+.4f}, {against.high:+.4f}]"
    if against.p_value_holm >= SURE:
        corrected = f"p {against.p_value_holm:.2f} once corrected for all comparisons"
        return f"On test no difference is shown between it and {baseline}, the best {other}baseline: {by}, {corrected}."
    better = "better" if against.difference > 0 else "worse"
    return f"On test it is {better} than {baseline}, the best {other}baseline, by {by}."


def user_lines(user_id: str, past: pd.DataFrame, recommended: pd.DataFrame, n: int = 5) -> list[str]:
    """A user's newest ``n`` events and first ``n`` recommendations, each with its reason, a line of the terminal each.

    Names are written so that nothing in them acts on a terminal.
    """
    lines = [f"user {user_id}"]
    lines += [f"  did       {row[c.EVENT_TYPE]}: {row[c.ITEM_TEXT]}" for _, row in past.tail(n).iterrows()]
    for _, row in recommended.head(n).iterrows():
        said = printable(f" ({row['probability']:.2%}; {row['reason']})")
        start = printable(f"  {row['rank']:>2}. {row[c.ITEM_TEXT]}")
        lines.append(fitted(start, max(WIDTH - columns(said), LEAST)) + said)
    return [fitted(printable(line), WIDTH) for line in lines]


def columns(text: str) -> int:
    """Columns of a terminal that a text takes: a wide character, as of Chinese, takes two.

    Example:
        >>> columns("tea"), columns("茶")
        (3, 2)
    """
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in text)


def fitted(text: str, width: int) -> str:
    """The text, its end cut off where it takes more columns.

    Example:
        >>> fitted("green tea", 6), fitted("茶茶茶", 5)
        ('green…', '茶茶…')
    """
    if columns(text) <= width:
        return text
    while columns(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def _interval(found: Interval | None) -> str:
    return "-" if found is None else f"{found.mean:.4f} [{found.low:.4f}, {found.high:.4f}]"
