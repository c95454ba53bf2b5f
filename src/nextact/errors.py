"""Errors that say the place, the problem, the count and one example."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from nextact.printing import printable

EXAMPLE = ", e.g. "  # what follows in a message is a value of a user's table


class NextactError(ValueError):
    """Something a user can put right; shown as one message, without a traceback.

    Args:
        message: May name what users wrote: what of it would act on a terminal is written out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, keep="\n"))

    @property
    def without_example(self) -> str:
        """The message up to what it quotes of a table: for places that keep text, where nobody's data belong."""
        return str(self).partition(EXAMPLE)[0]

    def __reduce__(self) -> Any:
        """As it stands, so that a worker process can hand it over whatever its class is built from."""
        return _as_it_stood, (type(self), self.args, vars(self))


class CannotFit(NextactError):  # noqa: N818 - says what happened, as StopIteration does
    """A model that cannot be fitted on this data, for a reason that is neither an error of the options nor of the code.

    It is left out and the run goes on with the others; the message says why in one line, without the model's name.
    """


class NotEnoughMemory(CannotFit):
    """A model that cannot be fitted in the memory that is free now; it may fit another time."""


class TableError(NextactError):
    """A table breaks its contract.

    Args:
        place: The table and column, for example ``events['timestamp']``.
        problem: What is wrong, in a few words.
        n_bad: Rows concerned.
        example: One offending value.

    Example:
        >>> raise TableError("events['timestamp']", "not a time", 3, "yesterday")
        Traceback (most recent call last):
        nextact.errors.TableError: events['timestamp']: not a time in 3 row(s), e.g. 'yesterday'
    """

    def __init__(self, place: str, problem: str, n_bad: int, example: object) -> None:
        self.place, self.problem, self.n_bad, self.example = place, problem, n_bad, example
        super().__init__(f"{place}: {problem} in {n_bad:,} row(s){EXAMPLE}{shorten(example)}")


def _as_it_stood(kind: type[NextactError], arguments: tuple[str, ...], attributes: dict[str, Any]) -> NextactError:
    error = kind.__new__(kind, *arguments)
    vars(error).update(attributes)
    return error


def shorten(example: object, limit: int = 80) -> str:
    """The repr of an example, cut so that a megabyte of text stays one line.

    Example:
        >>> shorten("a" * 200, limit=10)
        "'aaaaaaa..."
    """
    text = repr(example)
    return text if len(text) <= limit else text[: limit - 2] + "..."


MODELS_RENAMED = {"own_most_bought": "personal_popularity", "demand": "popularity_forecast"}


def renamed_to(name: str) -> str | None:
    """A clause naming what a model is called now; None for a name that never was another one's.

    Example:
        >>> renamed_to("baselines.demand.options")
        "it is 'baselines.popularity_forecast.options' now"
    """
    parts = name.split(".")
    now = [MODELS_RENAMED.get(part, part) for part in parts]
    return f"it is {'.'.join(now)!r} now" if now != parts else None


def suggest(name: str, known: Iterable[str]) -> str:
    """A clause naming the close match, or what there is to choose from; a name in another case is the closest.

    Example:
        >>> suggest("user", ["user_id", "item_id"])
        "did you mean 'user_id'?"
        >>> suggest("user_id", ["User_ID", "item_id"])
        "did you mean 'User_ID'?"
        >>> suggest("xyz", ["user_id", "item_id"])
        'known: item_id, user_id'
        >>> suggest("demand", ["ease", "popularity_forecast"])
        "it is 'popularity_forecast' now"
    """
    names = sorted(known)
    if now := renamed_to(name):
        return now
    in_any_case = {one.casefold(): one for one in names}
    close = get_close_matches(name.casefold(), in_any_case, n=1, cutoff=0.5)
    if close:
        return f"did you mean {in_any_case[close[0]]!r}?"
    return "known: " + (", ".join(names) if names else "none")
